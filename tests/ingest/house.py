"""A gateway (or the MQTT door) as a real process over real servers, with one person, two devices and a sensor."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import aiohttp
from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import SecretStr

from haechi import topics
from haechi.codec import decode_any
from haechi.config import KafkaSettings
from haechi.domain import wire
from haechi.domain.geo import Point
from haechi.domain.people import Consent, Device, Person, PositionBatch, Reader, Reporter, UrgentCall
from haechi.domain.sensing import ReadingBatch, Sensor
from haechi.domain.time import Tick
from haechi.embedded.addresses import free_port
from haechi.ids import device_id, new_id
from haechi.sealing import Sealer, create_key
from haechi.store.districts import ensure_district
from haechi.store.outbox import Inbox
from haechi.store.postgres import migrate, open_pool
from haechi.store.registry import DEVICES, PEOPLE, READERS, REPORTERS, SENSORS, Registry
from haechi.streaming import Connection, connect
from haechi.streaming.admin import ensure_topics

DISTRICT = "haneul"
PHRASE = "mysecreTpass01"
SEOUL = Point(126.9780, 37.5665)
TOPICS = (topics.URGENT, topics.POSITIONS, topics.READINGS, topics.ALERTS, topics.DEAD_LETTERS)


@dataclass
class House:
    """What the processes are given, and what was registered."""

    data: Path
    kafka_url: str
    postgres_url: str
    prefix: str = field(default_factory=lambda: f"t{uuid4().hex[:10]}.")
    port: int = field(default_factory=lambda: free_port(set()))
    key: str = field(default_factory=create_key)
    device: str = field(default_factory=device_id)
    silent_device: str = field(default_factory=device_id)  # of a person who gave no consent
    person: str = field(default_factory=new_id)
    sensor: str = field(default_factory=new_id)
    token: str = ""  # of a reporter
    reader: str = ""
    more: dict[str, str] = field(default_factory=dict)

    @property
    def connection(self) -> Connection:
        return connect(KafkaSettings(url=SecretStr(self.kafka_url), prefix=self.prefix))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def build(self) -> None:
        """Topics, tables and rows."""
        await ensure_topics(self.connection, TOPICS)
        await migrate(self.postgres_url)
        pool = await open_pool(self.postgres_url)
        try:
            await ensure_district(pool, DISTRICT, "Haneul", sample=True)
            registry = Registry(pool, Sealer(self.key))
            consent = Consent("guardian", datetime(2020, 1, 1, tzinfo=UTC), ("position", "sos"))
            people = ((self.person, consent, self.device), (new_id(), None, self.silent_device))
            for person, given, device in people:
                value = Person(person, DISTRICT, "Kim Haneul", date(2010, 5, 5), "child", (), given)
                person_id = (await registry.add(PEOPLE, DISTRICT, value)).value.id
                phone = Device(device, DISTRICT, person_id, "phone", serial=device, encryption_key=PHRASE)
                row = await registry.add(DEVICES, DISTRICT, phone)
                if given:
                    self.person, self.device = person_id, row.value.id
                else:
                    self.silent_device = row.value.id
            row = await registry.add(SENSORS, DISTRICT, Sensor(self.sensor, DISTRICT, "gas 1", "gas", "%[LEL]", SEOUL))
            self.sensor = row.value.id
            self.token = (await registry.add(REPORTERS, DISTRICT, Reporter("", DISTRICT, "Traccar"))).value.id
            reader = Reader("", DISTRICT, "School gate", "gate", SEOUL, 8.0)
            self.reader = (await registry.add(READERS, DISTRICT, reader)).value.id
        finally:
            pool.terminate()

    async def more_devices(self, count: int) -> list[str]:
        """Of the person with consent."""
        pool = await open_pool(self.postgres_url)
        try:
            registry = Registry(pool, Sealer(self.key))
            phone = Device("", DISTRICT, self.person, "phone")
            return [(await registry.add(DEVICES, DISTRICT, phone)).value.id for _ in range(count)]
        finally:
            pool.terminate()

    def environment(self, **more: str) -> dict[str, str]:
        return os.environ | {
            "HAECHI_DATA": str(self.data),
            "HAECHI_DATA_KEY": self.key,
            "HAECHI_KAFKA__URL": self.kafka_url,
            "HAECHI_KAFKA__PREFIX": self.prefix,
            "HAECHI_POSTGRES__URL": self.postgres_url,
            "HAECHI_REDIS__URL": "redis://127.0.0.1:1",  # it is not needed to serve
            "HAECHI_GATEWAY__PORT": str(self.port),
            "HAECHI_TELEMETRY__METRICS_PORT": "-1",
            "HAECHI_TELEMETRY__LOG": "json",
            **self.more,
            **more,
        }

    def launch(self, name: str = "gateway", **more: str) -> "Process":
        self.data.mkdir(parents=True, exist_ok=True)
        log = (self.data / f"{name}.log").open("ab")
        with log:
            child = subprocess.Popen(
                [sys.executable, "-m", "ingest", name], env=self.environment(**more), stdout=log, stderr=log
            )
        return Process(child, self.data / f"{name}.log")

    @asynccontextmanager
    async def serving(self, *, path: str = "/readyz", **more: str) -> AsyncIterator["Process"]:
        """The gateway, answering on `path`; killed at the end."""
        process = self.launch(**more)
        try:
            await self.wait(process, path)
            yield process
        finally:
            process.kill()

    async def wait(self, process: "Process", path: str = "/readyz", seconds: float = 180) -> None:
        async with aiohttp.ClientSession() as session:
            until = time.monotonic() + seconds
            while True:
                try:
                    async with session.get(self.url + path) as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                assert process.child.poll() is None, process.log.read_text()
                assert time.monotonic() < until, process.log.read_text()
                await asyncio.sleep(0.05)

    async def read(self, topic: topics.Topic) -> list[tuple[int, object]]:
        """(partition, message) of all there is in the topic now."""
        consumer = AIOKafkaConsumer(enable_auto_commit=False, **self.connection.options())
        await consumer.start()
        try:
            places = [TopicPartition(self.connection.name(topic.name), n) for n in range(topic.partitions)]
            consumer.assign(places)
            await consumer.seek_to_beginning(*places)
            ends = await consumer.end_offsets(places)
            found: list[tuple[int, object]] = []
            while any([await consumer.position(place) < ends[place] for place in places]):
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    found += [
                        (r.partition, decode_any(r.value, wire.WIRES) if topic is not topics.DEAD_LETTERS else r.value)
                        for r in records
                        if r.offset < ends[TopicPartition(r.topic, r.partition)]
                    ]
            return found
        finally:
            await consumer.stop()

    async def positions(self) -> list[tuple[str, int]]:
        """(device, event time in microseconds) of every position in Kafka, in order per partition."""
        return [
            (batch.devices[device], int(at))
            for _, batch in await self.read(topics.POSITIONS)
            if isinstance(batch, PositionBatch)
            for device, at in zip(batch.device, batch.at, strict=True)
        ]

    async def holds(self, count: int) -> bool:
        """Whether so many different positions are in Kafka."""
        return len(set(await self.positions())) >= count

    async def calls(self) -> list[UrgentCall]:
        return [call for _, call in await self.read(topics.URGENT) if isinstance(call, UrgentCall)]

    async def readings(self) -> list[float]:
        batches = [batch for _, batch in await self.read(topics.READINGS) if isinstance(batch, ReadingBatch)]
        return [reading.value for batch in batches for reading in batch.readings]

    async def ticks(self) -> list[tuple[int, Tick]]:
        return [(n, tick) for n, tick in await self.read(topics.POSITIONS) if isinstance(tick, Tick)]

    async def inbox(self) -> list[UrgentCall]:
        pool = await open_pool(self.postgres_url)
        try:
            return [wire.URGENT.decode(data) for _, data in await Inbox(pool).open(1000)]
        finally:
            pool.terminate()


@dataclass
class Process:
    child: "subprocess.Popen[bytes]"
    log: Path

    def kill(self) -> None:
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGKILL)
        self.child.wait(30)

    def stop(self) -> int:
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(30)
