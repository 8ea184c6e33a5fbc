"""Whatever the gateway answered with 2xx is in Kafka, in PostgreSQL or in its spool, wherever it died."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from haechi import topics
from haechi.domain.alerting import Alert
from haechi.embedded import EmbeddedServers
from tests.ingest.house import House, Process
from tests.ingest.mqtt.broker import location, publish, subscribed
from tests.ingest.waiting import until
from tests.mosquitto import Mosquitto

pytestmark = pytest.mark.faults
AT = 1_760_000_000
NOWHERE = "kafka://127.0.0.1:1"


@pytest.fixture
async def house(kafka_url: str, postgres_database: str, tmp_path: Path) -> House:
    house = House(tmp_path / "data", kafka_url, postgres_database)
    await house.build()
    return house


class Feeder:
    """Sends positions one second of event time apart, and keeps the ledger of what was answered with 2xx."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.accepted: list[int] = []
        self.sent = 0

    async def feed(self, most: int, *, at_once: int = 8) -> None:
        """Up to `most` more reports, until the gateway is gone."""
        until = self.sent + most
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(self._one_by_one(session, until) for _ in range(at_once)))

    async def _one_by_one(self, session: aiohttp.ClientSession, until: int) -> None:
        while self.sent < until:
            at = AT + self.sent
            self.sent += 1
            try:
                async with session.get(self._url(at)) as answer:
                    assert answer.status == 200, await answer.text()
            except aiohttp.ClientError:
                return
            self.accepted.append(at)

    async def press(self, at: int) -> None:
        """An SOS that must be answered with 2xx."""
        async with aiohttp.ClientSession() as session, session.get(f"{self._url(at)}&alarm=sos") as answer:
            assert answer.status == 200, await answer.text()

    def _url(self, at: int) -> str:
        return f"{self.house.url}/?id={self.house.device}&lat=37.5&lon=127&timestamp={at}"

    async def balances(self) -> list[int]:
        """Waits until every accepted report is in Kafka; gives all event times there, in order."""
        until = time.monotonic() + 60
        while True:
            found = [at // 1_000_000 for _, at in await self.house.positions()]
            missing = set(self.accepted) - set(found)
            if not missing:
                assert set(found) <= {AT + n for n in range(self.sent)}
                return found
            assert time.monotonic() < until, f"accepted, but not in Kafka: {sorted(missing)[:10]}"
            await asyncio.sleep(0.3)


async def died(process: Process, house: House, failpoint: str) -> None:
    """It was killed, and at this very place."""
    assert await asyncio.to_thread(process.child.wait, 60) == -9
    assert (house.data / "failpoints").read_text().splitlines()[-1].startswith(f"{failpoint} kill ")


def at(failpoint: str, house: House, times: int = 20) -> dict[str, str]:
    return {
        "HAECHI_FAILPOINT": f"{failpoint}=kill@{times}",
        "HAECHI_FAILPOINT_LOG": str(house.data / "failpoints"),
    }


@pytest.mark.parametrize("failpoint", ["gateway.after_receive", "gateway.after_output", "gateway.before_answer"])
async def test_killed_while_kafka_is_there(house: House, failpoint: str) -> None:
    feeder = Feeder(house)
    async with house.serving(**at(failpoint, house)) as process:
        await feeder.feed(1000)
        await died(process, house, failpoint)
    async with house.serving():
        await feeder.feed(50)
        found = await feeder.balances()
    # A Kafka that took its time may have had what the spool got, too.
    if "lane.spooling" not in process.log.read_text():
        assert len(found) == len(set(found)), "nothing was sent twice"


@pytest.mark.parametrize("failpoint", ["spool.after_write", "spool.after_fsync", "gateway.after_output"])
async def test_killed_while_it_spools(house: House, failpoint: str) -> None:
    feeder = Feeder(house)
    async with house.serving(HAECHI_KAFKA__URL=NOWHERE, **at(failpoint, house, 5)) as process:
        await feeder.feed(1000)
        await died(process, house, failpoint)
    async with house.serving(HAECHI_KAFKA__URL=NOWHERE):
        await feeder.feed(50, at_once=1)
    spooled = list(feeder.accepted)
    assert len(spooled) > 50
    async with house.serving():
        await feeder.feed(50, at_once=1)
        found = list(dict.fromkeys(await feeder.balances()))
    assert [t for t in found if t in spooled[-50:]] == spooled[-50:], "one device's reports keep their order"
    assert found[-50:] == feeder.accepted[-50:], "and what came later stands behind"


async def test_a_bit_that_flips_on_the_disk_costs_one_record_and_the_desk_is_told(house: House) -> None:
    feeder = Feeder(house)
    async with house.serving(HAECHI_KAFKA__URL=NOWHERE):
        await feeder.feed(40, at_once=1)  # each waits for its fsync: a record of its own
    (file,) = house.data.rglob("*.spool")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    async with house.serving():
        await until(lambda: house.holds(len(feeder.accepted) - 1), every=0.3)
        await until(lambda: house.read(topics.ALERTS), every=0.3)
        await until(lambda: not file.exists())
    found = [at // 1_000_000 for _, at in await house.positions()]
    assert found == sorted(found), "those behind it keep their order"
    assert len(set(feeder.accepted) - set(found)) == 1
    alerts = [alert for _, alert in await house.read(topics.ALERTS) if isinstance(alert, Alert)]
    (alert,) = {alert.id: alert for alert in alerts}.values()
    assert (alert.kind, alert.subject) == ("dead-letter", f"ingest.gateway@{socket.gethostname()}")
    assert alert.because.words.startswith(f"1 place of {file.parent.name}/{file.name}, at byte ")


async def test_what_a_batch_is_told_holds_through_a_full_spool_and_a_kill(house: House) -> None:
    devices = await house.more_devices(40)
    accepted: set[tuple[str, int]] = set()
    refused: list[dict[str, object]] = []
    small = {"HAECHI_KAFKA__URL": NOWHERE, "HAECHI_GATEWAY__SPOOL_BYTES": str(1 << 20)}
    headers = {"Authorization": f"Bearer {house.token}"}
    async with house.serving(**small), aiohttp.ClientSession(house.url, headers=headers) as session:
        for start in range(AT, AT + 25 * 24, 25):  # as many as the rate limit lets through
            items = [{"device": d, "at": t, "lat": 37.5, "lon": 127} for d in devices for t in range(start, start + 25)]
            async with session.post("/v1/positions", json={"positions": items}) as answer:
                told = await answer.json()
                assert answer.status == (200 if told["accepted"] else 503)
            gone = {one["index"] for one in told["refused"]}
            assert told["accepted"] == len(items) - len(gone)
            accepted |= {(item["device"], item["at"]) for n, item in enumerate(items) if n not in gone}
            refused += told["refused"]
            if refused:
                break
    assert {(one["status"], one["reason"]) for one in refused} == {(503, "spool-full")}
    assert accepted
    async with house.serving():
        await until(lambda: house.holds(len(accepted)), every=0.5)
    assert {(device, at // 1_000_000) for device, at in await house.positions()} == accepted


@pytest.fixture
async def own_servers(tmp_path: Path) -> AsyncIterator[EmbeddedServers]:
    """A Kafka and a PostgreSQL to be stopped."""
    async with EmbeddedServers(tmp_path / "servers", only=("kafka", "postgres")) as servers:
        yield servers


async def arrived(house: House, times: set[int]) -> bool:
    return {call.at.timestamp() for call in await house.calls()} >= times


async def test_kafka_and_postgres_go_and_come_back(own_servers: EmbeddedServers, tmp_path: Path) -> None:
    house = House(tmp_path / "data", own_servers.urls["kafka"], own_servers.urls["postgres"])
    await house.build()
    feeder = Feeder(house)
    kafka, postgres = own_servers.servers["kafka"], own_servers.servers["postgres"]
    async with house.serving():
        await feeder.feed(30, at_once=1)
        await kafka.stop()
        await feeder.feed(10, at_once=1)
        await feeder.press(AT + 10_000)
        await until(house.inbox)  # it answers when the spool has it, too
        assert [call.person for call in await house.inbox()] == [house.person], "PostgreSQL had it"
        await postgres.stop()
        await feeder.feed(10, at_once=1)
        await feeder.press(AT + 10_001)
    async with house.serving():  # killed and started with neither: the registry's copy tells whose the device is
        await feeder.feed(10, at_once=1)
        await feeder.press(AT + 10_002)
        await kafka.start()
        await feeder.feed(10, at_once=1)
        feeder.sent += 10_003  # the presses' own positions may be there
        found = [at for at in await feeder.balances() if at < AT + 10_000]
        assert list(dict.fromkeys(found)) == feeder.accepted
        await until(lambda: arrived(house, {AT + 10_001, AT + 10_002}), every=0.3)
    assert {call.person for call in await house.calls()} == {house.person}


async def test_an_mqtt_message_that_was_not_kept_comes_again(
    kafka_url: str, postgres_database: str, tmp_path: Path, mosquitto: Mosquitto
) -> None:
    house = House(tmp_path / "data", kafka_url, postgres_database, more={"HAECHI_MQTT__URL": mosquitto.url})
    await house.build()
    door = house.launch("mqtt", **at("gateway.after_receive", house, 30))
    await subscribed(door)
    sent = [(f"owntracks/{house.device}/phone", location(AT + n)) for n in range(60)]
    await asyncio.to_thread(publish, mosquitto, sent)
    await died(door, house, "gateway.after_receive")
    again = house.launch("mqtt", **at("gateway.before_answer", house, 10))
    await died(again, house, "gateway.before_answer")
    last = house.launch("mqtt")
    try:
        await until(lambda: house.holds(60), every=0.3)
    finally:
        last.kill()
    assert {t for _, t in await house.positions()} == {(AT + n) * 1_000_000 for n in range(60)}
    assert await house.read(topics.DEAD_LETTERS) == []
