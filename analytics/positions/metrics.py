"""What an engineer reads about the deciding of positions."""

from prometheus_client import CollectorRegistry, Counter


class PositionMetrics:
    """The collectors of one process, made once on its registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.fixes = Counter("haechi_fixes_total", "Fixes by what they were worth", ("verdict",), registry=registry)
        self.failures = Counter(
            "haechi_watch_failures_total", "Messages that a watch could not look at", ("watch",), registry=registry
        )
        self.forgotten = Counter(
            "haechi_devices_forgotten_total", "Devices whose memory was given up", ("why",), registry=registry
        )
