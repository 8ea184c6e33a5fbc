"""A Faust app with the settings that were measured to lose nothing and to be back in seconds."""

import socket
from typing import Any, Literal

import faust
from yarl import URL

from haechi.streaming.connection import Connection
from haechi.streaming.transport import transport_of

# Seconds; also how long a process may stand still before its state can't be trusted: its partitions have moved.
SESSION_TIMEOUT_S = 6.0
# Events that wait in memory per agent before fetching pauses.
BUFFERED_EVENTS = 1000
# How long a fetch waits for data; and where life is at stake.
FETCH_WAIT_MS, FETCH_WAIT_URGENT_MS = 300, 50
# How soon it is noticed that a topic has partitions. A Kafka that begins anew lets groups join before it knows its topics: whoever
# asks for partitions then gets none, and hears nothing until this is over (five minutes by default).
METADATA_AGE_MS = 5_000
_A_DAY = 86_400.0


class _App(faust.App):  # type: ignore[misc]  # faust has no types
    fetch_wait_ms: int

    def _create_directories(self) -> None:
        """Nothing of ours is kept on disk: state lives in changelogs."""

    def _new_transport(self) -> Any:
        return transport_of(self.fetch_wait_ms)(self.conf.broker_consumer, self)


def make_app(
    connection: Connection,
    name: str,
    *,
    slot: int = 0,
    start: Literal["earliest", "latest"] = "earliest",
    fetch_wait_ms: int = FETCH_WAIT_MS,
) -> faust.App:
    """The Faust app of a process name such as `analytics.positions`, which is its consumer group as well.

    `slot` tells apart several processes of one name on one host: name, host and slot make the static group instance, so
    that a restart takes its partitions back at once instead of waiting for a time-out. Two processes never share one.
    `fetch_wait_ms` bounds how late a message may be taken up on a busy machine (see `transport`).
    """
    group = connection.name(name)
    app = _App(
        group,
        broker=[URL(f"kafka://{server}") for server in connection.servers],
        broker_credentials=_credentials(connection),
        consumer_group_instance_id=f"{group}-{socket.gethostname()}-{slot}",
        consumer_auto_offset_reset=start,
        # Recovery after kill -9: 60 s with Faust's defaults, about 3 s with these.
        broker_session_timeout=SESSION_TIMEOUT_S,
        broker_heartbeat_interval=1.0,
        broker_rebalance_timeout=10.0,
        # While a store is away no event is taken, for hours perhaps: that is waiting, not being stuck.
        broker_max_poll_interval=_A_DAY,
        broker_max_poll_records=500,
        consumer_metadata_max_age_ms=METADATA_AGE_MS,
        stream_buffer_maxsize=BUFFERED_EVENTS,
        # With True a stop hangs for ever as soon as one event is un-acknowledged.
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        producer_acks=-1,
        producer_request_timeout=10.0,
        producer_max_request_size=5 * 1024 * 1024,
        store="memory://",
        table_standby_replicas=0,  # more would bring Faust's own assignor; ours keep their state in `changelog`
        topic_replication_factor=connection.replication,
        topic_allow_declare=False,  # `ensure_topics` makes them, changelogs too
        topic_disable_leader=True,
        web_enabled=False,
        key_serializer="raw",
        value_serializer="raw",
    )
    app.fetch_wait_ms = fetch_wait_ms
    return app


def _credentials(connection: Connection) -> Any:
    if connection.username is not None:
        return faust.SASLCredentials(
            username=connection.username,
            password=connection.password,
            mechanism=connection.mechanism,
            ssl_context=connection.ssl_context,
        )
    if connection.ssl_context is not None:
        return faust.SSLCredentials(connection.ssl_context)
    return None
