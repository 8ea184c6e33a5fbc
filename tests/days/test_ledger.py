"""The ledger of a simulated day balances where nothing is lost, and finds whatever is."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from analytics.agents import Outlook
from analytics.positions import PositionMetrics, PositionState
from analytics.zone_book import ZoneBook
from haechi import topics
from haechi.domain.alerting import Alert
from haechi.domain.people import PositionBatch
from haechi.domain.time import Tick, instant_of
from haechi.store.registry import DeviceEntry
from tests.analytics.positions.build import partition
from tests.days.fixes import MINUTE, Day
from tests.days.ledger import Ledger
from tests.days.lives import AT, DISTRICT, Someone, settle

MINUTES = 300


@pytest.fixture(scope="module")
def people() -> list[Someone]:
    return [
        msgspec.structs.replace(one, life=msgspec.structs.replace(one.life, presses=()))  # they are not positions
        for one in settle(60, MINUTES, eventful=0.7)
    ]


Message = PositionBatch | Tick
Make = Callable[[], PositionState]


@pytest.fixture(scope="module")
def make(people: list[Someone]) -> Make:
    """A partition as the process builds it."""
    rows = {one.device: one.rows() for one in people}
    book = ZoneBook([zone for _, _, zone in rows.values()])
    outlook = Outlook(
        book=lambda: book,
        entry_of=lambda device: DeviceEntry(rows[device][1], rows[device][0].consent),
        missing_after_s=600,
        district=DISTRICT,
    )
    metrics = PositionMetrics(CollectorRegistry())
    return lambda: partition(outlook, metrics)


@pytest.fixture(scope="module")
def streams(people: list[Someone]) -> list[list[Message]]:
    """What lies in each partition, without Kafka."""
    day = Day(people, MINUTES)
    ticks = [Tick("gateway", instant_of(AT + (minute + 1) * MINUTE), True) for minute in range(MINUTES)]
    return [
        [one for minute in range(MINUTES) for one in (day.batch(minute, number), ticks[minute]) if one is not None]
        for number in range(topics.PARTITIONS)
    ]


@pytest.fixture(scope="module")
def alerts(make: Make, streams: list[list[Message]]) -> list[Alert]:
    """What a worker tells that nothing happens to."""
    return [alert for stream in streams for alert in _lived(make, stream)]


def _lived(
    make: Make, stream: list[Message], *, dies: bool = False, keeps: bool = True, waits: bool = True
) -> list[Alert]:
    """What a worker tells of a partition. It checkpoints every 40 messages and, if it `dies`, does so every 100, and is
    another one that goes on from the last checkpoint. A wrong one `keeps` no blocks, or acknowledges without having
    waited for its outputs, which leave a little later."""
    state, blocks, acknowledged, at = make(), dict[int, bytes](), 0, 0
    told: list[Alert] = []
    leaving: list[Alert] = []
    deaths = [*range(len(stream) - 50, 0, -100)] if dies else []
    while at < len(stream):
        leaving += [one for one in state.apply(at, stream[at]) if isinstance(one, Alert)]
        at += 1
        if waits or at % 40 == 20:
            told += leaving
            leaving.clear()
        if at % 40 == 0:
            blocks |= dict(state.changed()) if keeps else {}
            acknowledged = at
        if deaths and at == deaths[-1]:
            deaths.pop()
            leaving.clear()
            state, at = make(), acknowledged
            for shard, block in blocks.items():
                state.load(shard, block)
    return told + leaving


def test_where_nothing_is_lost_it_balances_also_with_what_a_replay_tells_again(
    people: list[Someone], alerts: list[Alert]
) -> None:
    ledger = Ledger(people, AT)
    assert len(ledger.truth) > 30
    assert ledger.of_alerts(alerts) == []
    assert ledger.of_alerts([*alerts[:30], *alerts[10:]]) == []


def test_a_worker_that_dies_again_and_again_and_goes_on_from_its_checkpoint_loses_nothing(
    people: list[Someone], make: Make, streams: list[list[Message]]
) -> None:
    told = [alert for stream in streams for alert in _lived(make, stream, dies=True)]
    assert Ledger(people, AT).of_alerts(told) == []


@pytest.mark.parametrize("wrong", [{"keeps": False}, {"waits": False}], ids=["keeps nothing", "acknowledges first"])
def test_a_worker_that_checkpoints_wrongly_and_dies_is_found_out(
    wrong: dict[str, bool], people: list[Someone], make: Make, streams: list[list[Message]]
) -> None:
    told = [alert for stream in streams for alert in _lived(make, stream, dies=True, **wrong)]
    assert Ledger(people, AT).of_alerts(told) != []


def _lost(alerts: Sequence[Alert], n: int) -> list[Alert]:
    return [*alerts[:n], *alerts[n + 1 :]]


def _doubled(alerts: Sequence[Alert], n: int) -> list[Alert]:
    return [*alerts, msgspec.structs.replace(alerts[n], id="another")]


def _behind(alerts: Sequence[Alert], n: int) -> list[Alert]:
    return [*_lost(alerts, n), alerts[n]]


def _an_hour_late(alerts: Sequence[Alert], n: int) -> list[Alert]:
    hour = timedelta(hours=1)
    late = msgspec.structs.replace(
        alerts[n], starts_at=alerts[n].starts_at + hour, ends_at=alerts[n].ends_at and alerts[n].ends_at + hour
    )
    return [*alerts[:n], late, *alerts[n + 1 :]]


@pytest.mark.parametrize("wrong", [_lost, _doubled, _behind, _an_hour_late])
def test_it_finds_each_alert_that_is_lost_doubled_out_of_order_or_late(
    wrong: object, people: list[Someone], alerts: list[Alert]
) -> None:
    ledger = Ledger(people, AT)
    assert callable(wrong)
    raises = [n for n, alert in enumerate(alerts) if alert.action == "raise"]
    assert [n for n in raises if not ledger.of_alerts(wrong(alerts, n))] == []
