"""When a delivery is tried again. An emergency has no back-off of hours, and never gives up by itself."""

# Seconds from the attempt before; the last goes on for ever, until a person cancels the delivery.
SCHEDULE_S: tuple[float, ...] = (0, 1, 2, 5, 10, 15, 30)
# An endpoint may ask for patience (Retry-After), but not silence a life-safety message for the night.
LONGEST_PATIENCE_S = 300.0


def delay_after(attempts: int, retry_after_s: float | None = None) -> float:
    """Seconds to wait after `attempts` attempts have failed; Retry-After makes it longer, never shorter."""
    planned = SCHEDULE_S[min(attempts, len(SCHEDULE_S) - 1)]
    return max(planned, min(retry_after_s or 0.0, LONGEST_PATIENCE_S))
