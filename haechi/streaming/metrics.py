"""What an engineer reads about a stream."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_LATENCY_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300)


class StreamMetrics:
    """The collectors of one process, made once on its registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        names = ("topic", "partition")
        self.lag = Gauge(
            "haechi_stream_lag", "Messages in the topic that are not yet acknowledged", names, registry=registry
        )
        self.latency = Histogram(
            "haechi_stream_latency_seconds",
            "Event time (else: time sent) to handled, outputs acknowledged",
            ("topic",),
            buckets=_LATENCY_S,
            registry=registry,
        )
        self.acked = Counter("haechi_stream_acked_total", "Events acknowledged", ("topic",), registry=registry)
        self.retries = Counter(
            "haechi_stream_retries_total", "Tries repeated in place", ("topic", "kind"), registry=registry
        )
        self.retrying = Gauge(
            "haechi_stream_retrying", "Partitions that wait for something that is away", ("topic",), registry=registry
        )
        self.dead_letters = Counter(
            "haechi_stream_dead_letters_total", "Events put aside with a reason", ("topic",), registry=registry
        )
        self.dropped = Counter(
            "haechi_stream_dropped_total", "Frames not looked at", ("topic", "why"), registry=registry
        )
        self.checkpoint = Histogram(
            "haechi_stream_checkpoint_seconds",
            "A checkpoint: outputs, blocks, offsets",
            buckets=_LATENCY_S,
            registry=registry,
        )
