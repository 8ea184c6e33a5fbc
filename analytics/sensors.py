"""Readings against the sensor rules, for the sensors of one partition."""

from collections.abc import Callable, Iterable, Sequence

from analytics.keyed_blocks import KeyedBlocks
from analytics.rules.threshold import Level, ThresholdRule, step
from haechi.domain.alerting import Alert
from haechi.domain.sensing import ReadingBatch, Sensor
from haechi.domain.time import Tick


class SensorState:
    """`haechi.streaming.state.PartitionState`; `sensor_of` looks up the registry."""

    def __init__(self, rules: Sequence[ThresholdRule], sensor_of: Callable[[str], Sensor | None]) -> None:
        self._rules = rules
        self._sensor_of = sensor_of
        self._levels = KeyedBlocks(Level, Level())

    def apply(self, offset: int, message: ReadingBatch | Tick) -> Sequence[Alert]:
        """Alerts of the readings that the shards have not applied yet. A sensor that was removed decides nothing."""
        if isinstance(message, Tick):
            return ()
        alerts: list[Alert] = []
        fresh = [r for r in message.readings if self._levels.fresh(r.sensor, offset)]
        for reading in fresh:
            sensor = self._sensor_of(reading.sensor)
            if sensor is None:
                continue
            for rule in self._rules:
                if rule.observed_property == sensor.observed_property:
                    level, said = step(self._levels.get(sensor.id, rule.id), rule, sensor, reading)
                    self._levels.put(sensor.id, rule.id, level)
                    alerts.extend(said)
        for reading in fresh:
            self._levels.applied(reading.sensor, offset)
        return alerts

    def load(self, shard: int, block: bytes) -> None:
        """Take back a shard's block."""
        self._levels.load(shard, block)

    def changed(self) -> Iterable[tuple[int, bytes]]:
        """The blocks that changed."""
        return self._levels.changed()
