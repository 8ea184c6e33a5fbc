"""What sensors measure, and when a reading is a danger."""

from datetime import datetime

import msgspec

from haechi.domain.geo import Point


class ObservedProperty(msgspec.Struct, frozen=True):
    """A row of the table of what can be measured: its unit (UCUM) and the range outside which a reading is a fault."""

    name: str
    unit: str
    minimum: float
    maximum: float


OBSERVED_PROPERTIES: tuple[ObservedProperty, ...] = (
    ObservedProperty("gas", "%[LEL]", 0, 100),
    ObservedProperty("smoke", "%/m", 0, 100),
    ObservedProperty("temperature", "Cel", -60, 1200),
    ObservedProperty("water-level", "m", -10, 50),
    ObservedProperty("pm2.5", "ug/m3", 0, 2000),
    ObservedProperty("pm10", "ug/m3", 0, 5000),
    ObservedProperty("noise", "dB[SPL]", 0, 160),
    ObservedProperty("carbon-monoxide", "[ppm]", 0, 5000),
)


class Sensor(msgspec.Struct, frozen=True):
    """A registered sensor; its unit must be its observed property's."""

    id: str
    district: str
    name: str
    observed_property: str
    unit: str
    location: Point


class Reading(msgspec.Struct, frozen=True):
    """One measured value, in the unit of the sensor's observed property."""

    sensor: str
    at: datetime
    received_at: datetime
    value: float


class ReadingBatch(msgspec.Struct, frozen=True):
    """Readings of one partition; sensors report seldom, so rows, not columns."""

    readings: tuple[Reading, ...]
