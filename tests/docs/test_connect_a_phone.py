"""docs/connect-a-phone.md: its figures, its access list and its check by hand are what the servers do."""

import asyncio
import re
import threading
from pathlib import Path

import pytest
from paho.mqtt.client import Client as Mqtt
from paho.mqtt.enums import CallbackAPIVersion

from analytics.silence.cadence import Gaps
from haechi.domain.alerting import Alert
from tests.analytics.silence.build import Town
from tests.analytics.silence.test_cadence import after, allowed
from tests.docs.pages import blocks, number, page, rows
from tests.ingest.gateway.client import Client
from tests.ingest.test_intake import Room
from tests.mosquitto import Mosquitto

PAGE = "connect-a-phone.md"
MINUTE = 60
LATE = 10  # seconds: no heartbeat is exact
SETTINGS = rows(PAGE)
HEARTBEAT, INTERVAL = number(SETTINGS["Stationary heartbeat (seconds)"]), number(SETTINGS["Interval (seconds)"])
WORDS = " ".join(page(PAGE).split())


def said(pattern: str) -> int:
    """A number of the page, seconds where it is minutes."""
    (found,) = re.findall(pattern, WORDS)
    return int(found)


SET = said(r'set[s]? the heartbeat, `"cadence_s": (\d+)`')


def at_rest(town: Town) -> list[Alert]:
    """What is told of a phone that lies still for an hour."""
    return [
        alert
        for until in range(10 * MINUTE, 61 * MINUTE, 10 * MINUTE)
        for alert in town.live(until, "d1", every=HEARTBEAT + LATE)
    ]


@pytest.mark.parametrize("cadence_s", [None, SET])
def test_a_phone_at_rest_with_the_settings_of_the_page_is_never_told_silent(cadence_s: int | None) -> None:
    assert at_rest(Town("d1", cadence_s=cadence_s)) == []


def test_less_than_the_heartbeat_is_what_the_page_warns_of() -> None:
    too_little = said(r"Never set less than the heartbeat\*\*: with (\d+)")
    assert len(at_rest(Town("d1", cadence_s=too_little))) > 10, "told and cleared at each heartbeat"


@pytest.mark.parametrize(
    ("gaps", "moving", "cadence_s", "minutes"),
    [
        (after(), False, 0, said(r"silence is told after (\d+) minutes; from then")),
        (
            after([(False, HEARTBEAT + LATE)], [(False, HEARTBEAT + LATE)]),
            False,
            0,
            said(r"after (\d+) minutes at rest"),
        ),
        (after([(True, INTERVAL + LATE)], [(True, INTERVAL + LATE)]), True, 0, said(r"after (\d+) minutes on the way")),
        (after(), False, SET, said(r"silence is then told after (\d+) minutes")),
    ],
)
def test_silence_is_told_when_the_page_says(gaps: Gaps, moving: bool, cadence_s: int, minutes: int) -> None:
    assert allowed(gaps, moving=moving, cadence_s=cadence_s) == minutes * MINUTE


async def test_the_check_by_hand_is_answered_and_leaves_nothing(tmp_path: Path) -> None:
    (curl,) = [block for block in blocks(PAGE) if block.startswith("curl -i")]
    path = curl.split('"')[1].removeprefix("GATEWAY")
    async with Room(tmp_path).open() as room:
        client = Client(room)
        told = [await client.ask("GET", path.replace("DEVICE", device)) for device in ("d1", "d2", "nobody")]
        assert [status for status, _, _ in told] == [200, 200, 403]
        text = " ".join(page(PAGE).split())
        assert told[0][2].decode().strip() in text
        assert told[1][2].decode().partition(";")[0] in text
        assert (room.sent, room.kafka.records, room.inbox.calls) == ([], [], {})


async def test_the_access_list_lets_phones_and_sensors_write_and_nobody_read_but_haechi(tmp_path: Path) -> None:
    if not Mosquitto.installed():
        pytest.skip("needs mosquitto; on Debian: apt-get install mosquitto")
    broker = Mosquitto(
        tmp_path / "mosquitto", users=("haechi", "sensors", "phone1", "phone2"), acl=_acl(), more=_conf()
    )
    broker.start()
    try:
        heard = await asyncio.to_thread(_heard, broker)
    finally:
        broker.kill()
    assert heard == {"haechi": ["owntracks/phone1/phone", "v1.1/Observations"], "phone2": []}


def _acl() -> str:
    return next(block for block in blocks(PAGE) if block.startswith("# acl"))


def _conf() -> str:
    """What the page sets of queues; addresses, files and persistence are the test's own."""
    conf = next(block for block in blocks(PAGE) if block.startswith("# mosquitto.conf"))
    return "".join(line for line in conf.splitlines(keepends=True) if line.startswith(("#", "max_")))


def _heard(broker: Mosquitto) -> dict[str, list[str]]:
    """What two readers hear of what phones and sensors wrote. A reader is subscribed before anybody writes, and its
    unsubscribing is answered behind everything that was for it."""
    heard: dict[str, list[str]] = {"haechi": [], "phone2": []}
    topics = ["owntracks/#", "v1.1/Observations"]
    readers = {user: _connected(broker, user) for user in heard}
    for user, reader in readers.items():
        reader.on_message = lambda _client, _data, message, user=user: heard[user].append(message.topic)
        subscribed = _answered(reader, "on_subscribe")
        reader.subscribe([(topic, 1) for topic in topics])
        assert subscribed.wait(20)
    for user, topic in (
        ("phone1", "owntracks/phone1/phone"),
        ("phone1", "owntracks/phone2/phone"),
        ("phone1", "v1.1/Observations"),
        ("sensors", "owntracks/phone1/phone"),
        ("sensors", "v1.1/Observations"),
    ):
        writer = _connected(broker, user)
        writer.publish(topic, b"{}", qos=1).wait_for_publish(20)
        _end(writer)
    for reader in readers.values():
        unsubscribed = _answered(reader, "on_unsubscribe")
        reader.unsubscribe(topics)
        assert unsubscribed.wait(20)
        _end(reader)
    return heard


def _answered(client: Mqtt, callback: str) -> threading.Event:
    """Set once the broker has answered what is asked next."""
    answered = threading.Event()
    setattr(client, callback, lambda *_said: answered.set())
    return answered


def _connected(broker: Mosquitto, user: str) -> Mqtt:
    client = Mqtt(CallbackAPIVersion.VERSION2)
    client.username_pw_set(user, "durable")
    connected = _answered(client, "on_connect")
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    assert connected.wait(20)
    return client


def _end(client: Mqtt) -> None:
    client.disconnect()
    client.loop_stop()
