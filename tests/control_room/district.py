"""A district made up in memory: its rows, pictures and, by scene, what has happened there."""

import io
from datetime import date, timedelta

from PIL import Image, ImageDraw

from haechi.domain.alerting import KINDS, Because
from haechi.domain.geo import Circle, Point
from haechi.domain.incidents import Incident
from haechi.domain.people import Person, Position, SafeZone
from haechi.domain.places import PlaceWords
from haechi.domain.scene import Scene
from haechi.domain.sensing import Sensor
from haechi.domain.video import BoundingBox, Camera, CameraView, CameraZone, Sighting, TrackId

D = "haneul"


def people(scene):
    long = scene == "names"
    some = [
        Person("p1", D, "Baek Seo-yun" if not long else "황보하늘빛나리", date(2018, 4, 2), "child", (), None),
        Person("p2", D, "Oh Mal-sun", date(1945, 1, 9), "elder", (), None),
        Person("p3", D, "남궁 별님이", date(1990, 7, 1), "other", (), None),
    ]
    return some + [Person(f"q{n}", D, f"Person {n}", date(1980, 1, 1), "other", (), None) for n in range(30)]


CAMERAS = [
    Camera(
        "c1",
        D,
        "Cam 01 School yard",
        "rtsp://x",
        Point(126.9215, 37.6180),
        (CameraZone("z1", "school yard", "forbidden", ((0.12, 0.5), (0.86, 0.46), (0.97, 0.97), (0.03, 0.97))),),
    ),
    Camera("c2", D, "Cam 02 Haetae-daero west", "rtsp://x", Point(126.9196, 37.6190), view=CameraView(20, 80, 140)),
    Camera("c3", D, "Cam 03 Park path", "rtsp://x", Point(126.9240, 37.6172)),
    Camera("c4", D, "Cam 04 Dallae-ro", "rtsp://x", Point(126.9219, 37.6200)),
    Camera("c5", D, "Cam 05 Eunbit Bridge", "rtsp://x", Point(126.9222, 37.6164), view=CameraView(0, 70, 60)),
    Camera("c6", D, "Cam 06 Market", "rtsp://x", Point(126.9224, 37.6206)),
]


SENSORS = [
    Sensor("s1", D, "Kitchen row", "gas", "%[LEL]", Point(126.9226, 37.6203)),
    Sensor("s2", D, "Station 3", "pm2.5", "ug/m3", Point(126.9252, 37.6190)),
    Sensor("s3", D, "Stream gauge", "water-level", "m", Point(126.9236, 37.6164)),
    Sensor("s4", D, "Library hall", "smoke", "%/m", Point(126.9205, 37.6202)),
]


ZONES = [SafeZone("home", D, "p1", "Safe zone: home", Circle(Point(126.9228, 37.6182), 95), ())]


def picture(seed, label, day=False, box=None):
    image = Image.new("RGB", (640, 360), (96, 98, 101) if not day else (205, 190, 165))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 150, 640, 360), fill=(70, 72, 74) if not day else (150, 145, 138))
    for i in range(0, 640, 40):
        draw.line((320 + (i - 320) * 0.5, 150, 320 + (i - 320) * 3, 360), fill=(62, 64, 66), width=1)
    for i in range(4):
        draw.rectangle((70 + i * 140, 40, 110 + i * 140, 90), fill=(50, 52, 55))
    x = 120 + (seed * 37) % 380
    draw.rectangle((x, 150, x + 34, 240), fill=(40, 42, 44))
    draw.ellipse((x + 7, 126, x + 27, 152), fill=(60, 55, 52))
    draw.text((10, 10), label, fill=(230, 230, 230))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


def walk(person, at, n=14):
    return tuple(
        Position(
            "dev",
            person,
            at - timedelta(seconds=(n - i) * 6),
            at - timedelta(seconds=(n - i) * 6),
            Point(126.92290 + 0.00011 * i, 37.61835 - 0.000115 * i),
            12.0,
        )
        for i in range(n)
    )


def incident(n, kind, subject, place, title, age_s, now, **more):
    at = now - timedelta(seconds=age_s)
    words = more.pop("words", "fix outside by 41 m confirmed (3 of 4)")
    because = Because(kind, words, **{k: more.pop(k) for k in ("fixes", "sightings", "zone") if k in more})
    ack = more.pop("ack", None)
    return Incident(
        id=f"i{n}",
        alert_id=f"a{n}",
        number=2611_0470 + n,
        kind=kind,
        subject=subject,
        place=place,
        district=D,
        severity=more.pop("severity", KINDS[kind].severity),
        status=more.pop("status", "Actual"),
        state="acknowledged" if ack else "unacknowledged",
        title=title,
        starts_at=at,
        received_at=at + timedelta(milliseconds=21),
        decided_at=at + timedelta(milliseconds=64),
        opened_at=at + timedelta(milliseconds=88),
        because=because,
        first_attempt_at=at + timedelta(milliseconds=131),
        acknowledged_at=at + timedelta(seconds=7) if ack else None,
        acknowledged_by=ack,
        owner=ack,
        **more,
    )


def scene_incidents(scene, now):
    if scene == "empty":
        return []
    sighting = Sighting(TrackId("c1", 1, 1), "person", BoundingBox(0.42, 0.35, 0.06, 0.32), 0.8)
    some = [
        incident(
            1,
            "zone-exit",
            "p1",
            "home",
            "Left safe zone",
            29,
            now,
            fixes=walk("p1", now),
            zone="home",
            point=Point(126.9243, 37.6168),
            accuracy_m=12.0,
        ),
        incident(
            2,
            "sos",
            "p2",
            "-",
            "SOS pressed",
            112,
            now,
            point=Point(126.9200, 37.6199),
            accuracy_m=18.0,
            words="SOS pressed on device k3fd…",
            presses=3,
            scene=Scene(Point(126.9200, 37.6199), 18.0, now - timedelta(seconds=290), PlaceWords("", ""), battery=31.0),
        ),
        incident(
            3,
            "trespass",
            "c1",
            "z1",
            "Trespass",
            178,
            now,
            evidence="e" * 64,
            sightings=(sighting,),
            point=Point(126.9213, 37.6183),
            words="one person in school yard in 3 of 5 frames",
        ),
        incident(
            4,
            "gas",
            "s1",
            "gas-high",
            "Gas 21 % LEL",
            250,
            now,
            severity=2,
            ack="Park Ha-neul",
            words="21 % LEL, above 20 for 10 s",
        ),
        incident(5, "blind", "c4", "-", "Camera covered", 474, now, ack="desk 1", words="picture dark for 30 s"),
        incident(6, "air", "p3", "-", "Not at school by 8:40", 500, now, ack="desk 1", ends_at=now),
        incident(7, "air", "s2", "pm", "Fine dust 162 µg/m³", 1427, now, words="mean of an hour above 150"),
        incident(
            8,
            "sos",
            "unknown:203.0.113.9",
            "-",
            "SOS from an unknown device",
            1862,
            now,
            severity=3,
            status="Exercise",
            ack="desk 1",
        ),
    ]
    if scene == "drills":
        some.append(
            incident(
                9,
                "sos",
                "p1",
                "test",
                "SOS pressed",
                40,
                now,
                severity=3,
                status="Test",
                point=Point(126.9222, 37.6167),
                accuracy_m=9.0,
                words="SOS pressed on device p3fd…; the test that Baek Jun-ho (guardian) asked for",
            )
        )
    if scene == "names":
        some[1] = incident(
            2,
            "sos",
            "p2",
            "-",
            "구조 요청 버튼이 눌렸습니다, 매우 긴 제목이 들어갑니다",
            112,
            now,
            point=Point(126.9200, 37.6199),
            accuracy_m=18.0,
        )
        some[2] = incident(
            3,
            "trespass",
            "c1",
            "z1",
            "Somebody is in a place in which nobody should be at this hour of the night",
            178,
            now,
            evidence="e" * 64,
            sightings=(sighting,),
        )
    if scene == "flood":
        some += [
            incident(
                20 + n,
                ("sos", "trespass", "air")[n % 3],
                "p2",
                f"x{n}",
                ("SOS pressed", "Trespass", "Bad air")[n % 3],
                30 * n,
                now,
                point=Point(126.9185 + 0.0008 * (n % 12), 37.6165 + 0.0009 * (n % 7)),
                ack=None if n % 2 else "desk 1",
            )
            for n in range(70)
        ]
    return some
