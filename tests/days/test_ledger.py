"""The ledger of a simulated day balances where nothing is lost, and finds whatever is."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from analytics.agents import Outlook
from analytics.positions import PositionMetrics
from analytics.zone_book import ZoneBook
from haechi import topics
from haechi.domain.alerting import Alert
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


@pytest.fixture(scope="module")
def alerts(people: list[Someone]) -> list[Alert]:
    """What a worker tells of them, without Kafka."""
    rows = {one.device: one.rows() for one in people}
    book = ZoneBook([zone for _, _, zone in rows.values()])
    outlook = Outlook(
        book=lambda: book,
        entry_of=lambda device: DeviceEntry(rows[device][1], rows[device][0].consent),
        missing_after_s=600,
        district=DISTRICT,
    )
    day, metrics = Day(people, MINUTES), PositionMetrics(CollectorRegistry())
    told: list[Alert] = []
    for number in range(topics.PARTITIONS):
        state = partition(outlook, metrics)
        for minute in range(MINUTES):
            tick = Tick("gateway", instant_of(AT + (minute + 1) * MINUTE), True)
            for offset, message in enumerate((day.batch(minute, number), tick), 2 * minute):
                found = () if message is None else state.apply(offset, message)
                told += [one for one in found if isinstance(one, Alert)]
    return told


def test_where_nothing_is_lost_it_balances_also_with_what_a_replay_tells_again(
    people: list[Someone], alerts: list[Alert]
) -> None:
    ledger = Ledger(people, AT)
    assert len(ledger.truth) > 30
    assert ledger.of_alerts(alerts) == []
    assert ledger.of_alerts([*alerts[:30], *alerts[10:]]) == []


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
