"""The sets of clips, as literal lists: the demo's story, tuning, scoring, hard empty footage, tampering.

A `Plan` says everything about a clip; its truth follows from it alone (`truth_of`), its pixels too (`compose.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from random import Random

import numpy as np

from sample_feeds.district import map as district_map
from sample_feeds.district.plane import ExactPlane
from sample_feeds.scenes import assets, stage
from sample_feeds.scenes.cameras import CAMERAS, FPS, Camera
from sample_feeds.scenes.effects import CloudShadow, Effect, Flicker, Headlights, Rain, Tamper, Thing, Wind
from sample_feeds.scenes.people import BY_ID, IDENTITIES
from sample_feeds.scenes.story import Step, Walk, along, before, passers, route
from sample_feeds.scenes.truth import VERSION, Calibration, Header, Seen

BY_CAMERA = {c.id: c for c in CAMERAS}
SETS = ("demo", "tuning", "scoring", "hard", "tampering")
SEEDS = {"demo": 1, "tuning": 21, "scoring": 42, "hard": 63, "tampering": 84}  # of the committed clips

# The scoring set looks from other posts than every other set: a model tuned on those has not seen these views.
SCORING_CAMERAS = tuple(
    replace(c, x=c.x + dx, y=c.y + dy, id=f"{c.id}-b")
    for c, dx, dy in (
        (BY_CAMERA["school-yard"].moved(yaw=-9, pitch=3, rise=-0.7), 3.0, -5.0),
        (BY_CAMERA["crossing"].moved(yaw=11, pitch=2, rise=-0.6), 1.0, -2.5),
        (BY_CAMERA["park-path"].moved(yaw=-8, pitch=4, rise=0.8), -3.5, 5.0),
        (BY_CAMERA["river-bank"].moved(yaw=10, pitch=3, rise=0.9), 2.5, 1.5),
        (BY_CAMERA["school-gate"].moved(yaw=6, pitch=3, rise=0.6), -3.0, 6.0),
    )
)
ALL_LIGHTS = ("day", "dusk", "night", "ir", "rain")
VIEWS: tuple[tuple[Camera, tuple[str, ...]], ...] = (
    *((c, ALL_LIGHTS) for c in CAMERAS),
    (SCORING_CAMERAS[0], ("rain", "night", "day")),
    (SCORING_CAMERAS[1], ("rain", "day", "night")),
    (SCORING_CAMERAS[2], ("rain", "dusk")),
    (SCORING_CAMERAS[3], ("rain", "day")),
    (SCORING_CAMERAS[4], ("rain", "ir")),
)


PERIOD = 60.0


@dataclass(frozen=True)
class Plan:
    """One clip. Every walk comes again after `period` seconds; where that is the clip's length, the clip loops."""

    name: str
    set: str
    camera: Camera
    light: str
    seed: int
    seconds: float
    walks: tuple[Walk, ...] = ()
    effects: tuple[Effect, ...] = ()
    period: float = PERIOD
    frozen_from: int = 0  # from this frame on the picture stands still; 0: never

    @property
    def frames(self) -> int:
        return round(self.seconds * FPS)


def plans(name: str, seed: int | None = None) -> list[Plan]:
    """The clips of a set; another seed gives other people, ways and noise."""
    makers = {"demo": _demo, "tuning": _tuning, "scoring": _scoring, "hard": _hard, "tampering": _tampering}
    return makers[name](SEEDS[name] if seed is None else seed)


def truth_of(plan: Plan, sheets: dict[str, assets.Sheet] | None = None) -> tuple[Header, list[Seen]]:
    """A clip's header and rows, from the plan and the committed silhouettes and depths alone."""
    camera, plane = plan.camera, ExactPlane()
    depth = assets.read_plate(camera.id, (camera.width, camera.height), only="rain").depth
    sheets = sheets if sheets is not None else read_sheets(plan)
    rows: list[Seen] = []
    for frame in range(plan.frames):
        moment = min(frame, plan.frozen_from) if plan.frozen_from else frame
        present = stage.figures(camera, plan.walks, moment / FPS, plan.period)
        rows += stage.seen(camera, plane, depth, sheets, present, frame)
    return _header(plan, rows, plane), rows


def read_sheets(plan: Plan) -> dict[str, assets.Sheet]:
    """The sheets of everyone in a clip."""
    return {who: assets.read_sheet(who) for who in sorted({w.identity for w in plan.walks})}


def _header(plan: Plan, rows: Sequence[Seen], plane: ExactPlane) -> Header:
    c = plan.camera
    lon, lat = plane.to_lonlat((c.x, c.y))
    first, second, third = (tuple(round(float(v), 6) for v in row) for row in c.homography)
    calibration = Calibration(
        round(float(lon), 7), round(float(lat), 7), c.z, c.yaw, c.pitch, c.hfov, round(c.focal_px, 4), (plane.lon, plane.lat),
        ((first[0], first[1], first[2]), (second[0], second[1], second[2]), (third[0], third[1], third[2])),
    )  # fmt: skip
    return Header(
        version=VERSION, clip=plan.name, set=plan.set, camera=c.id, light=plan.light, seed=plan.seed, fps=FPS,
        frames=plan.frames, width=c.width, height=c.height,
        effects=tuple(_effect_name(e) for e in plan.effects) + (("frozen",) if plan.frozen_from else ()),
        identities={who: BY_ID[who].name for who in sorted({r.identity for r in rows})}, calibration=calibration,
    )  # fmt: skip


def _effect_name(effect: Effect) -> str:
    if isinstance(effect, Tamper):
        return effect.how
    return effect.what if isinstance(effect, Thing) else type(effect).__name__.lower()


CORNERS = ((-72, 40), (88, -66), (-46, -196), (-192, -84), (-48, -82), (-12, -219), (-79.1, -34))


@cache
def _routes() -> tuple[tuple[tuple[float, float], ...], ...]:
    district = district_map.read()
    pairs = [(a, b) for a in CORNERS for b in CORNERS if a < b]
    return tuple(tuple(r) for r in (route(district, a, b) for a, b in pairs) if len(r) > 2)


def _seen_by(camera: Camera) -> list[tuple[tuple[float, float], ...]]:
    """The routes of which a camera sees a good piece, and a few straight across its ground."""
    walker = IDENTITIES[4].id
    found = []
    for points in _routes():
        part = before(camera, Walk(walker, 0.0, along(points)))
        if part and part.lasts > 9:
            found.append(points)
    return found


def _everyday(
    name: str, set_: str, camera: Camera, light: str, seed: int, seconds: float, people: Sequence[str], *more: Walk
) -> Plan:
    rnd = Random(f"{seed}-{name}")
    crowd = list(people)
    rnd.shuffle(crowd)
    busy = {w.identity for w in more}
    number = rnd.randrange(1, 10**6)
    # Open ground again and again: a detector is measured on people near the camera, not only on the far pavement.
    ways = [*_seen_by(camera), *(way for _ in range(2 if set_ == "demo" else 6) for way in _across(camera, rnd))]
    walks = passers(camera, ways, [p for p in crowd if p not in busy], number, PERIOD)
    return Plan(name, set_, camera, light, number, seconds, (*walks, *more), _weather(light))


def _across(camera: Camera, rnd: Random) -> list[tuple[tuple[float, float], ...]]:
    """Ways over the open ground before a camera, at several distances, from one side to the other."""
    lines = OPEN_GROUND.get(camera.id.removesuffix("-b"), ())
    found = []
    for y in lines:
        pixels = np.array([[-0.12, y + rnd.uniform(-0.02, 0.08)], [0.5, y], [1.12, y + rnd.uniform(-0.02, 0.08)]])
        ground = camera.ground(pixels * [camera.width, camera.height])
        found.append(tuple((round(float(a), 2), round(float(b), 2)) for a, b in ground))
    return found


# Heights in the picture (0 its upper edge) at which no fence, rail or house is in the way.
OPEN_GROUND = {
    "school-yard": (0.6, 0.68, 0.8), "crossing": (0.5, 0.62), "park-path": (0.42, 0.52, 0.64, 0.8), "river-bank": (0.62, 0.7, 0.82),
}  # fmt: skip


def _weather(light: str) -> tuple[Effect, ...]:
    return (Wind(), Rain()) if light == "rain" else (Wind(),)


CHILD = "haneul"
TRESPASSER = "dolsae"
# The child's way home from school goes wrong: over the crossing, through the park, down to the water.
CHILD_WAY = ((-71, -30), (-71.2, -62), (-66.5, -67.6), (-53, -67.2), (-48, -70), (-47.6, -82), (-34, -98), (-14, -124), (-4, -146), (-2.5, -170), (-10, -190), (-12.5, -216))  # fmt: skip
BY_WATER = (Step(-13.5, -221.0), Step(-15.2, -224.6, wait=5.0), Step(-16.5, -224.0), Step(-22.0, -224.6), Step(-34.0, -227.0), Step(-52.0, -229.5))  # fmt: skip
TRESPASS = (
    Step(-74.9, -17.0), Step(-74.6, -24.0), Step(-79.2, -27.6), Step(-80.0, -27.7, "stand", 0.6),
    Step(-80.1, -27.7, "climb", 0.0, 1.75), Step(-80.9, -27.8, "climb", 0.3, 1.85), Step(-81.2, -27.8, "climb", 0.0, 0.0),
    Step(-86.5, -27.4), Step(-90.6, -25.6), Step(-93.6, -28.0, wait=3.0), Step(-93.4, -30.8), Step(-91.2, -30.4),
    Step(-90.8, -27.2), Step(-92.2, -25.4, wait=1.5), Step(-95.6, -29.5), Step(-99.5, -37.0), Step(-106.0, -42.0),
)  # fmt: skip


def _demo(seed: int) -> list[Plan]:
    everyone = [p.id for p in IDENTITIES if p.id not in (CHILD, TRESPASSER)]
    child = Walk(CHILD, 4.0, (*along(CHILD_WAY), *BY_WATER))
    yard, crossing, park, river, gate = CAMERAS

    def with_child(camera: Camera) -> list[Walk]:
        part = before(camera, child)
        return [part] if part and part.lasts < PERIOD else []

    return [
        Plan("school-yard-calm", "demo", yard, "night", seed, 20.0, (), (Wind(),)),
        Plan(
            "school-yard-trespass", "demo", yard, "night", seed + 1, 60.0, (Walk(TRESPASSER, 2.0, TRESPASS),), (Wind(),)
        ),
        _everyday("crossing", "demo", crossing, "day", seed, PERIOD, everyone, *with_child(crossing)),
        _everyday("park-path", "demo", park, "day", seed, PERIOD, everyone[::2], *with_child(park)),
        Plan("river-bank", "demo", river, "dusk", seed + 4, PERIOD, tuple(with_child(river)), (Wind(),)),
        _everyday("school-gate", "demo", gate, "dusk", seed, PERIOD, everyone[1::2], *with_child(gate)),
    ]


def _tuning(seed: int) -> list[Plan]:
    people = [p.id for p in IDENTITIES[0::2]]
    yard, crossing, park, river, gate = CAMERAS
    rows = (
        ("yard-day", yard, "day"), ("crossing-dusk", crossing, "dusk"), ("crossing-night", crossing, "night"),
        ("park-rain", park, "rain"), ("river-night", river, "night"), ("gate-ir", gate, "ir"),
    )  # fmt: skip
    return [_everyday(f"tuning-{name}", "tuning", c, light, seed, 16.0, people) for name, c, light in rows]


def _scoring(seed: int) -> list[Plan]:
    people = [p.id for p in IDENTITIES[1::2]]
    yard, crossing, park, river, gate = SCORING_CAMERAS
    rows = (
        ("yard-night", yard, "night"), ("yard-day", yard, "day"), ("crossing-day", crossing, "day"),
        ("crossing-night", crossing, "night"), ("park-dusk", park, "dusk"), ("park-rain", park, "rain"),
        ("river-day", river, "day"), ("gate-ir", gate, "ir"),
    )  # fmt: skip
    return [_everyday(f"scoring-{name}", "scoring", c, light, seed, 16.0, people) for name, c, light in rows]


def _hard(seed: int) -> list[Plan]:
    yard, crossing, park, river, gate = CAMERAS
    rows: tuple[tuple[str, Camera, str, tuple[Effect, ...]], ...] = (
        ("rain", crossing, "rain", (Wind(1.6, 40), Rain(520))),
        ("leaves", park, "day", (Wind(3.0, 40),)),
        ("cloud-shadow", yard, "day", (Wind(), CloudShadow(60))),
        ("headlights", crossing, "night", (Wind(), Headlights(6.0))),
        ("flicker", gate, "night", (Wind(), Flicker())),
        ("dog", park, "day", (Wind(), Thing("dog", -27.0, -112.0))),
        ("dog-ir", yard, "ir", (Wind(), Thing("dog", -92.0, -29.0))),
        ("bag", river, "dusk", (Wind(), Thing("bag", -13.0, -218.0), Thing("bag", -9.0, -221.0))),
    )
    return [
        Plan(f"hard-{name}", "hard", c, light, seed * 100 + k, 9.0, (), effects)
        for k, (name, c, light, effects) in enumerate(rows)
    ]


def _tampering(seed: int) -> list[Plan]:
    people = [p.id for p in IDENTITIES]
    _, crossing, park, _, gate = CAMERAS
    rows = (
        ("covered", crossing, "day"),
        ("defocused", park, "dusk"),
        ("turned", gate, "day"),
        ("frozen", crossing, "dusk"),
    )
    found = []
    for how, camera, light in rows:
        plan = _everyday(f"tampering-{how}", "tampering", camera, light, seed, 12.0, people)
        if how == "frozen":
            found.append(replace(plan, frozen_from=60))
        else:
            found.append(replace(plan, effects=(*plan.effects, Tamper(how, 60))))
    return found
