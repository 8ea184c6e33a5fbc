"""Whoever is expected somewhere and was never heard: missed like everybody else, and by nobody who must not know of them."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import msgspec
import numpy as np
import pytest

from analytics.agents import Outlook
from analytics.positions import PositionState
from haechi.domain.alerting import Alert
from haechi.domain.people import Consent, Device, DeviceKind, SafeZone
from haechi.ids import shard_of
from haechi.store.registry import DeviceEntry
from tests.analytics.positions.build import AT, RULE, Registry, fix, partition, run
from tests.analytics.positions.test_zones import EXPECTED, HOME_ZONE, said, ticking, walk

CONSENT = Consent("Kim Minji", AT - timedelta(days=300), ("position",))
DAY = 24 * 60
MISSED, FOUND = ("not-arrived", "raise", "school"), ("not-arrived", "clear", "school")
EVERYONES = msgspec.structs.replace(EXPECTED, person_id=None)


def minute(number: float) -> datetime:
    return AT + timedelta(minutes=number)


class Town:
    """The registry, which a test may change, and one partition of `place`; a new life takes the blocks of the last."""

    def __init__(self, *zones: SafeZone, place: tuple[int, int] = (0, 1)) -> None:
        self.zones = Registry(*zones or (HOME_ZONE, EXPECTED))
        self.entries: dict[str, DeviceEntry] = {}
        self.version = 0
        self._place = place
        self.state = self.life()
        self._offset = 0

    def wear(
        self, device: str = "d1", person: str = "p1", kind: DeviceKind = "watch", consent: Consent | None = CONSENT
    ) -> "Town":
        """The device is that person's, and this is what they consent to."""
        self.entries[device] = DeviceEntry(Device(device, "haneul", person, kind), consent)
        self.version += 1
        return self

    def take_off(self, device: str) -> None:
        """It is removed from the registry."""
        del self.entries[device]
        self.version += 1

    def see(self, *messages: object) -> list[Alert]:
        """What these say."""
        alerts = run(self.state, *messages, start=self._offset)  # type: ignore[arg-type]  # fixes and ticks
        self._offset += len(messages)
        return alerts

    def life(self) -> PositionState:
        """A worker that knows nothing yet."""
        return partition(
            Outlook(
                book=self.zones,
                zones=RULE,
                entry_of=self.entries.get,
                registry_version=lambda: self.version,
                wearers=self._wearers,
            ),
            place=self._place,
        )

    def restart(self) -> None:
        """After a checkpoint."""
        blocks = dict(self.state.changed())
        self.state = self.life()
        for shard, block in blocks.items():
            self.state.load(shard, block)

    def _wearers(self, shard: int) -> Mapping[str, Collection[str]]:
        worn: dict[str, list[str]] = defaultdict(list)
        for device, entry in self.entries.items():
            if shard_of(entry.device.person_id) == shard:
                worn[entry.device.person_id].append(device)
        return worn


def devices(state: PositionState) -> list[str]:
    return sorted(state.devices.device(slot) for slot in np.flatnonzero(state.devices.used))


def test_who_was_never_heard_is_missed_and_nothing_claims_to_know_where_they_are() -> None:
    town = Town().wear()
    (missed,) = town.see(*ticking(30, 39.9, 40, 41, 50))
    assert said([missed]) == [MISSED]
    assert (missed.subject, missed.starts_at, missed.received_at) == ("p1", minute(40), minute(40))
    assert (
        missed.because.words == "was expected, and none of their devices was heard since we began to watch them: school"
    )
    assert (missed.point, missed.accuracy_m, missed.because.fixes) == (None, None, ())
    assert "fix_age_s" not in dict(missed.because.values)


def test_whose_only_device_is_removed_is_given_up_before_the_minute_is_over() -> None:
    town = Town().wear()
    town.see(*ticking(30))
    assert devices(town.state) == ["d1"]
    town.take_off("d1")
    town.see(*ticking(30.2))
    assert devices(town.state) == []


def test_the_first_word_of_all_that_says_they_are_there_ends_it() -> None:
    town = Town().wear()
    (missed,) = town.see(*ticking(30, 40))
    (found,) = town.see(*walk(1000, start=55))
    assert (said([found]), found.id, found.moot) == ([FOUND], missed.id, False)
    assert town.see(*ticking(60, 120)) == []


def test_who_is_heard_elsewhere_goes_on_being_missed() -> None:
    town = Town().wear()
    town.see(*ticking(30, 40))
    assert town.see(*walk(0, 0, start=45), *ticking(50, 60)) == []
    assert said(town.see(*walk(1000, start=70))) == [FOUND]


def test_who_comes_in_time_is_not_missed() -> None:
    town = Town().wear()
    assert town.see(*ticking(30), *walk(1000, start=35), *ticking(40, 41)) == []


def test_each_school_day_they_are_missed_once_and_its_end_ends_the_search() -> None:
    town = Town().wear()
    monday = town.see(*ticking(30, 40, 50, 6 * 60))
    tuesday = town.see(*ticking(DAY + 30, DAY + 40, DAY + 50))
    assert said([*monday, *tuesday]) == [MISSED, FOUND, MISSED]
    assert monday[1].moot, "where the child is, nobody knows"
    assert tuesday[0].starts_at == minute(DAY + 40)


def test_nobody_is_missed_while_a_gateway_still_holds_something_back() -> None:
    town = Town().wear()
    assert town.see(*ticking(30, 40, 45, spool_empty=False)) == []
    assert said(town.see(*ticking(46))) == [MISSED]


@pytest.mark.parametrize("kind", ["phone", "watch", "tag", "tracker"])
def test_whatever_they_wear_is_expected_to_come_on(kind: DeviceKind) -> None:
    assert said(Town().wear(kind=kind).see(*ticking(30, 40))) == [MISSED]


def test_who_could_never_arrive_is_not_missed() -> None:
    """Without a device, with one that only calls for help, or with one whose place nobody may know."""
    assert Town().see(*ticking(30, 40)) == []
    assert Town().wear(kind="button").see(*ticking(30, 40)) == []
    for consent in (
        None,
        msgspec.structs.replace(CONSENT, scopes=("sos",)),
        msgspec.structs.replace(CONSENT, paused=True),
        msgspec.structs.replace(CONSENT, expires_at=minute(39)),
        msgspec.structs.replace(CONSENT, given_at=minute(45)),
    ):
        assert Town().wear(consent=consent).see(*ticking(30, 40, 50)) == [], consent


def test_who_is_expected_nowhere_takes_no_room() -> None:
    town = Town().wear(device="d2", person="p2")
    town.see(*ticking(30, 40))
    assert devices(town.state) == []


def test_in_a_zone_of_the_whole_district_everybody_is_expected() -> None:
    town = Town(EVERYONES).wear().wear("d2", "p2")
    assert {alert.subject for alert in town.see(*ticking(30, 40))} == {"p1", "p2"}


def test_a_consent_that_begins_in_time_counts_and_one_that_begins_late_counts_from_the_next_day() -> None:
    for given, told in ((35, [MISSED]), (45, [])):
        town = Town().wear(consent=msgspec.structs.replace(CONSENT, given_at=minute(given)))
        assert said(town.see(*ticking(30, 36, 40, 50))) == told
        assert said(town.see(*ticking(DAY + 30, DAY + 40)))[-1:] == [MISSED]


def test_who_is_registered_after_the_time_is_expected_from_the_next_day_on() -> None:
    """A school that registers its children at ten has not lost them all."""
    town = Town()
    assert town.see(*ticking(30, 40, 50)) == []
    town.wear()
    assert town.see(*ticking(60, 70), *walk(0, 0, start=80), *ticking(90)) == []
    assert said(town.see(*ticking(DAY + 30, DAY + 40))) == [MISSED]


def test_of_two_zones_the_one_that_is_drawn_after_the_time_asks_from_the_next_day_on() -> None:
    club = msgspec.structs.replace(EXPECTED, id="club", name="club")
    town = Town().wear()
    assert said(town.see(*ticking(30, 40))) == [MISSED]
    town.zones.change(HOME_ZONE, EXPECTED, club)
    assert town.see(*ticking(50, 60)) == []
    assert {place for _, action, place in said(town.see(*ticking(DAY + 30, DAY + 40))) if action == "raise"} == {
        "school",
        "club",
    }


def test_a_device_that_is_removed_or_another_persons_now_is_waited_for_no_longer() -> None:
    town = Town().wear()
    town.see(*ticking(30))
    town.take_off("d1")
    assert town.see(*ticking(40, 50)) == []
    assert devices(town.state) == []
    town = Town().wear()
    town.see(*ticking(30))
    town.wear("d1", "p2")
    assert town.see(*ticking(40, 50)) == []


def test_whoever_was_heard_and_had_to_give_their_devices_back_is_missed_on_no_morning() -> None:
    """And no sooner than the morning after they are given another one."""
    town = Town().wear()
    assert town.see(*walk(0, 0), *ticking(30)) == []
    town.take_off("d1")
    assert town.see(*ticking(40, 50), *ticking(DAY + 30, DAY + 40, DAY + 50)) == []
    town.wear("d2")
    assert town.see(*ticking(DAY + 60)) == []
    assert said(town.see(*ticking(2 * DAY + 30, 2 * DAY + 40))) == [MISSED]


def test_a_button_that_has_told_a_place_may_tell_of_an_arrival() -> None:
    town = Town().wear(kind="button")
    town.see(*walk(0, 0))
    assert said(town.see(*ticking(30, 40))) == [MISSED]
    assert said(town.see(*walk(1000, start=50))) == [FOUND]


def test_who_gets_another_device_goes_on_being_missed_and_is_found_by_it() -> None:
    town = Town().wear()
    (missed,) = town.see(*ticking(30, 40))
    town.wear("d2").take_off("d1")
    assert town.see(*ticking(50, 60)) == []
    (found,) = town.see(*walk(1000, start=70, device="d2"))
    assert found.id == missed.id


def test_who_handed_their_first_device_on_is_missed_by_the_other_one() -> None:
    """The place of the first one is empty since, and says nothing of whether they can come."""
    town = Town().wear().wear("d2")
    town.see(*walk(0), *walk(0, start=1, device="d2"))
    town.wear("d1", "p2")
    town.see(*walk(0, start=2, person="p2"), *ticking(2 * 60))
    assert devices(town.state) == ["d1", "d2"]
    assert said(town.see(*ticking(DAY + 30, DAY + 40))) == [MISSED]


def test_a_pause_ends_the_waiting_and_when_it_is_over_they_are_expected_from_the_next_time_on() -> None:
    town = Town().wear()
    town.see(*ticking(30))
    town.wear(consent=msgspec.structs.replace(CONSENT, paused=True, paused_until=minute(45)))
    assert town.see(*ticking(40, 50, 60)) == []
    assert said(town.see(*ticking(DAY + 30, DAY + 40))) == [MISSED]


@pytest.mark.parametrize("ends", [35, 40.1, 45])
def test_another_worker_goes_on_where_the_first_one_stopped(ends: float) -> None:
    town = Town().wear()
    alerts = town.see(*ticking(30, ends))
    town.restart()
    alerts += town.see(*ticking(46, 50), *walk(1000, start=55), *ticking(60))
    assert said(alerts) == [MISSED, FOUND]
    assert len({alert.id for alert in alerts}) == 1


def test_a_crash_before_anything_was_kept_tells_the_same_again() -> None:
    town, messages = Town().wear(), ticking(30, 39, 40, 41)
    told = [run(state, *messages) for state in (town.life(), town.life())]
    assert said(told[0]) == [MISSED]
    assert told[0][0].id == told[1][0].id


def test_a_replay_of_what_was_applied_tells_nothing_again() -> None:
    town, messages = Town().wear(), ticking(30, 40, 41)
    assert said(town.see(*messages)) == [MISSED]
    town.restart()
    assert run(town.state, *messages) == []


def test_of_all_partitions_one_misses_them() -> None:
    towns = [Town(place=(number, 8)).wear() for number in range(8)]
    told = [said(town.see(*ticking(30, 40))) for town in towns]
    assert told == [[MISSED] if number == shard_of("p1") % 8 else [] for number in range(8)]


def test_what_stood_for_them_goes_when_another_device_of_theirs_speaks_or_nobody_expects_them_any_more() -> None:
    town = Town().wear("lost").wear("worn")
    town.see(*ticking(30))
    assert devices(town.state) == ["lost"]
    town.see(*walk(1000, start=35, device="worn"), *ticking(40, 2 * 60))
    assert devices(town.state) == ["worn"]
    town = Town().wear()
    town.see(*ticking(30))
    town.zones.change(HOME_ZONE)
    town.see(*ticking(40, 2 * 60))
    assert devices(town.state) == []


def test_what_stood_for_them_is_no_second_device_of_theirs_a_minute_after_the_first_has_spoken() -> None:
    """Of whoever has several it is followed which of them moves; it went with the hour, or with a new life of the worker."""
    town = Town().wear("lost").wear("worn")
    assert town.see(*ticking(1), *walk(0, start=2, device="worn"), *ticking(3)) == []
    assert devices(town.state) == ["worn"]


def test_a_zone_that_is_removed_ends_the_search_for_who_was_never_heard() -> None:
    town = Town().wear()
    (missed,) = town.see(*ticking(30, 40))
    town.zones.change(HOME_ZONE)
    (over,) = town.see(*ticking(41))
    assert (over.id, over.action, over.moot) == (missed.id, "clear", True)


def test_a_full_table_is_not_filled_up_with_the_unheard() -> None:
    town = Town(EVERYONES)
    for number in range(9):
        town.wear(f"d{number}", f"p{number}")
    town.state._max_devices = 4
    town.see([fix(0, 0, device="speaks", person="q")], *ticking(30))
    assert len(town.state.devices) == 4
    assert "speaks" in devices(town.state)


def test_they_are_silent_to_nobody() -> None:
    """A device that was never heard is not connected yet: only whoever is expected somewhere is missed."""
    town = Town().wear()
    alerts = town.see(*ticking(*range(0, 3 * DAY, 60), 40))
    assert {alert.kind for alert in alerts} == {"not-arrived"}
