"""The three kinds of error, and waiting between tries."""

import asyncpg
import redis.exceptions

from haechi.errors import PermanentError, TransientError

# A store, the network or a broker is away, or two transactions met: the same work may succeed in a moment.
AWAY: tuple[type[BaseException], ...] = (
    TransientError,
    ConnectionError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TransactionRollbackError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
    redis.exceptions.BusyLoadingError,
)
# How often the same unexpected exception may come in place before the event is taken for the cause.
TRIES = 3


class Backoff:
    """Waits that double from `first` to `most` seconds; starts again with `reset`."""

    def __init__(self, first: float = 0.05, most: float = 5.0) -> None:
        self._first = first
        self._most = most
        self._next = first

    def next(self) -> float:
        """Seconds to wait before the coming try."""
        wait, self._next = self._next, min(2 * self._next, self._most)
        return wait

    def reset(self) -> None:
        """The last try succeeded."""
        self._next = self._first


class Unexpected:
    """Counts one and the same unexpected exception in place."""

    def __init__(self) -> None:
        self._last = ""
        self._times = 0

    def seen(self, error: Exception) -> PermanentError | None:
        """None: try again. A PermanentError: it has come three times, the event is the cause."""
        text = f"{type(error).__name__}: {error}"
        self._times = self._times + 1 if text == self._last else 1
        self._last = text
        return PermanentError(f"{text} ({TRIES} times in place)") if self._times >= TRIES else None
