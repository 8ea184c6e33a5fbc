"""Camera posts that are only ever trained on: other places in the district, and its known places from other sides."""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random

import numpy as np
import shapely
from shapely import LineString, Point

from sample_feeds.district.map import District
from sample_feeds.scenes.assets import KINDS, Plate
from sample_feeds.scenes.cameras import CAMERAS, Camera
from sample_feeds.scenes.clips import SCORING_CAMERAS
from sample_feeds.scenes.ground import WINDOW

APART_M, TURNED = 8.0, 35.0
"""So far from a scoring post a training post stands, or looks so many degrees elsewhere."""
KNOWN = 0.6
"""How many look at the places that the district's own cameras look at."""
LIGHTS = ("day", "dusk", "night", "ir")


def lights(camera: Camera) -> tuple[str, ...]:
    """Each post in rain, whose grey sky the composer needs, and in two lights more."""
    return ("rain", *Random(camera.id).sample(LIGHTS, 2))


def candidates(seed: int, district: District) -> Iterator[Camera]:
    """Posts without end, as far as the map alone can tell that they see something."""
    rnd = Random(f"{seed}-posts")
    built = shapely.union_all([building.shape.buffer(1.5) for building in district.buildings])
    trees = [place.at for place in district.places if place.kind in ("tree", "lamp")]
    inside = shapely.box(*WINDOW).buffer(-25)
    ways = [way.line for way in district.ways if way.line.intersects(inside)]
    number = 0
    while True:
        if rnd.random() < KNOWN:
            known = rnd.choice(CAMERAS)
            ahead = np.array([math.sin(math.radians(known.yaw)), math.cos(math.radians(known.yaw))])
            target = np.array([known.x, known.y]) + ahead * rnd.uniform(12, 24)
        else:
            point = rnd.choice(ways).interpolate(rnd.random(), normalized=True)
            target = np.array([point.x, point.y])
        bearing, away = rnd.uniform(0, 360), rnd.uniform(11, 22)
        x, y = target - away * np.array([math.sin(math.radians(bearing)), math.cos(math.radians(bearing))])
        camera = Camera(
            f"training-{number:02d}", "Training", round(float(x), 1), round(float(y), 1), round(rnd.uniform(4.2, 6.6), 2),
            round((bearing + rnd.uniform(-10, 10)) % 360, 1), round(rnd.uniform(12, 21), 1), round(rnd.uniform(60, 70), 1),
        )  # fmt: skip
        place = Point(x, y)
        sight = LineString([(x, y), tuple(target)])
        if (
            inside.contains(place)
            and not built.intersects(sight)
            and min(place.distance(tree) for tree in trees) > 2.5
            and not near_scoring(camera)
        ):
            yield camera
            number += 1


def near_scoring(camera: Camera) -> bool:
    """Whether a post shows what a scoring post shows."""
    return any(
        math.hypot(camera.x - other.x, camera.y - other.y) < APART_M
        and abs((camera.yaw - other.yaw + 180) % 360 - 180) < TURNED
        for other in SCORING_CAMERAS
    )


def sees_ground(plate: Plate) -> bool:
    """Whether a rendered view is worth standing at: enough open ground, and nothing right before the lens."""
    open_ground = plate.kind == KINDS.index("ground")
    return bool(open_ground.mean() > 0.2 and np.percentile(plate.depth, 10) > 350)
