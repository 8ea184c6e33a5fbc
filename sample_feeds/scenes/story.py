"""Who walks where: people's ways through the district as pure functions of time.

A `Walk` is one person's way; `Walk.at(seconds)` is where that person is. The same walks are seen by every camera,
so that an identity is known from one camera to the next.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from random import Random
from typing import Literal

import numpy as np

from sample_feeds.district.map import District
from sample_feeds.scenes.cameras import Camera
from sample_feeds.scenes.people import BY_ID, IDENTITIES, Identity

Gait = Literal["walk", "run", "stand", "climb"]
RUN = 2.3  # times the walking speed
CLIMB = 0.45
FAR_M = 58.0  # beyond it a person is too small to be missed


@dataclass(frozen=True)
class Step:
    """Go to x, y (metres) at a height z, by a gait, then stand for `wait` seconds."""

    x: float
    y: float
    gait: Gait = "walk"
    wait: float = 0.0
    z: float = 0.0


@dataclass(frozen=True)
class Pose:
    """A person at one moment: metres, the compass bearing walked, metres walked so far, and how."""

    x: float
    y: float
    z: float
    bearing: float
    walked: float
    gait: Gait


@dataclass(frozen=True)
class Walk:
    """One identity's way from its first step on, starting `start` seconds into the story."""

    identity: str
    start: float
    steps: tuple[Step, ...]

    @property
    def person(self) -> Identity:
        return BY_ID[self.identity]

    @cached_property
    def _legs(self) -> list[tuple[float, float, Step, Step, float]]:
        """(begins, ends, from, to, walked before) for every stretch; standing is a stretch too."""
        legs: list[tuple[float, float, Step, Step, float]] = []
        now, walked = self.start, 0.0
        for a, b in pairwise(self.steps):
            if a.wait:
                legs.append(
                    (now, now + a.wait, Step(a.x, a.y, "stand", 0, a.z), Step(b.x, b.y, "stand", 0, a.z), walked)
                )
                now += a.wait
            length = math.dist((a.x, a.y, a.z), (b.x, b.y, b.z))
            speed = self.person.speed * {"run": RUN, "climb": CLIMB}.get(b.gait, 1.0)
            legs.append((now, now + length / speed, a, b, walked))
            now += length / speed
            walked += length
        return legs

    @property
    def ends(self) -> float:
        return self._legs[-1][1] if self._legs else self.start

    @property
    def lasts(self) -> float:
        return self.ends - self.start

    def at(self, seconds: float) -> Pose | None:
        """Where the person is, or None before the first and after the last step."""
        k = bisect_right(self._legs, seconds, key=lambda leg: leg[0]) - 1
        if k < 0 or seconds >= self.ends:
            return None
        begins, ends, a, b, walked = self._legs[k]
        bearing = math.degrees(math.atan2(b.x - a.x, b.y - a.y))
        if b.gait == "stand":
            return Pose(a.x, a.y, a.z, bearing, walked, "stand")
        share = (seconds - begins) / (ends - begins)
        length = math.dist((a.x, a.y, a.z), (b.x, b.y, b.z))
        x, y, z = (p + (q - p) * share for p, q in ((a.x, b.x), (a.y, b.y), (a.z, b.z)))
        return Pose(x, y, z, bearing, walked + length * share, b.gait)


def along(points: Sequence[tuple[float, float]], gait: Gait = "walk", side: float = 0.0) -> tuple[Step, ...]:
    """A way through points with its corners rounded, `side` metres to the right of it."""
    line = list(points)
    for _ in range(2):
        cut = [line[0]]
        for (ax, ay), (bx, by) in pairwise(line):
            cut += [(ax * 0.75 + bx * 0.25, ay * 0.75 + by * 0.25), (ax * 0.25 + bx * 0.75, ay * 0.25 + by * 0.75)]
        line = [*cut, line[-1]]
    line = _dense(line)
    steps = []
    for k, (x, y) in enumerate(line):
        (ax, ay), (bx, by) = line[max(0, k - 1)], line[min(len(line) - 1, k + 1)]
        length = math.hypot(bx - ax, by - ay) or 1.0
        steps.append(Step(round(x + (by - ay) / length * side, 3), round(y - (bx - ax) / length * side, 3), gait))
    return tuple(steps)


def _dense(line: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same way with a point every 1.5 m or less."""
    points = [line[0]]
    for (ax, ay), (bx, by) in pairwise(line):
        count = max(1, math.ceil(math.dist((ax, ay), (bx, by)) / 1.5))
        points += [(ax + (bx - ax) * k / count, ay + (by - ay) * k / count) for k in range(1, count + 1)]
    return points


def route(district: District, start: tuple[float, float], goal: tuple[float, float]) -> list[tuple[float, float]]:
    """The shortest way on foot between the nodes nearest to two places."""
    first, last = district.nearest_node(*start), district.nearest_node(*goal)
    best: dict[tuple[float, float], float] = {first: 0.0}
    came: dict[tuple[float, float], list[tuple[float, float]]] = {first: []}
    queue = [(0.0, first)]
    while queue:
        far, node = heapq.heappop(queue)
        if node == last:
            break
        for way in district.nodes[node]:
            points = list(way.line.coords) if way.start == node else list(way.line.coords)[::-1]
            other, total = points[-1], far + way.line.length
            if total < best.get(other, math.inf):
                best[other], came[other] = total, points
                heapq.heappush(queue, (total, other))
    found: list[tuple[float, float]] = [last]
    while found[0] != first:
        found = came[found[0]][:-1] + found
    return found


def before(camera: Camera, walk: Walk, margin: int = 2) -> Walk | None:
    """The part of a walk that a camera could see, at its own time; None where it never comes into view."""
    points = np.array([[s.x, s.y, s.z + walk.person.height_m / 2] for s in walk.steps])
    pixels, depth = camera.project(points)
    inside = (
        np.abs(pixels - [camera.width / 2, camera.height / 2]) < [camera.width / 2 + 60, camera.height / 2 + 60]
    ).all(1)
    shown = np.flatnonzero(inside & (depth > 1) & (depth < FAR_M))
    if not len(shown):
        return None
    first, last = max(0, int(shown[0]) - margin), min(len(points), int(shown[-1]) + 1 + margin)
    if last - first < 2:
        return None
    return Walk(
        walk.identity,
        round(walk.start + Walk(walk.identity, 0.0, walk.steps[: first + 1]).lasts, 3),
        walk.steps[first:last],
    )


def passers(
    camera: Camera,
    routes: Sequence[Sequence[tuple[float, float]]],
    people: Sequence[str],
    seed: int,
    period: float,
) -> tuple[Walk, ...]:
    """Everyday passers-by: each person once a period, on a way the camera can see, in either direction."""
    rnd = Random(seed)
    walks: list[Walk] = []
    for who in people:
        points = list(rnd.choice(routes))
        gait: Gait = "run" if BY_ID[who].runs and rnd.random() < 0.3 else "walk"
        steps = along(points if rnd.random() < 0.5 else points[::-1], gait, round(rnd.uniform(-0.8, 0.8), 2))
        walk = before(camera, Walk(who, 0.0, steps))
        if walk is None:
            continue
        steps = walk.steps
        if rnd.random() < 0.3 and len(steps) > 8:
            k = rnd.randrange(3, len(steps) - 3)
            steps = (*steps[:k], replace(steps[k], wait=round(rnd.uniform(1.5, 5), 1)), *steps[k + 1 :])
        walk = Walk(who, round(rnd.uniform(0, period), 2), steps)
        if walk.lasts < period - 0.5:
            walks.append(walk)
    return tuple(walks)


EVERYONE = tuple(p.id for p in IDENTITIES)
