"""When a message is acknowledged, and how often a device may report: what was promised is kept, what was not is limited."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from structlog.testing import capture_logs

from haechi import topics
from haechi.domain import wire
from haechi.domain.alerting import Alert
from haechi.sealing import Sealer, create_key
from ingest.limits import RateLimit
from ingest.mqtt.bridge import Arrived
from ingest.mqtt.receiver import Receiver
from ingest.mqtt.unread import Unread
from ingest.refusal import overloaded
from ingest.sensors import sensorthings
from tests.ingest.devices.test_owntracks import sealed
from tests.ingest.mqtt.broker import location
from tests.ingest.test_intake import NOW, Room

AT = int(NOW.timestamp())


class Messages:
    """A broker with so many messages, and what was acknowledged of them."""

    def __init__(self, *messages: tuple[str, bytes, int]) -> None:
        self._messages = [Arrived(topic, payload, qos, n, 1) for n, (topic, payload, qos) in enumerate(messages)]
        self.acknowledged: list[int] = []

    async def messages(self) -> AsyncIterator[Arrived]:
        for one in self._messages:
            yield one

    def acknowledge(self, arrived: Arrived) -> None:
        self.acknowledged.append(arrived.number)

    def forget(self, _: Arrived) -> None:
        raise AssertionError


def positions(room: Room) -> int:
    return sum(len(wire.POSITIONS.decode(data)) for topic, _, data in room.sent if topic == topics.POSITIONS.name)


class Came(NamedTuple):
    """What became of the messages: `letters` were put aside, `alerts` are for the desk."""

    room: Room
    broker: Messages
    letters: list[bytes]
    alerts: list[Alert]


async def taken(folder: Path, messages: Sequence[tuple[str, bytes, int]]) -> Came:
    broker, letters, alerts = Messages(*messages), [], []

    async def bury(letter: bytes) -> None:
        letters.append(letter)

    async def tell(alert: bytes) -> None:
        alerts.append(wire.ALERT.decode(alert))

    async with Room(folder).open() as room:
        limit = RateLimit(rate=0.001, burst=3)
        sealer = Sealer(create_key())
        unread = Unread("ingest.mqtt", "haneul", tell, most=2)
        receiver = Receiver(broker, room.intake, bury, unread, sealer, room.metrics, payload_bytes=1000, limit=limit)
        async with asyncio.timeout(20):
            await receiver.run()
        return Came(room, broker, letters, alerts)


def of_d1(count: int, qos: int, **more: object) -> list[tuple[str, bytes, int]]:
    return [("owntracks/d1/phone", location(AT - n, **more), qos) for n in range(count)]


async def test_at_qos_0_who_reports_too_often_is_counted_and_left_out(tmp_path: Path) -> None:
    reading = json.dumps({"Datastream": {"@iot.id": "s1"}, "result": 1.0}).encode()
    messages = [*of_d1(10, 0), *[(sensorthings.TOPIC, reading, 0)] * 5]
    room, broker, letters, _ = await taken(tmp_path, messages)
    assert positions(room) == 3
    assert room.registry.get_sample_value("haechi_ingest_refused_total", {"reason": "rate-limit"}) == 7 + 2
    assert len(broker.acknowledged) == 15
    assert letters == [], "and fills no topic with dead letters"


async def test_what_a_broker_has_acknowledged_is_taken_however_often_it_comes(tmp_path: Path) -> None:
    room = (await taken(tmp_path, of_d1(10, 1))).room
    assert positions(room) == 10


async def test_a_call_for_help_is_never_too_often(tmp_path: Path) -> None:
    room, *_ = await taken(tmp_path, [*of_d1(5, 0), *of_d1(2, 0, alarm="sos")])
    assert len(room.kafka.records) == 2


def encrypted(device: str, phrase: str, **more: object) -> tuple[str, bytes, int]:
    return f"owntracks/{device}/phone", json.dumps(sealed(json.loads(location(AT, **more)), phrase)).encode(), 1


async def test_what_cannot_be_read_may_be_a_call_and_is_told_to_the_desk_once_for_each_device(tmp_path: Path) -> None:
    came = await taken(
        tmp_path,
        [
            *[encrypted("d2", "no key is registered", alarm="sos")] * 3,
            *[encrypted("d1", "another phrase", alarm="sos")] * 2,
            ("owntracks/d1/phone", b"not json", 1),
        ],
    )
    assert [(alert.kind, alert.subject, alert.place) for alert in came.alerts] == [
        ("dead-letter", "ingest.mqtt", "d2…"),
        ("dead-letter", "ingest.mqtt", "d1…"),
    ]
    assert "owntracks/d2…/phone" in came.alerts[0].because.words
    assert "no encryption key of this device is registered" in came.alerts[0].because.words
    assert "cannot be decrypted" in came.alerts[1].because.words
    assert all("may be a call for help. Reach whoever" in alert.because.words for alert in came.alerts)
    assert len(came.broker.acknowledged) == 6


async def test_a_topic_that_says_the_id_twice_tells_it_to_nobody(tmp_path: Path) -> None:
    device = "k3jf9aqm2v7tx4"
    for topic in (f"owntracks/{device}/{device}", f"owntracks/{device}/phone-{device}/event"):
        with capture_logs() as logged:
            came = await taken(tmp_path, [(topic, b"not json", 1)])
        assert "owntracks/k3jf9a…/" in came.alerts[0].because.words
        assert device not in f"{came.alerts}{logged}"
        assert len(came.letters) == 1


async def test_garbage_of_strangers_is_one_incident_and_so_are_devices_beyond_the_most(tmp_path: Path) -> None:
    strangers = [(f"owntracks/stranger-{n}/phone", b"{", 1) for n in range(50)]
    came = await taken(
        tmp_path, [*strangers, *[(f"owntracks/{who}/phone", b"{", 1) for who in ("d1", "d2", "t1", "w1")]]
    )
    assert [alert.place for alert in came.alerts] == ["-", "d1…"]
    assert "Others may have sent such messages too" in came.alerts[0].because.words


async def test_what_is_read_and_refused_is_no_call_and_told_to_nobody(tmp_path: Path) -> None:
    reading = json.dumps({"Datastream": {"@iot.id": "s1"}, "result": 500}).encode()
    messages = [("owntracks/d1/phone", location(AT, acc="near"), 1), (sensorthings.TOPIC, reading, 1), *of_d1(1, 1)]
    came = await taken(tmp_path, messages)
    assert len(came.letters) == 2
    assert came.alerts == []


class Waits:
    """A place that takes nothing until it is told to, and notes what was acknowledged by then."""

    def __init__(self, broker: Messages) -> None:
        self._broker = broker
        self.asked, self.may = asyncio.Event(), asyncio.Event()
        self.acknowledged_before: list[int] = []

    async def take(self, *_: object) -> None:
        self.asked.set()
        await self.may.wait()
        self.acknowledged_before = list(self._broker.acknowledged)


def receiver_of(room: Room, broker: Messages, bury: Callable[[bytes], Awaitable[None]]) -> Receiver:
    unread = Unread("ingest.mqtt", "haneul", nobody_hears)
    return Receiver(broker, room.intake, bury, unread, Sealer(create_key()), room.metrics, payload_bytes=1000)


async def nothing(_: bytes) -> None:
    raise AssertionError


async def nobody_hears(_: bytes) -> None:
    """The desk, where a test is not about it."""


async def test_a_position_is_acknowledged_when_it_was_accepted_and_not_before(tmp_path: Path) -> None:
    broker = Messages(*of_d1(1, 1))
    async with Room(tmp_path).open() as room:
        place = Waits(broker)
        room.intake._put = lambda *_: asyncio.ensure_future(place.take())  # type: ignore[method-assign,assignment]
        running = asyncio.create_task(receiver_of(room, broker, nothing).run())
        await place.asked.wait()
        assert broker.acknowledged == []
        place.may.set()
        await asyncio.wait_for(running, 20)
    assert (place.acknowledged_before, broker.acknowledged) == ([], [0])


async def test_a_dead_letter_is_buried_before_its_message_is_acknowledged(tmp_path: Path) -> None:
    broker = Messages(("owntracks/d1/phone", b"not json", 1))
    async with Room(tmp_path).open() as room:
        place = Waits(broker)
        running = asyncio.create_task(receiver_of(room, broker, place.take).run())
        await place.asked.wait()
        assert broker.acknowledged == []
        place.may.set()
        await asyncio.wait_for(running, 20)
    assert (place.acknowledged_before, broker.acknowledged) == ([], [0])


async def test_what_nobody_takes_now_is_tried_again_and_stays_in_the_broker_until_then(tmp_path: Path) -> None:
    broker, tries = Messages(*of_d1(1, 1)), 0
    async with Room(tmp_path).open() as room:
        report = room.intake.report

        async def full_at_first(*told: Any) -> None:
            nonlocal tries
            tries += 1
            assert broker.acknowledged == []
            if tries < 3:
                raise overloaded("The spool is full.", reason="spool-full")
            await report(*told)

        room.intake.report = full_at_first  # type: ignore[method-assign]
        await asyncio.wait_for(receiver_of(room, broker, nothing).run(), 20)
        assert (tries, positions(room), broker.acknowledged) == (3, 1, [0])


async def test_what_is_not_ours_to_keep_is_acknowledged_and_buried_nowhere(tmp_path: Path) -> None:
    messages = [("owntracks/d2/phone", location(AT), 1), ("owntracks/nobody/phone", location(AT), 1)]
    room, broker, letters, _ = await taken(tmp_path, messages)
    assert (positions(room), sorted(broker.acknowledged), letters) == (0, [0, 1], [])
