"""Where Kafka is and how to be let in, read from one url."""

import ssl
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from aiokafka.helpers import create_ssl_context

from haechi.config import KafkaSettings
from haechi.errors import ConfigError

_SCHEMES = ("kafka", "kafka+ssl", "kafka+sasl", "kafka+sasl+ssl")
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


@dataclass(frozen=True)
class Connection:
    """A Kafka cluster as every client here needs it. `prefix` stands before each topic's and group's name."""

    servers: tuple[str, ...]
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    mechanism: str = "PLAIN"
    ssl_context: ssl.SSLContext | None = None
    prefix: str = ""
    replication: int = 1
    min_insync: int = 1

    def name(self, topic: str) -> str:
        """A topic's or group's name on the cluster."""
        return self.prefix + topic

    def options(self) -> dict[str, object]:
        """The keyword arguments of any aiokafka client."""
        options: dict[str, object] = {"bootstrap_servers": list(self.servers), "ssl_context": self.ssl_context}
        secure = self.ssl_context is not None
        if self.username is None:
            return options | {"security_protocol": "SSL" if secure else "PLAINTEXT"}
        return options | {
            "security_protocol": "SASL_SSL" if secure else "SASL_PLAINTEXT",
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
        }


def connect(settings: KafkaSettings) -> Connection:
    """The connection that the settings describe; raises ConfigError in words.

    ``kafka://host:port[,host:port]``, ``kafka+sasl://user:password@host:port``, with TLS ``kafka+ssl://`` and
    ``kafka+sasl+ssl://``. ``?mechanism=SCRAM-SHA-512`` (default PLAIN) and ``?ca=/path/to/ca.pem`` where needed.
    """
    if settings.url is None:
        raise ConfigError("kafka.url: no Kafka is configured; start the embedded one with `haechi up`, or name yours.")
    parts = urlsplit(settings.url.get_secret_value())
    query = parse_qs(parts.query)
    mechanism = query.get("mechanism", ["PLAIN"])[0].upper()
    if parts.scheme not in _SCHEMES:
        raise ConfigError(f"kafka.url: begins with '{parts.scheme}://'; it must be one of {', '.join(_SCHEMES)}.")
    if mechanism not in _MECHANISMS:
        raise ConfigError(f"kafka.url: mechanism '{mechanism}' is not known; it must be one of {_MECHANISMS}.")
    user, _, hosts = parts.netloc.rpartition("@")
    username, _, password = user.partition(":")
    servers = tuple(host if _has_port(host) else f"{host}:9092" for host in hosts.split(",") if host)
    if not servers or ("sasl" in parts.scheme) != bool(username and password):
        raise ConfigError("kafka.url: write kafka://host:port, or kafka+sasl://user:password@host:port.")
    return Connection(
        servers=servers,
        username=unquote(username) or None,
        password=unquote(password) or None,
        mechanism=mechanism,
        ssl_context=_ssl_context(query.get("ca", [None])[0]) if parts.scheme.endswith("ssl") else None,
        prefix=settings.prefix,
        replication=settings.replication,
        min_insync=settings.min_insync,
    )


def _has_port(host: str) -> bool:
    return host.rpartition("]")[2].rpartition(":")[2].isdigit()


def _ssl_context(ca: str | None) -> ssl.SSLContext:
    try:
        context: ssl.SSLContext = create_ssl_context(cafile=ca)
    except OSError as error:
        raise ConfigError(f"kafka.url: the certificates of '{ca}' cannot be read: {error}") from error
    return context
