"""Sensors that breathe: a curve of the day and a little noise, reported as SensorThings observations."""

import json
import math
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Literal
from urllib.parse import unquote, urlsplit

import aiohttp
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

TOPIC = "v1.1/Observations"


@dataclass(frozen=True)
class Sensor:
    """`base` is the mean of a day, `swing` half of what the day moves it, highest at hour `peak`; metres of the plane."""

    slug: str
    name: str
    observed_property: str
    unit: str
    x: float
    y: float
    base: float
    swing: float
    noise: float
    peak: float = 14.0
    road: Literal["http", "mqtt"] = "http"

    def value(self, hour: float, rnd: Random) -> float:
        """What it reads at an hour of the local day."""
        wave = math.cos((hour - self.peak) / 24 * math.tau)
        read = self.base + self.swing * wave + rnd.gauss(0, self.noise)
        return round(read if self.observed_property == "temperature" else max(0.0, read), 2)


SENSORS: tuple[Sensor, ...] = (
    Sensor("market-kitchen-gas", "Yetjang Market kitchen, gas", "gas", "%[LEL]", -22, 192, 1.2, 0.8, 0.3, 12),
    Sensor("market-hall-smoke", "Yetjang Market hall, smoke", "smoke", "%/m", -5, 185, 0.3, 0.1, 0.05, 12, "mqtt"),
    Sensor("school-temperature", "Haneulbit School, air", "temperature", "Cel", -134, 40, 11, 6, 0.2, 15),
    Sensor("river-level", "Eunbit-cheon at Eunbit Bridge", "water-level", "m", -41, -254, 0.62, 0.04, 0.01, 18, "mqtt"),
    Sensor("daero-dust", "Haetae-daero, fine dust", "pm2.5", "ug/m3", 90, 84, 31, 12, 2.5, 8),
    Sensor("daero-coarse-dust", "Haetae-daero, dust", "pm10", "ug/m3", 92, 84, 55, 20, 4, 8, "mqtt"),
    Sensor("dallae-noise", "Dallae-ro, noise", "noise", "dB[SPL]", -66, 120, 58, 9, 1.5, 15),
    Sensor("clinic-co", "Saebom Clinic boiler room", "carbon-monoxide", "[ppm]", -33, 30, 3, 1, 0.4, 7),
)  # fmt: skip


def observation(sensor: str, value: float, at: datetime) -> bytes:
    """OGC SensorThings 1.1 (18-088, 8.2.6)."""
    document = {"phenomenonTime": at.isoformat(), "result": value, "Datastream": {"@iot.id": sensor}}
    return json.dumps(document).encode()


class HttpRoad:
    """Observations by HTTP."""

    def __init__(self, gateway: str, session: aiohttp.ClientSession) -> None:
        self._url = f"{gateway}/{TOPIC}"
        self._session = session

    async def send(self, sensor: str, value: float, at: datetime) -> int:
        """The status that the gateway answers."""
        body = observation(sensor, value, at)
        async with self._session.post(self._url, data=body, headers={"Content-Type": "application/json"}) as answer:
            return answer.status


class MqttRoad:
    """Observations by MQTT, at least once; the client connects again by itself."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="sample-sensors")
        if parts.username:
            self._client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
        if parts.scheme == "mqtts":
            self._client.tls_set()
        self._client.max_queued_messages_set(100)
        self._client.reconnect_delay_set(1, 5)
        self._client.connect_async(parts.hostname or "127.0.0.1", parts.port or 1883)
        self._client.loop_start()

    async def send(self, sensor: str, value: float, at: datetime) -> int:
        """202: queued; the broker's acknowledgement is awaited by the client."""
        self._client.publish(TOPIC, observation(sensor, value, at), qos=1)
        return 202

    def close(self) -> None:
        """Leave the broker."""
        self._client.disconnect()
        self._client.loop_stop()
