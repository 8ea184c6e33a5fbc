"""PostgreSQL: a pool that opens lazily, notifications as hints, errors in words, and the migrations.

A migration is a plain SQL file of `migrations/`, in order of name, applied once; applied, it never changes again.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib import resources
from typing import Any, cast

import asyncpg
from asyncpg import exceptions

from haechi.config import PostgresSettings
from haechi.errors import ConfigError, PermanentError, TransientError

_CONNECT_S = 5.0
_COMMAND_S = 30.0
_ACQUIRE_S = 10.0
_CLOSE_S = 3.0
_SESSION = {
    "application_name": "haechi",
    "timezone": "UTC",
    # A forgotten transaction would hold back every change feed and every vacuum.
    "idle_in_transaction_session_timeout": "60s",
}
_AWAY = (
    OSError,  # refused, reset, no route; also every time-out
    exceptions.PostgresConnectionError,
    exceptions.CannotConnectNowError,
    exceptions.AdminShutdownError,
    exceptions.CrashShutdownError,
    exceptions.InsufficientResourcesError,  # disk full, out of memory, too many connections
    exceptions.DeadlockDetectedError,
    exceptions.SerializationError,
    exceptions.LockNotAvailableError,
    exceptions.QueryCanceledError,
    exceptions.IdleInTransactionSessionTimeoutError,
    exceptions.ReadOnlySQLTransactionError,  # a failover left us with a standby
)
# Whatever a connection says that is not there any more.
_LOST = (*_AWAY, exceptions.InterfaceError, exceptions.InternalClientError)
_UNFIT = (exceptions.CharacterNotInRepertoireError, exceptions.UntranslatableCharacterError)
_REFUSED = (exceptions.InvalidAuthorizationSpecificationError, exceptions.InvalidCatalogNameError)

_LOCK = 0x4861_6563_6869  # "Haechi", one migrator at a time
_RECORD = """
CREATE TABLE IF NOT EXISTS migrations (
    name       text PRIMARY KEY,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)"""


@contextmanager
def translate_errors() -> Iterator[None]:
    """Connection errors, a full pool, a shutdown, a deadlock become TransientError in words.

    A refused user or an unknown database becomes ConfigError; what is left is a defect of ours and stays as it is.
    """
    try:
        yield
    except _UNFIT as error:
        raise PermanentError("A character in it cannot be kept in PostgreSQL (NUL, for one); leave it out.") from error
    except _REFUSED as error:
        raise ConfigError(f"PostgreSQL refuses the connection: {error}. Check HAECHI_POSTGRES__URL.") from error
    except _AWAY as error:
        raise TransientError(f"PostgreSQL is away or busy ({_words(error)}); it is tried again.") from error
    except exceptions.InterfaceError as error:
        if "clos" not in str(error):  # "connection is closed", "pool is closing"; the others are misuse
            raise
        raise TransientError(f"The connection to PostgreSQL was closed ({error}).") from error
    except exceptions.InternalClientError as error:
        # An idle connection has read the server's goodbye and not its end yet: https://github.com/MagicStack/asyncpg/issues/784
        if not str(error).startswith("cannot switch to state"):
            raise
        raise TransientError("PostgreSQL has ended the connection; it is tried again.") from error


def _words(error: BaseException) -> str:
    return str(error) or ("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__)


async def snapshot_of(connection: Any) -> tuple[int, str]:
    """What the transaction sees: its xmin (every transaction below it has ended, so a change feed may read up to it), and
    the whole snapshot as text, which is the same as long as nothing has been committed."""
    xmin, snapshot = await connection.fetchrow(
        "SELECT pg_snapshot_xmin(s)::text::bigint, s::text FROM pg_current_snapshot() s"
    )
    return xmin, snapshot


class Hint:
    """The notifications of one channel for one waiter; they may be missed, so whoever waits also polls."""

    def __init__(self, listener: "_Listener", channel: str) -> None:
        self._listener = listener
        self._event = listener.event(channel)

    async def wait(self, timeout_s: float) -> bool:
        """Whether there was a notification since the last wait; returns at `timeout_s` at the latest.

        The notification is forgotten *before* the caller looks, so one that comes while it looks is kept for the
        next wait.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._listener.connect()
                await self._event.wait()
        hinted = self._event.is_set()
        self._event.clear()
        return hinted


class _Listener:
    """One connection that listens for all waiters of a pool, made anew when a waiter finds it gone."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: asyncpg.Connection | None = None
        self._connecting = asyncio.Lock()
        self._events: dict[str, list[asyncio.Event]] = {}
        self._listening: set[str] = set()

    def event(self, channel: str) -> asyncio.Event:
        event = asyncio.Event()
        self._events.setdefault(channel, []).append(event)
        return event

    async def connect(self) -> None:
        """Listen, if PostgreSQL is there; if not, waiters poll."""
        async with self._connecting:
            if self._connection is not None and not self._connection.is_closed():
                missing = self._events.keys() - self._listening
            else:
                missing = set(self._events)
                self._listening = set()
                with suppress(*_AWAY, *_REFUSED):
                    self._connection = await asyncpg.connect(self._url, timeout=_CONNECT_S, server_settings=_SESSION)
            if self._connection is None or self._connection.is_closed():
                return
            with suppress(*_LOST):
                for channel in missing:
                    await self._connection.add_listener(channel, self._notified)
                    self._listening.add(channel)
                    self._wake(channel)  # something may have happened before we listened

    def _notified(self, _connection: object, _pid: int, channel: str, _payload: str) -> None:
        self._wake(channel)

    def _wake(self, channel: str) -> None:
        for event in self._events[channel]:
            event.set()

    async def close(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            with suppress(*_LOST):
                await self._connection.close(timeout=1)

    def terminate(self) -> None:
        if self._connection is not None:
            self._connection.terminate()


class Pool(asyncpg.Pool):  # type: ignore[misc]  # asyncpg has no types
    """An asyncpg pool in which UUIDs are `str` and JSON is text, with one more connection that listens."""

    def __init__(self, url: str, size: int, acquire_s: float = _ACQUIRE_S) -> None:
        super().__init__(
            url,
            init_size=0,
            min_size=0,  # connects when first used
            max_size=size,
            max_queries=50_000,
            max_inactive_connection_lifetime=300.0,
            init=_prepare,
            reset=_settle,
            loop=None,
            connection_class=asyncpg.Connection,
            record_class=asyncpg.Record,
            timeout=_CONNECT_S,
            command_timeout=_COMMAND_S,
            server_settings=_SESSION,
        )
        self._listener = _Listener(url)
        self._acquire_s = acquire_s

    def acquire(self, *, timeout: float | None = None) -> Any:
        """As asyncpg's, but an exhausted pool is a TimeoutError after `acquire_s` seconds, not a wait without end."""
        return super().acquire(timeout=timeout or self._acquire_s)

    def hint(self, channel: str) -> Hint:
        """Notifications of the channel from now on."""
        return Hint(self._listener, channel)

    async def close(self) -> None:
        """Gives the connections back; one that is still held after 3 s is cut."""
        await self._listener.close()
        try:
            async with asyncio.timeout(_CLOSE_S):
                await super().close()
        except TimeoutError:
            super().terminate()

    def terminate(self) -> None:
        self._listener.terminate()
        super().terminate()


async def _prepare(connection: Any) -> None:  # asyncpg has no types
    await connection.set_type_codec("uuid", schema="pg_catalog", encoder=str, decoder=str, format="text")


async def _settle(connection: Any) -> None:  # asyncpg has no types
    """End what a call that broke off has begun.

    asyncpg parses a statement and executes it in two steps. Where the second is never sent (an argument that cannot be
    encoded, a task cancelled in between), the transaction that parsing began stays open, and the next user's BEGIN
    would fall into it. Any simple query ends it; nobody here changes a session, so nothing else needs to be reset.
    """
    await connection.execute("SELECT 1")


async def open_pool(settings: PostgresSettings | str, *, size: int | None = None) -> Pool:
    """A pool of at most `size` connections (default: the settings'). It connects when first used, so that a process
    can start without PostgreSQL."""
    url = settings if isinstance(settings, str) else settings.url.get_secret_value() if settings.url else None
    if url is None:
        raise ConfigError("No PostgreSQL is known: set HAECHI_POSTGRES__URL, or start the embedded one: `haechi up`.")
    default = PostgresSettings().pool if isinstance(settings, str) else settings.pool
    return cast("Pool", await Pool(url, size or default))


def shipped() -> dict[str, str]:
    """The SQL files that come with this version, by name, in order."""
    files = resources.files("haechi.store").joinpath("migrations").iterdir()
    return {
        file.name: file.read_text(encoding="utf-8")
        for file in sorted(files, key=lambda file: file.name)
        if file.name.endswith(".sql")
    }


async def migrate(url: str, files: dict[str, str] | None = None) -> list[str]:
    """Apply what is new, each file in a transaction of its own, under an advisory lock; the names applied now.

    Raises:
        ConfigError: a file was edited after it was applied, or the database belongs to a newer version.
        TransientError: PostgreSQL is away.
    """
    files = shipped() if files is None else files
    with translate_errors():
        connection = await asyncpg.connect(url, timeout=10)
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
            await connection.execute(_RECORD)
            applied = {row["name"]: row["sha256"] for row in await connection.fetch("SELECT * FROM migrations")}
            _check(files, applied)
            new = [name for name in sorted(files) if name not in applied]
            for name in new:
                async with connection.transaction():
                    await connection.execute(files[name])
                    await connection.execute(
                        "INSERT INTO migrations (name, sha256) VALUES ($1, $2)", name, _digest(files[name])
                    )
            return new
        finally:
            await connection.close()


def _check(files: dict[str, str], applied: dict[str, str]) -> None:
    for name, digest in applied.items():
        if name not in files:
            raise ConfigError(
                f"The database was migrated by a newer Haechi ({name} is not known here); upgrade this one."
            )
        if _digest(files[name]) != digest:
            raise ConfigError(
                f"The migration {name} was edited after it was applied to this database. Put back what it was, "
                "and write the change as a new file."
            )


def _digest(sql: str) -> str:
    return sha256(sql.encode()).hexdigest()
