"""Who is silent and who is not: the traps, one case each."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import count

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from analytics.agents import Outlook, Positions
from analytics.positions import PositionMetrics
from haechi.domain.alerting import Alert, Severity
from haechi.domain.geo import Circle
from haechi.domain.people import Device, SafeZone
from haechi.ids import shard_of
from haechi.store.registry import DeviceEntry
from tests.analytics.silence.build import AT, CONSENT, HOME, Report, Town, told

MINUTE, HOUR, DAY = 60, 3600, 86_400
RAISED, CLEARED = ("silent", "raise", "p1"), ("silent", "clear", "p1")


def values(alert: Alert) -> dict[str, float]:
    return dict(alert.because.values)


def test_silence_is_told_once_and_the_next_report_clears_the_same_alert() -> None:
    town = Town("d1")
    town.live(600, "d1")
    alerts = [*town.live(1500), *town.live(2 * HOUR)]
    assert told(alerts) == [RAISED]
    assert alerts[0].starts_at == AT + timedelta(seconds=600)
    assert alerts[0].received_at - alerts[0].starts_at == timedelta(seconds=305)
    (cleared,) = town.report("d1")
    assert (cleared.id, cleared.action, cleared.place) == (alerts[0].id, "clear", "device:d1")
    assert town.report("d1") == []


def test_traccar_600_s_off_by_default_without_any_setting_it_is_on() -> None:
    town = Town("d1", cadence_s=None)
    town.live(600, "d1")
    assert told(town.live(600 + 1790)) == []
    assert told(town.live(600 + 1900)) == [RAISED]


def test_tb13715_a_restart_disconnects_nobody() -> None:
    town = Town("d1", "d2")
    town.live(600, "d1", "d2")
    town.restart()
    assert town.live(1200, "d1", "d2") == []


def test_tb13715_an_outage_of_ours_disconnects_nobody_and_who_stays_silent_after_it_is_found() -> None:
    town = Town("d1", "d2")
    town.live(600, "d1", "d2")
    town.second += 3 * HOUR - 5
    assert town.live(600 + 3 * HOUR + 4 * MINUTE, "d2") == []
    assert told(town.live(600 + 3 * HOUR + 6 * MINUTE, "d2")) == [RAISED]


def test_tb6821_a_report_that_is_on_its_way_when_silence_is_told_ends_it() -> None:
    town = Town("d1")
    town.live(600, "d1")
    (raised,) = town.live(905)
    (cleared,) = town.report("d1", received=904.9)
    assert (cleared.id, cleared.action) == (raised.id, "clear")
    assert town.live(1200) == []


def test_tb7909_ticks_that_come_late_or_twice_tell_nothing_again() -> None:
    town = Town("d1")
    town.live(600, "d1")
    town.live(1200)
    town.second = 900
    assert town.tick() == town.tick() == []
    town.second = 1200
    assert town.report("d1")[0].action == "clear"
    town.second = 1195
    assert town.tick() == []


def test_a_replayed_backlog_ends_silence_once() -> None:
    town = Town("d1")
    town.live(600, "d1")
    town.live(2 * HOUR)
    backlog = [Report("d1", at=600.0 + minute * MINUTE) for minute in range(100, 0, -1)]
    assert told(town.report(*backlog)) == [CLEARED]
    assert town.live(2 * HOUR + 200) == []


def test_what_our_spool_holds_back_is_nobodys_silence() -> None:
    town = Town("d1", "d2")
    town.live(600, "d1", "d2")
    assert town.live(600 + HOUR, empty=False) == []
    for second in range(660, 600 + HOUR, 60):  # the spool is replayed in order; each report keeps its own time
        assert town.report("d1", received=second) == []
    alerts = town.live(600 + HOUR + 30)
    assert told(alerts) == [("silent", "raise", "p2")]


def test_a_device_that_was_silent_before_we_started_counts_from_our_start() -> None:
    town = Town("d1")
    town.report(Report("d1"))
    town.second = 5 * DAY
    assert town.live(5 * DAY + 4 * MINUTE) == []
    assert told(town.live(5 * DAY + 6 * MINUTE)) == [RAISED]


def test_a_device_that_was_never_heard_is_not_connected_yet_and_not_silent() -> None:
    assert Town("d1").live(3 * HOUR) == []


def test_a_learned_cadence_that_a_phones_sleep_breaks_is_known_after_two_nights() -> None:
    town = Town("d1", cadence_s=None)
    nights = []
    for day in range(3):
        town.live(day * DAY + 2 * HOUR, "d1", every=300)
        nights.append(len(town.live(day * DAY + 8 * HOUR)))
        town.live(day * DAY + 9 * HOUR, "d1", every=300)
        town.second = (day + 1) * DAY
    assert nights == [1, 1, 0]
    town.live(3 * DAY + 2 * HOUR, "d1", every=300)
    town.second += 60
    town.report(Report("d1", east=900, speed=3))
    assert told(town.live(3 * DAY + 2 * HOUR + 33 * MINUTE)) == [RAISED], "in the street it is still missed"


def test_our_own_outage_teaches_nothing() -> None:
    town = Town("d1", cadence_s=None)
    for day in range(3):
        town.live(day * DAY + 2 * HOUR, "d1", every=300)
        town.second = (day + 1) * DAY  # most of each day without us
    town.live(3 * DAY + HOUR, "d1", every=300)
    assert told(town.live(3 * DAY + HOUR + 20 * MINUTE)) == [RAISED]


def test_an_empty_battery_teaches_nothing() -> None:
    town = Town("d1", cadence_s=None)
    nights = []
    for day in range(3):
        town.live(day * DAY + 2 * HOUR, "d1", every=300)
        town.report(Report("d1", battery=5))
        nights.append(told(town.live(day * DAY + 8 * HOUR)))
        town.report(Report("d1", battery=90))  # charged while it was off
        town.live(day * DAY + 9 * HOUR, "d1", every=300)
        town.second = (day + 1) * DAY
    assert nights == [[RAISED]] * 3


def test_a_paused_consent_teaches_nothing() -> None:
    town = Town("d1", cadence_s=None)
    for day in range(3):
        town.live(day * DAY + 2 * HOUR, "d1", every=300)
        town.consent("d1", msgspec.structs.replace(CONSENT, paused=True))
        assert town.live(day * DAY + 8 * HOUR) == []
        town.consent("d1", CONSENT)
        town.live(day * DAY + 8 * HOUR + 60)
        town.live(day * DAY + 9 * HOUR, "d1", every=300)
        town.second = (day + 1) * DAY
    town.live(3 * DAY + HOUR, "d1", every=300)
    assert told(town.live(3 * DAY + HOUR + 35 * MINUTE)) == [RAISED]


def test_a_paused_or_withdrawn_consent_is_no_silence_and_ends_what_was_told() -> None:
    town = Town("d1", "d2")
    town.live(600, "d1", "d2")
    town.consent("d1", msgspec.structs.replace(CONSENT, paused=True))
    assert told(town.live(HOUR, "d2")) == []
    town.consent("d1", CONSENT)
    assert told(town.live(HOUR + 4 * MINUTE, "d2")) == []
    assert told(town.live(HOUR + 6 * MINUTE, "d2")) == [RAISED]
    town.consent("d1", None)
    assert told(town.live(HOUR + 7 * MINUTE, "d2")) == [CLEARED]


class Refusing:
    """A slice of the ledger: p1 refuses from some moment on."""

    refusals = 0

    def refusing(self, persons: Iterable[str], _at: datetime) -> frozenset[str]:
        return frozenset(persons) & {"p1"} if self.refusals else frozenset()


def test_who_withdraws_and_is_forgotten_at_once_is_told_about_no_longer() -> None:
    town, ledger = Town("d1", "d2"), Refusing()
    outlook = Outlook(
        book=lambda: town.book,
        entry_of=town.entries.get,
        registry_version=lambda: town.version,
        consents=ledger,
        district="haneul",
    )
    town.state = Positions(outlook, PositionMetrics(CollectorRegistry()))
    town.report(Report("d1", battery=10), Report("d2"))
    assert [(a.kind, a.action) for a in town.live(600, "d2")] == [("silent", "raise")]
    ledger.refusals += 1
    taken_back = town.live(605, "d2")
    assert sorted((a.kind, a.action, a.subject) for a in taken_back) == [("battery-low", "clear", "p1"), CLEARED]
    assert town.live(1500, "d2") == []


def test_a_consent_that_ends_by_itself_ends_the_watching() -> None:
    town = Town("d1")
    town.live(600, "d1")
    town.consent("d1", msgspec.structs.replace(CONSENT, expires_at=AT + timedelta(seconds=700)))
    assert town.live(HOUR) == []


def test_a_device_removed_from_the_registry_is_not_watched_and_ends_what_was_told() -> None:
    town = Town("d1", "d2")
    town.live(600, "d1", "d2")
    town.change("d2", None)
    assert told(town.live(HOUR)) == [RAISED]
    town.change("d1", None)
    (cleared,) = town.live(HOUR + 10)
    assert told([cleared]) == [CLEARED]
    assert "not registered" in cleared.because.words
    assert cleared.moot


@pytest.mark.parametrize("kind", ["tag", "button"])
def test_what_reports_only_when_something_happens_to_it_is_watched_when_a_cadence_is_set(kind: str) -> None:
    town = Town("d1", cadence_s=None, kind=kind)  # type: ignore[arg-type]
    town.live(600, "d1")
    assert town.live(6 * HOUR) == []
    town.change("d1", DeviceEntry(Device("d1", "haneul", "p1", kind, 3600), CONSENT))  # type: ignore[arg-type]
    assert told(town.live(6 * HOUR + 60)) == [RAISED]


def test_while_one_of_our_doors_is_away_only_who_speaks_through_another_is_watched() -> None:
    town = Town("d1", "d2")
    town.live(600, "d1", "d2", doors=("http", "mqtt"))
    away = town.live(610 + 30, "d2", doors=("mqtt",))
    assert [(a.kind, a.action, a.place) for a in away] == [("blind", "raise", "http")]
    assert town.live(HOUR, "d2", doors=("mqtt",)) == []
    assert told(town.live(HOUR + 400, doors=("mqtt",))) == [("silent", "raise", "p2")]
    back = town.live(HOUR + 405, doors=("http", "mqtt"))
    assert [(a.kind, a.action, a.id) for a in back] == [("blind", "clear", away[0].id)]
    assert told(town.live(HOUR + 800, doors=("http", "mqtt"))) == [RAISED]


def test_after_an_outage_of_all_doors_none_is_told_to_be_away_because_another_ticks_a_moment_earlier() -> None:
    both = ("http", "mqtt")
    town = Town("d1")
    town.live(600, "d1", doors=both)
    town.second = 900  # Kafka was away
    assert town.live(920, "d1", doors=("mqtt",)) == []
    town.restart()
    assert town.live(HOUR, "d1", doors=both) == []


def test_a_door_that_does_not_come_back_after_an_outage_of_all_is_told_in_its_time() -> None:
    town = Town("d1")
    town.live(600, "d1", doors=("http", "mqtt"))
    town.second = 900
    assert town.live(930, "d1", doors=("mqtt",)) == []
    assert [(a.kind, a.action, a.place) for a in town.live(960, "d1", doors=("mqtt",))] == [("blind", "raise", "http")]


def test_the_last_words_say_place_age_battery_and_whether_that_explains_it() -> None:
    town = Town("d1")
    for minute in range(0, 61, 6):
        town.live(minute * MINUTE + 60)
        town.report(Report("d1", east=2.0, battery=13 - minute / 6))
    alerts = [a for a in town.live(2 * HOUR) if a.kind == "silent"]
    (raised,) = alerts
    assert raised.severity == Severity.ADVISORY
    assert raised.point is not None
    (fix,) = raised.because.fixes
    assert (fix.battery, fix.at) == (3.0, raised.starts_at)
    assert values(raised)["battery_explains"] == 1
    assert "battery 3 %, empty at about 10:1" in raised.because.words
    assert "which explains it" in raised.because.words


def test_of_a_backlog_that_is_sent_newest_first_the_end_says_whether_they_were_moving() -> None:
    town = Town("d1")
    town.live(600, "d1")
    town.live(720)
    town.report(Report("d1", east=500, at=710.0), Report("d1", east=500, at=650.0))
    (raised,) = town.live(2 * HOUR)
    assert "it stood still" in raised.because.words


def test_a_strangers_device_and_one_that_was_heard_long_ago_speak_for_nobody() -> None:
    """Who is spoken for is an advice; p1 is on their own."""
    stranger = next(n for n in count(2) if shard_of(f"p{n}") == shard_of("p1"))
    town = Town("d1", "d1b", f"d{stranger}")
    for device, hours in (("d1", 1), ("d1b", 9)):
        town.change(device, DeviceEntry(Device(device, "haneul", "p1", "phone", hours * HOUR), CONSENT))
    town.live(600, "d1")
    town.live(700, "d1b")
    (raised,) = town.live(5 * HOUR, f"d{stranger}")
    assert (raised.subject, raised.severity) == ("p1", Severity.URGENT)
    assert "other_heard_s" not in values(raised)


def test_of_readings_that_are_sent_together_newest_first_the_first_low_one_is_when_it_began() -> None:
    town = Town("d1")
    town.live(600, "d1")
    (raised,) = town.report(Report("d1", at=590.0, battery=4), Report("d1", at=300.0, battery=5))
    assert (raised.kind, raised.starts_at) == ("battery-low", AT + timedelta(seconds=300))


def test_a_battery_reading_that_comes_late_tells_nothing() -> None:
    town = Town("d1")
    town.live(600, "d1")
    assert town.report(Report("d1", at=590.0, battery=80)) == []
    assert town.report(Report("d1", at=300.0, battery=5)) == []
    assert [one.kind for one in town.report(Report("d1", at=600.0, battery=5))] == ["battery-low"]


def test_in_a_safe_zone_it_is_an_advice_and_elsewhere_it_is_urgent() -> None:
    school = SafeZone("z", "haneul", "p1", "school", Circle(HOME, 100), ())
    calm, alarm = Town("d1", zones=[school]), Town("d1")
    for town in (calm, alarm):
        town.live(600, "d1")
    (inside,), (outside,) = calm.live(HOUR), alarm.live(HOUR)
    assert (inside.severity, values(inside)["inside"]) == (Severity.ADVISORY, 1)
    assert (outside.severity, values(outside)["inside"]) == (Severity.URGENT, 0)


def test_another_device_of_the_same_person_that_speaks_makes_it_an_advice() -> None:
    town = Town("d1", "d1b")
    town.live(600, "d1", "d1b")
    (raised,) = town.live(HOUR, "d1b")
    assert (raised.place, raised.severity) == ("device:d1", Severity.ADVISORY)
    assert "another device of the same person was heard" in raised.because.words
    assert told(town.live(2 * HOUR)) == [RAISED], "and when both are silent, the second one is told, too"


def test_after_thirty_days_nobody_waits_any_more() -> None:
    town = Town("d1", "d2")
    town.live(600, "d1", "d2")
    town.live(1200, "d2")
    for day in range(1, 32):
        town.second = day * DAY
        town.live(day * DAY + 100, "d2", every=50)
    assert [(a.action, a.subject) for a in town.alerts if a.subject == "p1"] == [("raise", "p1"), ("clear", "p1")]
    assert town.report("d1") == []
