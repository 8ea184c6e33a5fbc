"""A whole school day with the zones that docs/safe-zones.md draws, taken from the page and read as the API reads them."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import numpy as np
import pytest

from analytics.positions.safe_zones import Rule
from control_room.api.models import SafeZoneBody
from haechi.domain.alerting import Alert
from haechi.domain.people import SafeZone
from haechi.domain.time import Tick
from tests.analytics.positions.build import AT, HOME, PLANE, Fix, fix, run, state_of
from tests.docs.pages import blocks, documents

CHILD = "5f0c8a4e-0b6e-4b5e-9a44-3f5d2a1c7e10"
FRIEND = "5f0c8a4e-0b6e-4b5e-9a44-3f5d2a1c7e11"
MIDNIGHT = -9 * 60  # minutes after AT, which is 9:00 on a Monday in Seoul
WALKING = 1.3

Path_ = Sequence[tuple[float, float]]
AT_HOME, BY_THE_GATE, IN_CLASS = (126.9227, 37.6186), (126.9301, 37.6203), (126.9313, 37.6205)
TO_SCHOOL: Path_ = (AT_HOME, BY_THE_GATE, IN_CLASS)
TO_HOME: Path_ = (IN_CLASS, BY_THE_GATE, AT_HOME)
TO_THE_RIVER: Path_ = (IN_CLASS, BY_THE_GATE, (126.9330, 37.6150))


def documented(name: str) -> SafeZone:
    """A body of the page, read as the API reads it."""
    (block,) = blocks("safe-zones.md", "json")
    (body,) = (
        one for one in documents(block.replace("PERSON", CHILD).replace("ANOTHER", FRIEND)) if one["name"] == name
    )
    return msgspec.structs.replace(SafeZoneBody.model_validate(body).value(), id=name, district="haneul")


ZONES = tuple(documented(name) for name in ("Home", "The way to school", "Haneulbit School"))


def clock(text: str) -> float:
    """Minutes after AT of a time of that Monday in Seoul."""
    hours, minutes = text.split(":")
    return MIDNIGHT + int(hours) * 60 + int(minutes)


def spots(path: Path_) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    lon, lat = np.array(path).T
    x, y = PLANE.to_metres(lon, lat)
    return np.r_[0, np.cumsum(np.hypot(np.diff(x), np.diff(y)))], x, y


def day(*walks: tuple[str, Path_], until: str = "18:00", noise: int | None = None) -> list[list[Fix] | Tick]:
    """A fix and a tick a minute from 7:00; each walk begins at its time, at a walker's speed."""
    random = np.random.default_rng(noise)
    messages: list[list[Fix] | Tick] = []
    for minute in range(int(clock("7:00")), int(clock(until))):
        messages.append(Tick("gateway", AT + timedelta(minutes=minute), True))
        begun = [(at, path) for at, path in walks if clock(at) <= minute]
        at, path = begun[-1] if begun else ("0:00", (AT_HOME, AT_HOME))
        along, x, y = spots(path)
        gone = (minute - clock(at)) * 60 * WALKING
        speed = WALKING if 0 < gone < along[-1] + 60 * WALKING else 0.0
        error = random.normal(0, 6, 2) if noise is not None else (0, 0)
        east, north = np.interp(gone, along, x) + error[0], np.interp(gone, along, y) + error[1]
        messages.append([fix(minute, east, 9, "phone", CHILD, north, speed=speed)])
    return messages


def said(alerts: Sequence[Alert]) -> list[tuple[str, str, str]]:
    return [(a.kind, a.action, a.place) for a in alerts]


TOLD = [("arrived", "raise", "Haneulbit School"), ("left", "raise", "Haneulbit School")]


@pytest.mark.parametrize("leaves_home", ["7:20", "7:45", "8:15"])
@pytest.mark.parametrize("leaves_school", ["14:52", "14:59", "15:10", "16:40"])
def test_a_school_day_tells_of_arriving_and_leaving_and_raises_no_alarm(leaves_home: str, leaves_school: str) -> None:
    alerts = run(state_of(*ZONES, rule=Rule()), *day((leaves_home, TO_SCHOOL), (leaves_school, TO_HOME)))
    assert said(alerts) == TOLD


@pytest.mark.parametrize("noise", range(6))
def test_a_school_day_seen_by_an_ordinary_phone_is_the_same(noise: int) -> None:
    walks = (("7:45", TO_SCHOOL), ("15:05", TO_HOME))
    assert said(run(state_of(*ZONES, rule=Rule()), *day(*walks, noise=noise))) == TOLD


@pytest.mark.parametrize("leaves_school", ["10:30", "14:55", "15:05", "16:40"])
def test_who_walks_away_from_school_instead_of_home_is_one_alarm(leaves_school: str) -> None:
    alerts = run(state_of(*ZONES, rule=Rule()), *day(("7:45", TO_SCHOOL), (leaves_school, TO_THE_RIVER)))
    assert said(alerts) == [TOLD[0], ("zone-exit", "raise", "Haneulbit School")]


def test_who_comes_back_to_school_after_it_has_ended_is_not_safe_there() -> None:
    walks = (("7:45", TO_SCHOOL), ("15:05", TO_HOME), ("16:00", TO_SCHOOL))
    alerts = run(state_of(*ZONES, rule=Rule()), *day(*walks))
    assert [kind for kind, *_ in said(alerts)] == ["arrived", "left", "zone-exit"]


def test_the_page_draws_the_home_from_which_the_tests_measure() -> None:
    assert (HOME.lon, HOME.lat) == AT_HOME
