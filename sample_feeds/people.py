"""Thirty people with a day each: where they live, where they go, who is told about them. All of them are invented.

Who they are, their homes and their safe zones are the same in every play; the seed decides when they set out, where
they go and how fast they walk. Ordinary life never leaves a safe zone: a zone is drawn around all the ways that its
person may take.
"""

import itertools
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Literal

import shapely
from shapely import MultiPoint, Polygon

from sample_feeds.district.map import District
from sample_feeds.walks import XY, Footways, Moment, Walk

Life = Literal["pupil", "school child", "elder", "worker"]
ZONE_MARGIN_M = 45.0


@dataclass(frozen=True)
class Guardian:
    """Somebody who is told, by the phone that the receivers play."""

    slug: str
    name: str


@dataclass(frozen=True)
class Resident:
    """`home` is a building's id; `haunts` are rows of `PLACES` that their day may lead to, the first one daily."""

    slug: str
    name: str
    born: date
    life: Life
    home: tuple[float, float]
    haunts: tuple[str, ...]
    guardians: tuple[Guardian, ...]

    @property
    def kind(self) -> Literal["child", "elder", "other"]:
        return {"pupil": "child", "school child": "child", "elder": "elder", "worker": "other"}[self.life]  # type: ignore[return-value]  # the table's values are those words


# name -> metres; the nearest place on the footways is meant.
PLACES: dict[str, XY] = {
    "school": (-79.1, -34.0),
    "market": (-22.0, 165.0),
    "clinic": (-33.0, 15.0),
    "library": (204.0, -90.0),
    "fire station": (266.0, 88.0),
    "police box": (-100.0, 70.0),
    "office": (120.0, 90.0),
    "park": (58.0, -142.0),
    "playground": (-4.0, -146.0),
    "song hall": (-226.0, 160.0),
    "river path": (-12.0, -222.0),
    "kiosk": (18.0, -98.0),
    "east stop": (372.0, 96.1),
    "west green": (-440.0, 300.0),
}


def _guardians(*rows: tuple[str, str]) -> tuple[Guardian, ...]:
    return tuple(Guardian(slug, name) for slug, name in rows)


def _row(slug: str, name: str, born: str, life: Life, home: XY, haunts: str, *guardians: tuple[str, str]) -> Resident:
    return Resident(slug, name, date.fromisoformat(born), life, home, tuple(haunts.split(", ")), _guardians(*guardians))


RESIDENTS: tuple[Resident, ...] = (
    # The school child is at school at any hour: the scenario leads it away.
    _row("nam-byeol", "Nam Byeol", "2016-04-02", "school child", (-79, -34), "school", ("nam-taeo", "Nam Taeo")),
    _row("seo-nabi", "Seo Nabi", "2015-09-17", "pupil", (-260, -30), "school, playground", ("seo-garam", "Seo Garam")),
    _row("mun-areum", "Mun Areum", "2014-11-30", "pupil", (-250, -150), "school, playground, kiosk", ("mun-haneul", "Mun Haneul"), ("mun-dan", "Mun Dan")),
    _row("cha-iseul", "Cha Iseul", "2017-01-21", "pupil", (-130, -150), "school, playground", ("cha-bora", "Cha Bora")),
    _row("cha-doran", "Cha Doran", "2013-06-08", "pupil", (-130, -150), "school, kiosk, market", ("cha-bora", "Cha Bora")),
    _row("bae-sol", "Bae Sol", "2016-12-25", "pupil", (10, 0), "school, market", ("bae-maru", "Bae Maru")),
    _row("to-garon", "To Garon", "2015-03-14", "pupil", (-180, 110), "school, song hall", ("to-nuri", "To Nuri")),
    _row("gi-dasom", "Gi Dasom", "2014-07-19", "pupil", (160, 0), "school, library, park", ("gi-hanbit", "Gi Hanbit")),
    _row("ma-roun", "Ma Roun", "2017-05-05", "pupil", (0, 110), "school, market", ("ma-sion", "Ma Sion")),
    _row("pyo-mirae", "Pyo Mirae", "2013-02-11", "pupil", (-270, 300), "school, song hall", ("pyo-jian", "Pyo Jian")),
    # Elders
    _row("ok-sunja", "Ok Sunja", "1941-08-15", "elder", (-60, -100), "park, kiosk, clinic", ("ok-jihyeon", "Ok Jihyeon"), ("ok-wonjae", "Ok Wonjae")),
    _row("gil-malja", "Gil Malja", "1944-10-01", "elder", (60, 190), "market, office", ("gil-yuna", "Gil Yuna")),
    _row("yang-bokdong", "Yang Bokdong", "1938-02-27", "elder", (-120, -140), "playground, river path", ("yang-sera", "Yang Sera")),
    _row("do-chunja", "Do Chunja", "1947-05-19", "elder", (-260, 110), "song hall, police box", ("do-minseo", "Do Minseo")),
    _row("pi-gapsun", "Pi Gapsun", "1942-12-03", "elder", (320, 10), "library, east stop", ("pi-aran", "Pi Aran")),
    _row("ham-deokgu", "Ham Deokgu", "1940-03-30", "elder", (10, 110), "market, clinic", ("ham-sori", "Ham Sori")),
    _row("ra-yeonok", "Ra Yeonok", "1945-07-07", "elder", (160, -10), "library, park", ("ra-daon", "Ra Daon")),
    _row("chae-manbok", "Chae Manbok", "1939-09-09", "elder", (-400, 250), "west green, song hall", ("chae-rin", "Chae Rin")),
    # People who work; they wear a button, and no zone is theirs
    _row("seok-hari", "Seok Hari", "1990-06-21", "worker", (-260, 300), "clinic, market, park", ("seok-jun", "Seok Jun")),
    _row("eom-ruda", "Eom Ruda", "1986-01-13", "worker", (300, 300), "office, market, library", ("eom-sena", "Eom Sena")),
    _row("tak-giwoong", "Tak Giwoong", "1979-11-05", "worker", (440, 10), "fire station, east stop", ("tak-miso", "Tak Miso")),
    _row("wi-sangah", "Wi Sangah", "1993-04-28", "worker", (-380, -150), "police box, river path", ("wi-doun", "Wi Doun")),
    _row("mo-yejin", "Mo Yejin", "1988-08-08", "worker", (160, 190), "library, park, office", ("mo-hangyeol", "Mo Hangyeol")),
    _row("noh-byeori", "Noh Byeori", "1975-10-17", "worker", (-20, 190), "market, kiosk", ("noh-sam", "Noh Sam")),
    _row("in-taesan", "In Taesan", "1982-12-12", "worker", (-300, 180), "school, song hall", ("in-chorong", "In Chorong")),
    _row("do-haram", "Do Haram", "1997-02-02", "worker", (340, -130), "park, library, kiosk", ("do-minseo", "Do Minseo")),
    _row("bu-iryeong", "Bu Iryeong", "1969-05-31", "worker", (420, 200), "east stop, fire station", ("bu-saem", "Bu Saem")),
    _row("seon-ujin", "Seon Ujin", "1991-09-26", "worker", (-150, 330), "market, office", ("seon-ara", "Seon Ara")),
    _row("guk-naeun", "Guk Naeun", "1984-03-03", "worker", (120, 330), "market, clinic, park", ("guk-tan", "Guk Tan")),
    _row("ye-sangdo", "Ye Sangdo", "1972-07-23", "worker", (-380, 20), "police box, west green", ("ye-bitna", "Ye Bitna")),
)  # fmt: skip

GUARDIANS: tuple[Guardian, ...] = tuple(dict.fromkeys(g for resident in RESIDENTS for g in resident.guardians))

Hours = tuple[float, float]
# life -> (set out at, come away at), hours of the local day, of each outing; the first leads to the first haunt.
OUTINGS: dict[Life, tuple[tuple[Hours, Hours], ...]] = {
    "school child": (),
    "pupil": (((7.9, 8.4), (14.2, 14.8)), ((15.0, 16.5), (17.0, 18.5))),
    "elder": (((7.0, 9.5), (10.0, 11.5)), ((13.5, 15.5), (16.0, 17.5))),
    "worker": (((7.2, 8.6), (11.8, 12.2)), ((12.2, 12.4), (12.7, 13.0)), ((13.0, 13.1), (17.5, 18.6)), ((18.8, 19.5), (20.0, 21.5))),
}  # fmt: skip
PACES: dict[Life, tuple[float, float]] = {
    "school child": (1.4, 1.5),
    "pupil": (1.0, 1.5),
    "elder": (0.8, 1.1),
    "worker": (1.1, 1.6),
}


class Town:
    """Everybody's whereabouts as a function of the day and the time of day."""

    def __init__(self, district: District, seed: int) -> None:
        self._district = district
        self._seed = seed
        self._days: dict[tuple[str, date], tuple[Walk, ...]] = {}
        self.ways = Footways(district)
        self.places = {name: self.ways.node(*at) for name, at in PLACES.items()}
        self.homes = {resident.slug: self.ways.node(*resident.home) for resident in RESIDENTS}

    def at(self, resident: Resident, day: date, seconds: float) -> Moment:
        """Where the resident is `seconds` after local midnight of the day."""
        walks = self.walks(resident, day)
        begun = [walk for walk in walks if walk.begins <= seconds]
        return begun[-1].at(seconds) if begun else Moment(*self.homes[resident.slug])

    def zone(self, resident: Resident) -> Polygon | None:
        """The area (metres) that ordinary life stays in; None for those who have no safe zone."""
        if resident.life not in ("pupil", "elder"):
            return None
        stops = [self.homes[resident.slug], *(self.places[haunt] for haunt in resident.haunts)]
        points = [p for a, b in itertools.permutations(stops, 2) for p in self.ways.way(a, b)]
        hull = MultiPoint(points).convex_hull.buffer(ZONE_MARGIN_M, quad_segs=4)
        return shapely.Polygon(hull.simplify(3).exterior)

    def walks(self, resident: Resident, day: date) -> tuple[Walk, ...]:
        """The ways of one day in order, in seconds after local midnight; before and between them the resident stands."""
        key = (resident.slug, day)
        if key not in self._days:
            for old in [k for k in self._days if k[0] == resident.slug and k[1] < day]:
                del self._days[old]
            self._days[key] = self._plan(resident, Random(f"{self._seed} {resident.slug} {day}"))
        return self._days[key]

    def _plan(self, resident: Resident, rnd: Random) -> tuple[Walk, ...]:
        """Out and home again, each walk after the one before; all are home long before midnight."""
        home, now, walks = self.homes[resident.slug], 0.0, []
        for k, (out, back) in enumerate(OUTINGS[resident.life]):
            goal = self.places[resident.haunts[0] if k % 2 == 0 else rnd.choice(resident.haunts)]
            for begins, points in (
                (rnd.uniform(*out), self.ways.way(home, goal)),
                (rnd.uniform(*back), self.ways.way(goal, home)),
            ):
                if len(points) < 2:
                    continue
                walk = Walk(max(begins * 3600, now), points, rnd.uniform(*PACES[resident.life]))
                now = walk.ends
                walks.append(walk)
        return tuple(walks)
