"""What an engineer on call sees of the dispatch."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 15)


class SenderMetrics:
    """The sender's and the inbox's figures."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.attempts = Counter(
            "haechi_delivery_attempts", "Attempts by their outcome", ("channel", "outcome"), registry=registry
        )
        self.seconds = Histogram(
            "haechi_delivery_attempt_seconds", "One attempt, start to answer", buckets=_SECONDS, registry=registry
        )
        self.first = Histogram(
            "haechi_delivery_first_attempt_seconds",
            "From the row in the outbox to its first attempt",
            buckets=_SECONDS,
            registry=registry,
        )
        self.postponed = Counter(
            "haechi_delivery_postponed", "Put back without an attempt", ("why",), registry=registry
        )
        self.held = Gauge("haechi_delivery_held", "Deliveries leased by this process", registry=registry)
        self.breakers = Gauge("haechi_delivery_breakers", "Endpoints by breaker", ("mode",), registry=registry)
        self.depth = Gauge("haechi_outbox_depth", "Deliveries that are due or on the way", registry=registry)
        self.oldest = Gauge("haechi_outbox_oldest_seconds", "Age of the oldest of them", registry=registry)
        self.alive = Gauge(
            "haechi_dispatch_alive_timestamp_seconds",
            "When the outbox last answered or a delivery last arrived: alarm from outside when it stands still",
            registry=registry,
        )
        self.inbox = Counter("haechi_inbox_calls", "Urgent calls of the second road", ("outcome",), registry=registry)
