"""A sensor's reading beyond a threshold, with hysteresis and confirmation; the rules are rows of a YAML file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from haechi.domain.alerting import KINDS, Alert, Because, cleared, raised
from haechi.domain.sensing import OBSERVED_PROPERTIES, Reading, Sensor
from haechi.errors import ConfigError


class ThresholdRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row: readings of `observed_property` at or beyond `raise_at`, `readings` times in a row, raise an alert of
    `kind`; it is cleared at or behind `clear_at`. `direction` says which side is the danger."""

    id: Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]+$")]
    observed_property: str
    kind: str
    raise_at: float
    clear_at: float
    direction: Literal["above", "below"] = "above"
    readings: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1


class _File(msgspec.Struct, forbid_unknown_fields=True):
    rules: list[ThresholdRule]


class Level(msgspec.Struct, frozen=True):
    """What is remembered of one sensor and rule: readings beyond in a row, the newest, the open episode's raise."""

    beyond: int = 0
    newest: Reading | None = None
    raised: Reading | None = None


def load_rules(file: Path) -> tuple[ThresholdRule, ...]:
    """The rules of a file; ConfigError names the row and what is wrong with it."""
    try:
        rules = msgspec.yaml.decode(file.read_bytes(), type=_File).rules
    except OSError as error:
        raise ConfigError(
            f"{file}: the sensor rules cannot be read ({error.strerror}); check `analytics.rules`."
        ) from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise ConfigError(f"{file}: {error}") from error
    known = {p.name for p in OBSERVED_PROPERTIES}
    seen = set()
    for rule in rules:
        where = f"{file}: rule '{rule.id}'"
        if rule.id in seen:
            raise ConfigError(f"{where}: the id is used twice; an id belongs to one rule.")
        seen.add(rule.id)
        if rule.observed_property not in known:
            raise ConfigError(
                f"{where}: no observed property '{rule.observed_property}'; there are {', '.join(sorted(known))}."
            )
        if rule.kind not in KINDS:
            raise ConfigError(f"{where}: no alert kind '{rule.kind}'; there are {', '.join(KINDS)}.")
        if (rule.clear_at > rule.raise_at) == (rule.direction == "above") and rule.clear_at != rule.raise_at:
            raise ConfigError(
                f"{where}: clear-at {rule.clear_at} lies on the dangerous side of raise-at {rule.raise_at}."
            )
    return tuple(rules)


def step(level: Level, rule: ThresholdRule, sensor: Sensor, reading: Reading) -> tuple[Level, Sequence[Alert]]:
    """One reading against one rule. A reading not newer than the newest is late and decides nothing."""
    if level.newest is not None and reading.at <= level.newest.at:
        return level, ()
    sign = 1 if rule.direction == "above" else -1
    beyond = sign * reading.value >= sign * rule.raise_at
    count = min(level.beyond + 1, rule.readings) if beyond else 0
    if level.raised is None and count >= rule.readings:
        return Level(count, reading, reading), (_alert(rule, sensor, reading, reading),)
    if level.raised is not None and sign * reading.value <= sign * rule.clear_at and not beyond:
        return Level(0, reading, None), (cleared(_alert(rule, sensor, level.raised, reading), reading.at),)
    return Level(count, reading, level.raised), ()


def _alert(rule: ThresholdRule, sensor: Sensor, started: Reading, reading: Reading) -> Alert:
    kind, value, now = KINDS[rule.kind], f"{reading.value:g} {sensor.unit}", reading.received_at
    because = Because(
        rule=rule.id,
        words=f"{sensor.name} reads {value}, the limit is {rule.raise_at:g}",
        values=(("value", reading.value), ("raise-at", rule.raise_at), ("clear-at", rule.clear_at)),
    )
    title = f"{kind.title} {value} · {sensor.name}"
    alert = raised(kind, sensor.id, rule.id, sensor.district, started.at, because, now=now, title=title)
    return msgspec.structs.replace(alert, point=sensor.location)
