"""How often one device may report. Calls for help do not come here."""

from collections import OrderedDict

RATE_PER_S = 20.0
BURST = 600  # a phone that comes back into coverage sends its backlog at once
MOST_DEVICES = 100_000


class RateLimit:
    """A token bucket per device: `burst` at once, `rate` a second; the least recently seen of `most` is forgotten."""

    def __init__(self, rate: float = RATE_PER_S, burst: float = BURST, most: int = MOST_DEVICES) -> None:
        self._rate = rate
        self._burst = burst
        self._most = most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, device: str, now: float) -> bool:
        """Take one token; `now` is monotonic seconds."""
        tokens, at = self._buckets.get(device, (self._burst, now))
        tokens = min(self._burst, tokens + max(0.0, now - at) * self._rate)
        allowed = tokens >= 1
        self._buckets[device] = (tokens - 1 if allowed else tokens, now)
        self._buckets.move_to_end(device)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return allowed
