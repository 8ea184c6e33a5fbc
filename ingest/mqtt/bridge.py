"""paho's thread joined to the event loop: messages come in order, acknowledgements go back by hand."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import structlog
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from haechi.errors import ConfigError

log = structlog.get_logger(__name__)

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_KEEPALIVE_S = 30
_MOST_UNDER_WAY = 1_000  # messages handed over and not yet acknowledged; more wait in the broker


class Arrived(NamedTuple):
    """A message as it came. `connection` counts the connections: an acknowledgement belongs to the one it came by. What is
    `retained` the broker kept, and says to whoever subscribes: it may have been said before."""

    topic: str
    payload: bytes
    qos: int
    number: int
    connection: int
    retained: bool = False


class Bridge:
    """A session that the broker keeps while we are away (`clean session` false, QoS 1)."""

    def __init__(self, url: str, client_id: str, topics: Sequence[str]) -> None:
        """`mqtt://user:password@host:port` or `mqtts://`; ConfigError in words for anything else."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ConfigError("mqtt.url: write mqtt://user:password@host:port, or mqtts:// for TLS.")
        self._host, self._port = parts.hostname, parts.port or _PORTS[parts.scheme]
        self._topics = [(topic, 1) for topic in topics]
        self._arrived: asyncio.Queue[Arrived] = asyncio.Queue()
        self._slots = threading.BoundedSemaphore(_MOST_UNDER_WAY)
        self._closing = False
        self._connection = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=False,
            protocol=MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
        )
        if parts.username:
            self._client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
        if parts.scheme == "mqtts":
            self._client.tls_set()
        self._client.reconnect_delay_set(1, 5)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message

    @property
    def connected(self) -> bool:
        """Whether the broker has let us in."""
        return bool(self._client.is_connected())

    async def messages(self) -> AsyncIterator[Arrived]:
        """All messages, for ever, through every loss of the connection. Each must be `acknowledge`d or `forget`ten."""
        self._loop = asyncio.get_running_loop()
        self._client.connect_async(self._host, self._port, _KEEPALIVE_S)
        self._client.loop_start()
        while True:
            yield await self._arrived.get()

    def acknowledge(self, arrived: Arrived) -> None:
        """It is kept: the broker may forget it. After a new connection the broker sends it again instead."""
        self.forget(arrived)
        if arrived.qos == 1 and arrived.connection == self._connection:
            self._client.ack(arrived.number, arrived.qos)

    def forget(self, _arrived: Arrived) -> None:
        """It will not be acknowledged; the broker sends it again by the next connection."""
        self._slots.release()

    async def close(self) -> None:
        """Leave; the broker keeps the session and what was not acknowledged."""
        self._closing = True
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    # What follows runs in paho's thread.

    def _on_connect(self, client: Any, _data: object, flags: Any, reason: Any, _properties: object) -> None:
        if reason.is_failure:
            log.warning("mqtt.refused", host=self._host, port=self._port, reason=str(reason))
            return
        self._connection += 1
        client.subscribe(self._topics)
        log.info("mqtt.connected", host=self._host, port=self._port, session_kept=bool(flags.session_present))

    def _on_subscribe(
        self, _client: Any, _data: object, _mid: int, reasons: Sequence[Any], _properties: object
    ) -> None:
        """A broker that does not let us listen says so here alone; nothing would ever come."""
        refused = [topic for (topic, _), reason in zip(self._topics, reasons, strict=False) if reason.is_failure]
        if refused:
            log.error("mqtt.not_subscribed", topics=refused, host=self._host, port=self._port)
        else:
            log.info("mqtt.subscribed")

    def _on_disconnect(self, _client: Any, _data: object, _flags: object, reason: Any, _properties: object) -> None:
        if not self._closing:
            log.warning("mqtt.disconnected", reason=str(reason))

    def _on_message(self, _client: Any, _data: object, message: Any) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError as error:  # MQTT forbids it; a broker that does not look lets it through
            topic = error.object.decode(errors="replace")
        arrived = Arrived(topic, bytes(message.payload), message.qos, message.mid, self._connection, message.retain)
        while not self._slots.acquire(timeout=0.5):
            if self._closing:
                return
        if self._loop is not None and not self._closing:
            self._loop.call_soon_threadsafe(self._arrived.put_nowait, arrived)
