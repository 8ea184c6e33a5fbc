"""The topics: what they carry, how it is spread, how long it is kept. One row each."""

from datetime import timedelta

import msgspec

_MEGABYTE = 1024 * 1024


class Topic(msgspec.Struct, frozen=True):
    """`partitions` is fixed at creation and checked at start. `keep` is an upper bound: segments roll at an
    eighth of it.

    `flush_each` makes a single broker fsync every message; in a cluster replication does that work. `broker_time`: a
    message's timestamp is when the broker had it, by the broker's clock; else its producer's.
    """

    name: str
    partitions: int
    keep: timedelta
    keep_bytes: int | None = None
    segment_bytes: int | None = None
    max_message_bytes: int = _MEGABYTE
    flush_each: bool = False
    broker_time: bool = False


PARTITIONS = 8
URGENT = Topic("urgent", PARTITIONS, timedelta(days=7), flush_each=True)
POSITIONS = Topic("positions", PARTITIONS, timedelta(hours=24), broker_time=True)
FRAMES = Topic(
    "frames",
    PARTITIONS,
    timedelta(minutes=2),
    keep_bytes=256 * _MEGABYTE,
    segment_bytes=16 * _MEGABYTE,
    max_message_bytes=4 * _MEGABYTE,
)
READINGS = Topic("readings", PARTITIONS, timedelta(hours=24))
SIGHTINGS = Topic("sightings", PARTITIONS, timedelta(hours=24))
ALERTS_URGENT = Topic("alerts.urgent", PARTITIONS, timedelta(days=7), flush_each=True)
ALERTS = Topic("alerts", PARTITIONS, timedelta(days=7))
EVIDENCE_REQUESTS = Topic("evidence-requests", PARTITIONS, timedelta(hours=24))
DEAD_LETTERS = Topic("dead-letters", 1, timedelta(days=7))

TOPICS = (URGENT, POSITIONS, FRAMES, READINGS, SIGHTINGS, ALERTS_URGENT, ALERTS, EVIDENCE_REQUESTS, DEAD_LETTERS)

# Which process keeps state about which topic; each has a changelog with the topic's partitions.
STATES = {"analytics.positions": POSITIONS, "analytics.readings": READINGS, "analytics.sightings": SIGHTINGS}


# What the first of them keeps about each device: compacted, so that an older block of a shard goes within the time.
POSITION_BLOCKS = Topic("analytics.positions-blocks-changelog", PARTITIONS, timedelta(hours=24))


def partition_of(shard: int, partitions: int = PARTITIONS) -> int:
    """The partition of a logical shard."""
    return shard % partitions
