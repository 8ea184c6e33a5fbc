"""What every sensor format comes down to, and whether its value can be."""

from datetime import datetime

import msgspec

from haechi.domain.sensing import OBSERVED_PROPERTIES, Reading, Sensor
from ingest.refusal import wrong

_PROPERTIES = {row.name: row for row in OBSERVED_PROPERTIES}


class Observation(msgspec.Struct, frozen=True):
    """One value, in the unit of the sensor's observed property, as it was reported."""

    sensor: str
    at: datetime
    value: float


def reading_of(observation: Observation, sensor: Sensor, received_at: datetime) -> Reading:
    """The reading; raises Refused where the value is outside what the observed property can be: the sensor is faulty."""
    row = _PROPERTIES.get(sensor.observed_property)
    if row is None:
        raise wrong("result", f"is of '{sensor.observed_property}', a property that nobody described")
    if not row.minimum <= observation.value <= row.maximum:
        raise wrong(
            "result",
            f"is {observation.value:g} {row.unit}, {row.name} lies between {row.minimum:g} and {row.maximum:g}",
        )
    return Reading(observation.sensor, observation.at, received_at, observation.value)
