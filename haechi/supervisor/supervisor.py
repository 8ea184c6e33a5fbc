"""One centre on one machine: servers, tables and topics, processes; what crashes is started again with a back-off."""

import asyncio
import os
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import IO

import msgspec
import structlog

from haechi.clock import utc_now
from haechi.config import Settings, changed, environment_of, value_of, variable_of
from haechi.domain.access import Role
from haechi.embedded import EmbeddedServer, EmbeddedServers, lock_folder
from haechi.embedded.addresses import HOST, AddressBook, is_free
from haechi.embedded.process import PLAIN_ENVIRONMENT, ChildProcess, Command, ServerFailed, fix_for
from haechi.errors import ConfigError, TransientError
from haechi.failpoints import LOG_VARIABLE, VARIABLE
from haechi.process import NAMES, run_beside
from haechi.sealing import load_or_create_key
from haechi.store.districts import ensure_district
from haechi.store.live import Live
from haechi.store.postgres import migrate, open_pool
from haechi.store.users import Users
from haechi.streaming.admin import ensure_house
from haechi.streaming.connection import connect
from haechi.supervisor.disk import Disk
from haechi.supervisor.site import ProcessState, Site, State, write_site

log = structlog.get_logger(__name__)

BACK_OFF_S = (0.2, 1, 2, 5, 10, 30)
STEADY_S = 60.0  # a process that ran so long starts its back-off anew
LOOK_S = 0.5
STOP_S = 5.0
# Which setting of an embedded server's address is left to it when empty.
_SERVERS = {"kafka": "kafka.url", "postgres": "postgres.url", "valkey": "redis.url", "mqtt": "mqtt.url"}
_DOORS = {"gateway": "gateway.port", "callbacks": "alerts.callbacks_port", "wall": "wall.port"}


class Extra(msgspec.Struct, frozen=True):
    """A process that is not one of the house's: the sample district. It gets the settings as the others do."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = {}


class _Child:
    """A process and how it fares."""

    def __init__(self, name: str, command: Command, data: Path) -> None:
        self.name = name
        self.command = command
        self.process = ChildProcess(name, data)
        self.restarts = 0
        self.failures = 0
        self.started = 0.0
        self.due: float | None = 0.0
        self.fate: dict[str, str] = {}
        self.why = ""

    def state(self, beating: set[str], *, beats: bool) -> ProcessState:
        word: State = "live" if self.name in beating or not beats else "starting"
        if not self.process.alive():
            word = "waiting"
        elif word == "starting" and time.monotonic() - self.started > 30:
            word = "silent"
        return ProcessState(self.name, word, self.process.pid, self.restarts, self.why if word == "waiting" else "")


class Supervisor:
    """`start`, then `run` until `stop` is asked for. `say` gets sentences for the person at the terminal.

    `extra` is asked for further processes when the servers and the tables are there and nothing else runs yet: the
    time to change `settings`, to add `addresses`, to ask for a `token`. `failpoints` are what a fault test lets a process
    be killed by (`haechi.failpoints`), by its name; each life has them until one was.
    """

    def __init__(
        self,
        settings: Settings,
        names: Sequence[str] = NAMES,
        *,
        embedded: bool = True,
        sample: bool = False,
        extra: "Callable[[Supervisor], Awaitable[Sequence[Extra]]] | None" = None,
        failpoints: Mapping[str, str] = MappingProxyType({}),
        say: Callable[[str], None] = print,
    ) -> None:
        self._data = settings.data.absolute()
        self._names = tuple(names)
        self._embedded = embedded
        self._sample = sample
        self._extra = extra
        self._failpoints = failpoints
        self._say = say
        self._disk = Disk(self._data, say)
        self._servers: EmbeddedServers | None = None
        self._starting: dict[str, asyncio.Task[None]] = {}
        self._lock: IO[bytes] | None = None
        self._live: Live | None = None
        self._children: list[_Child] = []
        self._extras: set[str] = set()
        self._beating: set[str] = set()
        self._started_at = utc_now()
        self._stopping = asyncio.Event()
        self._site: Site | None = None
        self.settings = changed(settings, {"data": self._data})
        self.addresses: dict[str, str] = {}
        self.sign_in: tuple[str, str] | None = None

    @property
    def states(self) -> list[ProcessState]:
        """Servers, then processes."""
        servers = [
            ProcessState(name, "live" if server.alive() else "waiting", server.child.pid)
            for name, server in (self._servers.servers.items() if self._servers else ())
        ]
        return servers + [child.state(self._beating, beats=child.name not in self._extras) for child in self._children]

    @property
    def ready(self) -> bool:
        """Whether everything lives."""
        return bool(self._children) and all(state.state == "live" for state in self.states)

    async def start(self) -> None:
        """Servers, addresses, tables, topics, then the processes; what was begun is ended again when a step fails."""
        try:
            await self._start_servers()
            await self._prepare()
            await self._plan()
            await asyncio.gather(*(self._start(child) for child in self._children))
            self._write()
        except BaseException:
            await self.end()
            raise

    async def run(self) -> None:
        """Look after everything until `stop`."""
        await run_beside(self._look_after(), self._hear())

    def stop(self) -> None:
        """Ask `run` to return."""
        self._stopping.set()

    async def end(self) -> None:
        """End the processes together, then the servers; nothing is left running."""
        for starting in self._starting.values():
            starting.cancel()
        await asyncio.gather(*self._starting.values(), return_exceptions=True)
        await asyncio.gather(*(child.process.stop(seconds=STOP_S) for child in self._children))
        self._write()
        self._children = []
        if self._live is not None:
            await self._live.close()
            self._live = None
        if self._servers is not None:
            await self._servers.stop()
            self._servers = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    async def _start_servers(self) -> None:
        wanted = [name for name, key in _SERVERS.items() if _missing(self.settings, key)] if self._embedded else []
        if wanted:
            self._servers = EmbeddedServers(self._data, only=wanted, say=self._say)
            await self._servers.start()
            urls = self._servers.urls
            self.settings = changed(self.settings, {_SERVERS[name]: url for name, url in urls.items()})
        else:
            self._lock = lock_folder(self._data)
        book = AddressBook(self._data / "embedded.json", self._say)
        for name, key in _DOORS.items():
            if _missing(self.settings, key):
                self.settings = changed(self.settings, {key: book.port(name)})
            elif name in self._opened() and not is_free(int(str(value_of(self.settings, key)))):
                raise ConfigError(
                    f"{variable_of(key)}: port {value_of(self.settings, key)} is taken by another program; end it, or "
                    "choose another port (0 chooses a free one)."
                )
        if self.settings.evidence.url is None:
            self.settings = changed(self.settings, {"evidence.url": (self._data / "evidence").as_uri()})
        if self.settings.data_key is None:
            self.settings = changed(self.settings, {"data_key": load_or_create_key(self._data / "data.key")})
        self.addresses = {
            "wall": f"http://{HOST}:{self.settings.wall.port}",
            "gateway": f"http://{HOST}:{self.settings.gateway.port}",
            "callbacks": f"http://{HOST}:{self.settings.alerts.callbacks_port}",
        } | {
            name: url.get_secret_value()
            for name in ("mqtt", "kafka", "postgres", "redis")
            if (url := getattr(self.settings, name).url) is not None
        }

    def _opened(self) -> set[str]:
        """The doors that our processes open."""
        return {name.rpartition(".")[2] for name in self._names}

    async def _prepare(self) -> None:
        """Tables, topics, the district, and somebody who may sign in."""
        connection = connect(self.settings.kafka)
        postgres = self.settings.postgres.url
        if postgres is not None:
            applied, made = await asyncio.gather(
                migrate(postgres.get_secret_value()),
                ensure_house(connection),
            )
            log.info("site.prepared", migrations=len(applied), topics=len(made))
        pool = await open_pool(self.settings.postgres, size=1)
        try:
            district = self.settings.district
            await ensure_district(pool, district, district.capitalize(), sample=self._sample)
            self.sign_in = await self._first_user(Users(pool))
        finally:
            await pool.close()
        if self.settings.redis.url is not None:
            self._live = Live(self.settings.redis.url.get_secret_value())

    async def _first_user(self, users: Users) -> tuple[str, str] | None:
        """An administrator with a random password where nobody can sign in yet; kept for the owner of the folder."""
        kept = self._data / "first-sign-in"
        if not await users.users():
            name, password = "admin", secrets.token_urlsafe(9)
            handle = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(f"{name} {password}\n")
            district = self.settings.district
            await users.add_user(name, password, [("administrator", district), ("supervisor", district)])
        if kept.exists():
            name, _, password = kept.read_text().strip().partition(" ")
            return name, password
        return None

    async def token(self, name: str, role: Role) -> str:
        """A new bearer token for the district; the older ones of the same name open nothing any more."""
        pool = await open_pool(self.settings.postgres, size=1)
        try:
            users = Users(pool)
            for old in await users.tokens():
                if old.name == name and old.district == self.settings.district and old.revoked_at is None:
                    await users.revoke_token(old.id)
            return await users.add_token(name, role, self.settings.district)
        finally:
            await pool.close()

    async def _plan(self) -> None:
        extras = await self._extra(self) if self._extra is not None else ()
        environment = PLAIN_ENVIRONMENT | _passed_on(os.environ) | environment_of(self.settings)
        run = [sys.executable, "-m", "haechi", "run"]
        for name in self._names:
            child = self._child(name, [*run, name], environment)
            child.fate = {VARIABLE: self._failpoints[name]} if name in self._failpoints else {}
            self._children.append(child)
        for one in extras:
            self._extras.add(one.name)
            self._children.append(self._child(one.name, list(one.arguments), environment | dict(one.environment)))

    def _child(self, name: str, arguments: list[str], environment: Mapping[str, str]) -> _Child:
        command = Command(arguments, cwd=self._data, marker=str(self._data), environment=environment)
        return _Child(name, command, self._data)

    async def _start(self, child: _Child) -> None:
        child.started, child.due = time.monotonic(), None
        command = child.command
        if child.fate:
            command = replace(command, environment={**command.environment, **child.fate})
        try:
            await child.process.start(command, _at_once, seconds=10)
        except ServerFailed as error:
            child.why = str(error)

    async def _look_after(self) -> None:
        while not self._stopping.is_set():
            await self._look()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), LOOK_S)

    async def _look(self) -> None:
        self._disk.look()
        now = time.monotonic()
        for child in self._children:
            if child.process.alive():
                if now - child.started > STEADY_S:
                    child.failures = 0
                child.process.bound_log()
            elif child.due is None:
                wait = BACK_OFF_S[min(child.failures, len(BACK_OFF_S) - 1)]
                child.due, child.why = now + wait, _reason(child.process.last_line())
                child.failures += 1
                if child.process.was_killed:
                    child.fate = {}
                self._say(f"{child.name} has ended and is started again in {wait:g} s: {child.why}")
            elif now >= child.due:
                child.restarts += 1
                await self._start(child)
        for name, server in self._servers.servers.items() if self._servers else ():
            if not server.alive() and name not in self._starting:
                self._say(f"{name} has ended; it is started again. {fix_for(server.child.last_words())}".strip())
                self._starting[name] = asyncio.create_task(self._start_again(name, server), name=f"start {name}")
        self._write()

    async def _start_again(self, name: str, server: EmbeddedServer) -> None:
        """Beside the looking after: a Kafka takes its time, and a door that ends meanwhile must not wait for it."""
        try:
            await server.start()
        except ServerFailed as error:
            self._say(str(error))
        except Exception as error:
            # What holds all the others up outlives whatever keeps one of them down: a full disk, say.
            log.exception("server.not_started", server=name)
            self._say(f"{name}: cannot be started: {error}. {fix_for(str(error))}".strip())
        finally:
            del self._starting[name]

    async def _hear(self) -> None:
        """Who beats. Beside the looking after: a Redis that does not answer must not keep a door that ended lying."""
        while True:
            try:
                beats = await self._live.heartbeats() if self._live is not None else {}
                self._beating = {name for name in beats if name in self._names}
            except TransientError:
                self._beating = set()
            await asyncio.sleep(LOOK_S)

    def _write(self) -> None:
        site = Site(os.getpid(), self._started_at, self.addresses, self.states)
        if site != self._site:
            self._site = site
            with suppress(OSError):  # a full disk is said by `Disk`
                write_site(self._data, site)


def _reason(line: str) -> str:
    """The words of a process's last log line, which is JSON where it ended by itself."""
    try:
        said = msgspec.json.decode(line, type=dict[str, object])
    except msgspec.DecodeError:
        return line
    trace = str(said.get("exception", "")).strip().splitlines()
    return str(said.get("reason") or (trace[-1] if trace else said.get("event", line)))


async def _at_once() -> None:
    """A process counts as started when it runs; that it lives is told by its heartbeat."""


def _missing(settings: Settings, key: str) -> bool:
    section, _, name = key.partition(".")
    return not getattr(getattr(settings, section), name)


def _passed_on(environ: Mapping[str, str]) -> dict[str, str]:
    """What a process of ours needs of the user's environment beside the settings."""
    kept = ("HOME", "PATH", "VIRTUAL_ENV", "PYTHONPATH", "TZDIR", "SSL_CERT_FILE")  # the code that we run ourselves
    ours = (VARIABLE, LOG_VARIABLE, "HAECHI_CACHE")
    libraries = ("OMP_", "OPENBLAS_", "MKL_", "OPENVINO_", "YOLO_")
    return {k: v for k, v in environ.items() if k in kept or k in ours or k.startswith(libraries)}
