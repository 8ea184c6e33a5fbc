"""An area that falls silent is one alert, however its devices are spread over the partitions."""

from collections.abc import Sequence

from haechi.domain.alerting import Alert
from haechi.domain.incidents import Incident, apply_alert, open_incident
from tests.analytics.silence.build import AT, Report, Town, told

ONE = {f"d{i}": i for i in range(1, 6)}  # five devices in five of eight partitions


class City:
    """Eight partitions; what one says is delivered to the others before their next tick."""

    def __init__(self, homes: dict[str, int]) -> None:
        self.homes = homes
        self.partitions = [
            Town(*(device for device, home in homes.items() if home == number), place=(number, 8))
            for number in range(8)
        ]
        self.alerts: list[Alert] = []

    @property
    def second(self) -> float:
        return self.partitions[0].second

    def report(self, *reports: Report) -> list[Alert]:
        before = len(self.alerts)
        for report in reports:
            self.alerts += self.partitions[self.homes[report.device]].report(report)
        return self.alerts[before:]

    def live(self, until: float, *reporting: Report) -> list[Alert]:
        before = len(self.alerts)
        while self.second < until:
            for town in self.partitions:
                town.second += 5
            if self.second % 60 == 0:
                self.report(*reporting)
            for town in self.partitions:
                self.alerts += town.tick()
            for town in self.partitions:
                said, town.said = town.said, []
                for other in self.partitions:
                    for one in said:
                        other.hear(one)
        return self.alerts[before:]


def incidents_of(alerts: Sequence[Alert]) -> list[Incident]:
    """As the store makes them."""
    found: dict[tuple[str, str, str], Incident] = {}
    for alert in alerts:
        key = (alert.kind, alert.subject, alert.place)
        if key in found:
            found[key] = apply_alert(found[key], alert, AT).incident
        elif alert.action == "raise":
            found[key] = open_incident(alert, "i", 1, AT, None).incident
    return list(found.values())


def test_five_devices_of_a_cell_over_eight_partitions_that_fall_silent_are_one_alert() -> None:
    city = City(ONE)
    everyone = [Report(device) for device in ONE]
    city.live(600, *everyone)
    alerts = city.live(1200)
    (incident,) = incidents_of(alerts)
    assert (incident.kind, incident.because.people) == ("cell-silent", ("p1", "p2", "p3", "p4", "p5"))
    assert len({alert.id for alert in alerts}) == len(alerts) == 5, "or the store would take them for the same one"
    assert "5 devices" in alerts[0].because.words


def test_four_are_told_each_alone() -> None:
    city = City({device: home for device, home in ONE.items() if home < 5})
    city.live(600, *(Report(device) for device in city.homes))
    assert sorted(told(city.live(1200))) == [("silent", "raise", f"p{i}") for i in range(1, 5)]


def test_five_of_many_who_are_watched_there_in_other_partitions_are_told_each_alone() -> None:
    city = City(ONE | {f"d{i}": i % 8 for i in range(20, 40)})
    silent, others = [Report(device) for device in ONE], [Report(f"d{i}") for i in range(20, 40)]
    city.live(600, *silent, *others)
    assert {alert.kind for alert in city.live(1200, *others)} == {"silent"}


def test_it_is_back_when_half_of_it_is_wherever_they_are_and_who_is_not_is_watched_alone() -> None:
    city = City(ONE)
    city.live(600, *(Report(device) for device in ONE))
    city.live(1200)
    assert city.report(Report("d1"), Report("d2")) == []
    assert city.live(1230, Report("d1"), Report("d2")) == [], "two of five"
    city.report(Report("d3"))
    back = city.live(1250, Report("d1"), Report("d2"), Report("d3"))
    assert {(alert.kind, alert.action) for alert in back} == {("cell-silent", "clear")}
    later = city.live(1800, *(Report(f"d{i}") for i in (1, 2, 3)))
    assert sorted(told(later)) == [("silent", "raise", "p4"), ("silent", "raise", "p5")]


def test_when_all_are_back_at_once_it_is_cleared() -> None:
    city = City(ONE)
    everyone = [Report(device) for device in ONE]
    city.live(600, *everyone)
    city.live(1200)
    city.report(*everyone)
    city.live(1300, *everyone)
    (incident,) = incidents_of(city.alerts)
    assert incident.ends_at is not None


def test_a_restart_of_a_partition_forgets_no_area() -> None:
    city = City(ONE)
    everyone = [Report(device) for device in ONE]
    city.live(600, *everyone)
    city.live(1200)
    for town in city.partitions:
        if town.entries:
            town.restart()
    city.live(1260)
    assert len(incidents_of(city.alerts)) == 1
    city.live(1500, *everyone)
    (incident,) = incidents_of(city.alerts)
    assert incident.ends_at is not None


def test_where_nobody_is_missed_it_is_said_once_a_minute() -> None:
    town = Town("d1", place=(0, 8))
    town.live(600, "d1")
    assert len(town.said) == 10
    assert all(said.parts == () for said in town.said)


def test_a_partition_that_catches_up_alone_takes_nothing_back_for_want_of_the_others() -> None:
    city = City(ONE)
    everyone = [Report(device) for device in ONE]
    city.live(600, *everyone)
    city.live(1200)
    town = city.partitions[1]
    town.restart()
    assert town.live(2000) == []
    town.report("d1")
    assert town.alerts[-1].action == "raise", "and not when its own device speaks either"
