"""One way to consume and to produce: nothing accepted is lost, nothing is doubled in effect."""

from haechi.streaming.app import make_app
from haechi.streaming.connection import Connection, connect
from haechi.streaming.dead_letters import DeadLetter
from haechi.streaming.metrics import StreamMetrics
from haechi.streaming.producer import Producer
from haechi.streaming.records import Event, Record
from haechi.streaming.state import PartitionState, PartlyApplied
from haechi.streaming.ticks import tick_for_ever
from haechi.streaming.worker import Worker, run_process

__all__ = [
    "Connection",
    "DeadLetter",
    "Event",
    "PartitionState",
    "PartlyApplied",
    "Producer",
    "Record",
    "StreamMetrics",
    "Worker",
    "connect",
    "make_app",
    "run_process",
    "tick_for_ever",
]
