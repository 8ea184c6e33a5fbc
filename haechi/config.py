"""Settings: `HAECHI_*` over a YAML file over defaults; unknown keys refused, every key described and bounded.

`HAECHI_WALL__PORT=8443`, `HAECHI_WALL_PORT=8443` and `wall: {port: 8443}` in `haechi.yaml` are the same key. The YAML file is the one named by
`HAECHI_CONFIG`, else `haechi.yaml` in the data folder if it is there.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from haechi.errors import ConfigError
from haechi.networks import allowed

PREFIX = "HAECHI_"
# Variables that belong to the process, not to the settings.
_NOT_SETTINGS = ("HAECHI_CONFIG", "HAECHI_FAILPOINT", "HAECHI_FAILPOINT_LOG", "HAECHI_TEST_NO_SKIPS", "HAECHI_CACHE")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class KafkaSettings(_Section):
    """The stream."""

    url: SecretStr | None = Field(
        None,
        description="kafka://host:port[,host:port], kafka+sasl://user:password@host:port (TLS: kafka+ssl://, kafka+sasl+ssl://). Empty: the embedded Kafka.",
    )
    replication: int = Field(1, ge=1, le=7, description="Replication factor of topics and changelogs; 3 in a cluster.")
    min_insync: int = Field(
        1, ge=1, le=7, description="Replicas that must have a message before it counts as accepted; 2 in a cluster."
    )
    prefix: str = Field(
        "",
        pattern=r"^[a-z0-9.-]{0,40}$",
        description="Put before every topic name, so that two districts can share a cluster.",
    )


class PostgresSettings(_Section):
    """What must last."""

    url: SecretStr | None = Field(
        None,
        description="postgresql://user:password@host:port/database (sslmode and the rest as libpq). Empty: the embedded PostgreSQL.",
    )
    pool: int = Field(8, ge=1, le=200, description="Connections per process at most.")


class RedisSettings(_Section):
    """What is live."""

    url: SecretStr | None = Field(
        None, description="redis://[:password@]host:port/0 or rediss:// for TLS. Empty: the embedded Valkey."
    )


class MqttSettings(_Section):
    """Devices and sensors by MQTT."""

    url: SecretStr | None = Field(
        None,
        description="mqtt://user:password@host:port or mqtts://. Empty: the embedded broker, which keeps queued messages in memory only.",
    )


class EvidenceSettings(_Section):
    """Pictures and clips."""

    url: str | None = Field(
        None, description="file:///folder or s3://bucket/prefix. Empty: a folder below the data folder."
    )


class GatewaySettings(_Section):
    """The door for devices and sensors."""

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all of IPv4, :: for all of IPv6.")
    port: int = Field(0, ge=0, le=65535, description="Port of the gateway; 0 chooses a free one once and keeps it.")
    batch_positions: int = Field(
        500, ge=1, le=10_000, description="A batch is sent when it holds this many positions ..."
    )
    batch_ms: int = Field(100, ge=1, le=1000, description="... or is this old, in milliseconds.")
    spool_bytes: int = Field(
        1 << 30, ge=1 << 20, description="Bound of the spool on disk, bytes. When it is full the gateway answers 503."
    )
    body_bytes: int = Field(65_536, ge=1024, le=16 << 20, description="Largest request body, bytes.")


class VisionSettings(_Section):
    """What sees."""

    model: str = Field(
        "auto",
        description="Path of an OpenVINO folder, ONNX or .pt file; 'auto' takes fetched weights, else the shipped model; 'none' sees nothing.",
    )
    confidence: float = Field(0.4, ge=0.01, le=0.99, description="Detections below this score are dropped.")
    frames_per_second: float = Field(
        5, gt=0, le=30, description="Frames per second and camera that are looked at, at most."
    )
    motion_share: float = Field(
        0.002, ge=0, le=1, description="Share of the picture that must move for a frame to pass the gate; 0 passes all."
    )


class AnalyticsSettings(_Section):
    """What decides."""

    rules: str | None = Field(
        None, description="YAML file of sensor rules. Empty: the rules that ship with the project."
    )
    exit_buffer_m: float = Field(
        20, ge=0, le=1000, description="Metres beyond a safe zone's edge before a fix counts as outside."
    )
    exit_confirmations: int = Field(
        4, ge=1, le=8, description="Fixes that must say outside before a person has left ..."
    )
    exit_votes: int = Field(8, ge=1, le=8, description="... of the newest so many that say anything.")
    exit_dwell_s: float = Field(
        600,
        ge=0,
        le=3600,
        description="Seconds that the first and the last of these fixes must be apart, unless a walk that the device "
        "reports explains the way out: no jump of a position does.",
    )
    exit_coarse_m: float = Field(
        100,
        ge=0,
        le=10_000,
        description="A fix less accurate than this (metres) only confirms a leave that began on foot.",
    )
    trespass_frames: int = Field(
        3,
        ge=1,
        le=100,
        description="Frames with a person in a forbidden zone, of the last five, before it is a trespass.",
    )
    silent_least_s: int = Field(300, ge=30, le=86_400, description="No device counts as silent earlier, seconds.")
    silent_most_s: int = Field(
        86_400, ge=300, le=7 * 86_400, description="Every watched device counts as silent after so long, seconds."
    )
    silent_unlearned_s: int = Field(
        1800,
        ge=30,
        le=86_400,
        description="Silence that is allowed, seconds, to a device without a set cadence until its own is learned.",
    )
    cell_silent_least: int = Field(
        5,
        ge=2,
        le=1000,
        description="Devices of an area (per partition) that fall silent together before that is told as one alert.",
    )
    cell_silent_share: float = Field(
        0.3, gt=0, le=1, description="... and the share of the devices that are watched there."
    )
    battery_low: float = Field(15, ge=1, le=90, description="A battery below is low, percent ...")
    battery_fine: float = Field(25, ge=1, le=100, description="... and above this no longer.")
    blind_after_s: int = Field(
        30,
        ge=5,
        le=600,
        description="A door of ours that has not ticked for so long is away, seconds: the silence of those who speak "
        "through it is not theirs. With no door at all we are blind, and say so.",
    )


class TrailSettings(_Section):
    """How long it is kept where people were."""

    days: int = Field(30, ge=1, le=3650, description="Days that positions are kept at the longest.")
    shorter: tuple[str, ...] = Field(
        (), description="Shorter ones by kind of person, such as child=7 or haneul/elder=14 for one district."
    )


class AlertsSettings(_Section):
    """Who must know."""

    callbacks_host: str = Field("127.0.0.1", description="Address of the public callbacks.")
    callbacks_port: int = Field(
        0, ge=0, le=65535, description="Port of the public callbacks; 0 chooses a free one once and keeps it."
    )
    callbacks_url: str | None = Field(
        None,
        description="Address under which guardians and agencies reach the callbacks, such as https://help.example.org. Empty: http with the host and port above.",
    )
    allow_networks: tuple[str, ...] = Field(
        (),
        description="Private networks (CIDR or address:port, several with commas) that webhooks may reach; all other private addresses are refused.",
    )
    timeout_s: float = Field(15, gt=0, le=60, description="Seconds for one delivery attempt in all.")
    test_days: int = Field(
        30,
        ge=0,
        le=366,
        description="Days after which guardians are asked whether a message reaches them, and reminded to test the button; 0 asks never.",
    )
    slots: int = Field(64, ge=1, le=10_000, description="Deliveries on the way at once.")

    @field_validator("allow_networks")
    @classmethod
    def _can_be_read(cls, entries: tuple[str, ...]) -> tuple[str, ...]:
        allowed(entries)
        return entries


class WallSettings(_Section):
    """What people see."""

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all of IPv4, :: for all of IPv6.")
    port: int = Field(0, ge=0, le=65535, description="Port of the wall; 0 chooses a free one once and keeps it.")
    https: bool = Field(
        False, description="True where browsers reach the wall by HTTPS: its cookie is then sent over nothing else."
    )
    timezone: str = Field("Asia/Seoul", description="The time zone in which the wall shows times (IANA).")
    map: str | None = Field(None, description="GeoJSON file of the district's base map. Empty: an empty ground.")


class TelemetrySettings(_Section):
    """What the engineer reads."""

    log: Literal["auto", "console", "json"] = Field(
        "auto", description="'auto' is readable on a terminal and JSON elsewhere."
    )
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    metrics_port: int = Field(
        0, ge=-1, le=65535, description="Prometheus port of this process on loopback; 0 any free one, -1 none."
    )


class Settings(_Section):
    """All of Haechi's settings, frozen."""

    data: Path = Field(Path(".haechi"), description="The folder that holds everything a process keeps on disk.")
    data_key: SecretStr | None = Field(
        None,
        description="Key of what is encrypted at rest (`haechi key create`). Empty: a 0600 file in the data folder, which protects backups, not the disk.",
    )
    district: str = Field(
        "haneul",
        pattern=r"^[a-z0-9-]{1,40}$",
        description="The district that rows belong to unless they say otherwise.",
    )
    trusted_proxies: tuple[str, ...] = Field(
        (), description="Addresses of the reverse proxies whose X-Forwarded-For is believed; nobody's else is."
    )
    kafka: KafkaSettings = KafkaSettings()
    postgres: PostgresSettings = PostgresSettings()
    redis: RedisSettings = RedisSettings()
    mqtt: MqttSettings = MqttSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    gateway: GatewaySettings = GatewaySettings()
    vision: VisionSettings = VisionSettings()
    analytics: AnalyticsSettings = AnalyticsSettings()
    trail: TrailSettings = TrailSettings()
    alerts: AlertsSettings = AlertsSettings()
    wall: WallSettings = WallSettings()
    telemetry: TelemetrySettings = TelemetrySettings()


Plain = dict[str, object]


def load(environ: Mapping[str, str] | None = None, **overrides: object) -> Settings:
    """The settings of this process; raises ConfigError that names the key, its source and the fix.

    `overrides` are top-level keys from the command line (`data=...`), the strongest source.
    """
    return resolve(environ, **overrides)[0]


def resolve(environ: Mapping[str, str] | None = None, **overrides: object) -> tuple[Settings, dict[str, str]]:
    """The settings, and for each key that is not a default the place its value came from."""
    environ = os.environ if environ is None else environ
    variables = {key: value for key, value in environ.items() if key.startswith(PREFIX) and key not in _NOT_SETTINGS}
    data = Path(str(overrides.get("data") or variables.get(f"{PREFIX}DATA") or ".haechi"))
    merged: Plain = {}
    sources: dict[str, str] = {}
    file = Path(environ["HAECHI_CONFIG"]) if "HAECHI_CONFIG" in environ else data / "haechi.yaml"
    if "HAECHI_CONFIG" in environ or file.exists():
        for key, value in _flat(_read_yaml(file)):
            _put(merged, key, value)
            sources[key] = str(file)
    for name, text in variables.items():
        key = _key_of(name)
        _put(merged, key, _list_or_text(key, text))
        sources[key] = name
    for key, override in overrides.items():
        if override is not None:
            _put(merged, key, override)
            sources[key] = "command line"
    try:
        return Settings.model_validate(merged), sources
    except ValidationError as error:
        raise ConfigError("\n".join(_in_words(e, sources) for e in error.errors())) from error


def described() -> Iterator[tuple[str, str, object]]:
    """(key, description, default) of every setting, in the order of the sections."""
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, _Section):
            for inner, sub in section.model_fields.items():
                yield f"{name}.{inner}", sub.description or "", sub.default
        else:
            yield name, field.description or "", field.default


def value_of(settings: Settings, key: str) -> object:
    """The value under a dotted key; secrets stay masked."""
    value: object = settings
    for part in key.split("."):
        value = getattr(value, part)
    return value


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that give another process these settings, secrets in the clear."""
    variables = {}
    for key, _, default in described():
        value = value_of(settings, key)
        if value is None or value == default:
            continue
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        variables[variable_of(key)] = ",".join(value) if isinstance(value, tuple) else str(value)
    return variables


def changed(settings: Settings, changes: Mapping[str, object]) -> Settings:
    """The settings with other values under dotted keys, validated anew."""
    tree = settings.model_dump()
    for key, value in changes.items():
        _put(tree, key, value)
    return Settings.model_validate(tree)


def variable_of(key: str) -> str:
    """The environment variable of a dotted key."""
    return PREFIX + key.replace(".", "__").upper()


def _key_of(variable: str) -> str:
    """The key of a variable: HAECHI_VISION__MODEL, or with one underscore where that means only one key."""
    word = variable.removeprefix(PREFIX).lower()
    short = [key for key, _, _ in described() if key.replace(".", "_") == word]
    return short[0] if len(short) == 1 else word.replace("__", ".")


def _read_yaml(file: Path) -> Plain:
    try:
        content = yaml.safe_load(file.read_text()) or {}
    except OSError as error:
        raise ConfigError(
            f"{file}: cannot be read ({error.strerror}); HAECHI_CONFIG must name a readable YAML file."
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}: not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{file}: must hold keys and values, such as `district: haneul`.")
    return content


def _flat(tree: Plain, front: str = "") -> Iterator[tuple[str, object]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{front}{key}.")
        else:
            yield f"{front}{key}", value


def _put(tree: Plain, key: str, value: object) -> None:
    *path, last = key.split(".")
    for part in path:
        inner = tree.setdefault(part, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{key}: '{part}' is not a section.")
        tree = inner
    tree[last] = value


def _list_or_text(key: str, text: str) -> object:
    for name, _, default in described():
        if name == key and isinstance(default, tuple):
            return tuple(part.strip() for part in text.split(",") if part.strip())
    return text


def _in_words(error: Mapping[str, object], sources: Mapping[str, str]) -> str:
    location = error["loc"]
    key = ".".join(str(part) for part in location) if isinstance(location, tuple) else str(location)
    where = sources.get(key, "the settings")
    if error["type"] == "extra_forbidden":
        known = [name for name, _, _ in described()]
        near = _nearest(key, known)
        return (
            f"{where}: there is no setting '{key}'."
            + (f" Did you mean '{near}'?" if near else "")
            + " `haechi config show` lists all."
        )
    about = next((text for name, text, _ in described() if name == key), "")
    return f"{where}: '{key}' is wrong: {str(error['msg']).removeprefix('Value error, ')}. {about}".rstrip()


def _nearest(key: str, known: list[str]) -> str | None:
    from difflib import get_close_matches

    return next(iter(get_close_matches(key, known, n=1, cutoff=0.6)), None)
