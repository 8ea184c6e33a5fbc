"""Areas that fall silent as a whole: who is of one, who joins it, and when it is back."""

import msgspec
import pytest

from haechi.domain.alerting import Severity
from haechi.domain.incidents import apply_alert, open_incident
from haechi.domain.people import Device
from haechi.store.registry import DeviceEntry
from tests.analytics.silence.build import AT, CONSENT, Report, Town, told

HOUR = 3600


def cell(number: int, metres: float = 0) -> list[Report]:
    return [Report(f"d{i}", east=metres + 10 * i) for i in range(1, number + 1)]


def test_a_cell_that_falls_silent_is_one_alert_that_lists_its_people() -> None:
    town = Town(*(f"d{i}" for i in range(1, 9)), *(f"d{i}" for i in range(20, 40)))
    far = [Report(f"d{i}", east=4000) for i in range(20, 40)]
    town.report(*cell(8), *far)
    living(town, far, 900)
    (raised,) = [a for a in town.alerts if a.action == "raise"]
    assert (raised.kind, raised.subject, raised.severity) == ("cell-silent", "haneul", Severity.URGENT)
    assert raised.place.startswith("cell:")
    assert raised.because.people == tuple(f"p{i}" for i in range(1, 9))
    assert town.alerts == [raised], "and nobody of them is told about alone"

    town.report(*(Report(f"d{i}") for i in range(1, 6)))
    cleared = town.alerts[-1]
    assert (cleared.id, cleared.action) == (raised.id, "clear")
    living(town, [*far, *(Report(f"d{i}") for i in range(1, 6))], 1800)
    assert sorted(told(town.alerts[2:])) == [("silent", "raise", f"p{i}") for i in (6, 7, 8)], "who stays silent is"


def living(town: Town, reports: list[Report], until: float) -> None:
    """The others go on."""
    while town.second < until:
        town.live(town.second + 60)
        town.report(*reports)


def test_a_whole_district_that_falls_silent_is_one_alert_not_one_a_cell() -> None:
    town = Town(*(f"d{i}" for i in range(1, 41)))
    town.report(*(Report(f"d{i}", east=1500 * (i % 10)) for i in range(1, 41)))
    (raised,) = town.live(900)
    assert (raised.kind, raised.place, len(raised.because.people)) == ("cell-silent", "everywhere", 40)


def test_who_is_noticed_later_joins_the_area_that_is_told_already() -> None:
    town = Town(*(f"d{i}" for i in range(1, 9)))
    town.change("d8", DeviceEntry(Device("d8", "haneul", "p8", "phone", 300), CONSENT))
    town.report(*cell(8))
    alerts = town.live(HOUR)
    assert [(a.kind, a.action, len(a.because.people)) for a in alerts] == [
        ("cell-silent", "raise", 7),
        ("cell-silent", "update", 8),
    ]


def test_members_of_a_grouped_area_without_consent_are_left_out_and_the_rest_is_back_when_half_is() -> None:
    town = Town(*(f"d{i}" for i in range(1, 7)))
    town.report(*cell(6))
    town.live(900)
    for number in (1, 2):
        town.consent(f"d{number}", None)
    assert town.live(960) == []
    assert [(a.kind, a.action) for a in town.report("d3")] == [("cell-silent", "clear")]


def test_the_same_area_from_several_partitions_is_one_incident_with_all_its_people() -> None:
    raises = []
    for first in (1, 20):
        town = Town(*(f"d{i}" for i in range(first, first + 6)))
        town.report(*(Report(f"d{i}") for i in range(first, first + 6)))
        raises += town.live(900 + first)
    for one, other in (raises, raises[::-1]):
        assert (one.kind, one.subject, one.place) == (other.kind, other.subject, other.place)
        opened = open_incident(one, "i", 1, AT, None).incident
        both = apply_alert(opened, msgspec.structs.replace(other, id="another"), AT).incident
        assert set(both.because.people) == {f"p{i}" for i in (*range(1, 7), *range(20, 26))}


def names(*numbers: int) -> tuple[str, ...]:
    return tuple(f"d{number}" for number in numbers)


@pytest.mark.parametrize(("heard", "joins"), [(1140, True), (1200, True), (1260, False)])
def test_who_falls_silent_within_two_windows_of_an_area_joins_it_and_who_does_later_is_alone(
    heard: int, joins: bool
) -> None:
    town = Town(*names(*range(1, 9)))
    town.report(*cell(8))
    raised = town.live(heard, "d8")
    assert [(a.kind, len(a.because.people)) for a in raised] == [("cell-silent", 7)]
    (later,) = town.live(heard + 600)
    if joins:
        assert (later.kind, later.action, later.id) == ("cell-silent", "update", raised[0].id)
        assert "p8" in later.because.people
    else:
        assert told([later]) == [("silent", "raise", "p8")]


def of_another_district(town: Town, *devices: str) -> None:
    for name in devices:
        entry = town.entries[name]
        town.change(name, DeviceEntry(msgspec.structs.replace(entry.device, district="bada"), CONSENT))


def test_two_districts_that_fall_silent_in_one_place_are_two_areas() -> None:
    town = Town(*names(*range(1, 13)))
    of_another_district(town, *names(*range(7, 13)))
    town.report(*cell(6))
    town.second += 5
    town.report(*cell(12)[6:])
    alerts = town.live(900)
    assert {(a.kind, a.subject, a.district, a.because.people) for a in alerts} == {
        ("cell-silent", "haneul", "haneul", tuple(sorted(f"p{n}" for n in range(1, 7)))),
        ("cell-silent", "bada", "bada", tuple(sorted(f"p{n}" for n in range(7, 13)))),
    }
    town.report(*names(1, 2, 3, 4))
    assert {(a.action, a.subject) for a in town.alerts[2:]} == {("clear", "haneul")}, "the other is not back"


def test_nobody_joins_the_area_of_another_district_nor_counts_for_it() -> None:
    town = Town(*names(*range(1, 8)))
    of_another_district(town, "d7")
    town.report(*cell(7))
    raised = town.live(300, "d7")
    alerts = [*raised, *town.live(HOUR)]
    assert [(a.kind, a.action, a.subject) for a in alerts] == [
        ("cell-silent", "raise", "haneul"),
        ("silent", "raise", "p7"),
    ]
    assert "p7" not in alerts[0].because.people
