"""What an engineer reads about the door."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_LATENCY_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.5, 1, 2, 5)
_ROWS = (1, 2, 5, 10, 25, 50, 100, 200, 500, 1000, 5000)


class IngestMetrics:
    """The collectors of one process, made once on its registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.accepted = Counter(
            "haechi_ingest_accepted_total",
            "Inputs that Kafka, PostgreSQL or the spool has",
            ("kind",),
            registry=registry,
        )
        self.refused = Counter(
            "haechi_ingest_refused_total", "Inputs refused, by reason", ("reason",), registry=registry
        )
        self.ignored = Counter(
            "haechi_ingest_ignored_total",
            "Messages understood that carry nothing for us",
            ("format",),
            registry=registry,
        )
        self.goodbyes = Counter(
            "haechi_ingest_goodbyes_total", "Registered devices that the broker lost", registry=registry
        )
        self.dropped = Counter(
            "haechi_ingest_dropped_total", "What was given up although it was not refused", ("what",), registry=registry
        )
        self.urgent = Counter(
            "haechi_ingest_urgent_total", "Calls for help by the road that answered first", ("road",), registry=registry
        )
        self.latency = Histogram(
            "haechi_ingest_accept_seconds", "Received to accepted", ("kind",), buckets=_LATENCY_S, registry=registry
        )
        self.batch = Histogram(
            "haechi_ingest_batch_rows", "Rows in a batch", ("topic",), buckets=_ROWS, registry=registry
        )
        self.spool_bytes = Gauge("haechi_ingest_spool_bytes", "Bytes of the spool on disk", registry=registry)
        self.spool_records = Gauge(
            "haechi_ingest_spool_records", "Records that wait in the spool", ("topic",), registry=registry
        )
