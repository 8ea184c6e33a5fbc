"""Who was never heard, through the real Kafka: nothing but ticks, and a worker that takes over in between."""

from collections.abc import Collection, Mapping

from prometheus_client import CollectorRegistry

from analytics.agents import Outlook, consume_positions
from analytics.positions import PositionMetrics
from analytics.zone_book import ZoneBook
from haechi.clock import utc_now
from haechi.domain.alerting import Alert
from haechi.domain.people import Device
from haechi.ids import shard_of
from haechi.store.registry import DeviceEntry
from haechi.streaming import Worker
from tests.analytics.positions.build import RULE, batch, fix
from tests.analytics.positions.test_awaited import CONSENT, FOUND, MISSED
from tests.analytics.positions.test_zones import EXPECTED, said, ticking
from tests.analytics.stream import PositionStream, running


def worker_of(stream: PositionStream) -> Worker:
    worker, book = stream.worker(), ZoneBook([EXPECTED])

    def wearers(shard: int) -> Mapping[str, Collection[str]]:
        return {"p1": ("d1",)} if shard == shard_of("p1") else {}

    # The times of this test are none that a broker would believe.
    outlook = Outlook(
        book=lambda: book,
        zones=RULE,
        entry_of=lambda device: DeviceEntry(Device(device, "haneul", "p1", "watch"), CONSENT),
        wearers=wearers,
        district="haneul",
        put_right=lambda message, _: message,
    )
    consume_positions(worker, outlook, PositionMetrics(CollectorRegistry()), utc_now)
    return worker


async def pass_time(stream: PositionStream, *minutes: float) -> None:
    for one in ticking(*minutes):
        await stream.tick(one)


def ids(alerts: list[Alert]) -> set[str]:
    return {alert.id for alert in alerts}


async def test_who_was_never_heard_is_missed_by_one_partition_across_a_restart_and_found_by_their_first_word(
    kafka_url: str,
) -> None:
    async with PositionStream.on(kafka_url) as stream:
        await pass_time(stream, 30, 40)
        async with running(worker_of(stream)):
            assert said(await stream.alerts(bool)) == [MISSED]
            await stream.acknowledged()
        await pass_time(stream, 41, 50)
        async with running(worker_of(stream)):
            await stream.positions(batch([fix(55, 1000)]))
            alerts = await stream.alerts(lambda alerts: len(alerts) >= 2)
    assert said(alerts) == [MISSED, FOUND]
    assert len(ids(alerts)) == 1
