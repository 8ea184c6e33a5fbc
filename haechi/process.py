"""What every process of the house has: logs, metrics, a heartbeat, the data key; and how a name becomes a process."""

import asyncio
import os
import resource
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import msgspec
import structlog
from prometheus_client import CollectorRegistry

from haechi.config import Settings
from haechi.errors import ConfigError, UntrustedState, in_words
from haechi.locks import hold
from haechi.sealing import Sealer, sealer_of
from haechi.store.live import Live
from haechi.telemetry import beat_forever, configure_logging, make_registry, serve_metrics

Main = Callable[[Settings], Awaitable[None]]
GROUP = "haechi.processes"
ROOMS = ("haechi", "ingest", "vision", "analytics", "alerts", "control_room", "sample_feeds")

# In the order of the flow; each is a Faust app or a server of its own, and the entry point of the same name runs it.
NAMES = (
    "ingest.gateway",
    "ingest.mqtt",
    "ingest.cameras",
    "vision",
    "analytics.urgent",
    "analytics.positions",
    "analytics.readings",
    "analytics.sightings",
    "analytics.archive",
    "alerts.incidents",
    "alerts.sender",
    "alerts.callbacks",
    "wall",
)

LET_GO_S = 2.0  # a PostgreSQL that takes requests and does not answer holds whoever waits for half a minute
_SLOTS = 64

log = structlog.get_logger(__name__)


class Component(msgspec.Struct, frozen=True):
    """What a process is handed: its metrics registry, the sealer of what it keeps on disk, the live
    store, and `notes`, which its heartbeat tells (a model for the demo only). `slot` tells it from the others of its name
    that run from the same data folder; who comes back takes the first that is free."""

    name: str
    settings: Settings
    registry: CollectorRegistry
    sealer: Sealer
    live: Live
    notes: dict[str, str]
    slot: int

    @property
    def copies(self) -> Path:
        """The folder of this process's sealed copies and spools, and of all others of its name."""
        return folder_of(self.name, self.settings)


def folder_of(name: str, settings: Settings) -> Path:
    """What processes of the name keep on disk."""
    folder = settings.data / "state" / name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def component(name: str, settings: Settings) -> AbstractAsyncContextManager[Component]:
    """Logs configured, metrics served, the heart beating; `async with component(...) as it:`."""
    return _component(name, settings)


@asynccontextmanager
async def _component(name: str, settings: Settings) -> AsyncIterator[Component]:
    repeats = configure_logging(settings.telemetry, name)
    if settings.redis.url is None:
        raise ConfigError("redis.url: no Redis is configured; start the embedded one with `haechi up`, or name yours.")
    registry = make_registry()
    port = serve_metrics(registry, settings.telemetry.metrics_port)
    live = Live(settings.redis.url.get_secret_value())
    notes: dict[str, str] = {}
    slot, lock = _claim_slot(folder_of(name, settings))
    heart = asyncio.create_task(beat_forever(live, name, port, notes), name="heartbeat")
    ends = asyncio.create_task(repeats.tell_ends_for_ever(), name="log")
    log.info("process.started", metrics_port=port, slot=slot)
    try:
        yield Component(name, settings, registry, sealer_of(settings), live, notes, slot)
    finally:
        ends.cancel()
        await _end(heart)
        await live.close()
        os.close(lock)
        log.info("process.stopped")


async def run_beside(main: Coroutine[Any, Any, None], *work: Coroutine[Any, Any, None]) -> None:
    """`main` to its end, beside `work` that has none and is cancelled then. UntrustedState when any of it ends before,
    whose name and reason are in the log.
    """
    tasks = [asyncio.create_task(one, name=getattr(one, "__qualname__", None)) for one in work]
    first = asyncio.create_task(main)  # the last to begin: where several ask for the signals, they are its own
    try:
        done, _ = await asyncio.wait({first, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {first}:
            reason = None if task.cancelled() else task.exception()
            log.critical("process.task_ended", task=task.get_name(), cancelled=task.cancelled(), exc_info=reason)
            why = "by itself" if reason is None else in_words(reason)
            raise UntrustedState(f"The task '{task.get_name()}' has ended: {why}") from reason
        first.result()
    finally:
        for task in (first, *tasks):
            task.cancel()
        await asyncio.wait({asyncio.gather(first, *tasks, return_exceptions=True)}, timeout=LET_GO_S)


def on_stop(stop: Callable[[], object]) -> None:
    """SIGTERM and SIGINT call it, and nothing that asked for them before."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)


async def until_stopped() -> None:
    """Until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    on_stop(stop.set)
    await stop.wait()


async def _end(task: "asyncio.Task[None]") -> None:
    """Cancelled until it has ended: asyncio's own `wait_for`, which the Redis client uses, may swallow a cancellation."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.1)


def _claim_slot(folder: Path) -> tuple[int, int]:
    """The first number that no living process of the folder has, and the lock that says so."""
    for slot in range(_SLOTS):
        try:
            return slot, hold(folder / f"slot-{slot}")
        except BlockingIOError:
            continue
    raise ConfigError(f"{folder}: {_SLOTS} processes run from it already.")


def open_files(wanted: int) -> int:
    """Let this process open so many files and sockets, as far as it may; how many it can open now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    return wanted if soft == resource.RLIM_INFINITY else soft


def main_of(name: str) -> Main:
    """The coroutine function that is the process `name`."""
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            try:
                processes: dict[str, Main] = entry.load()
            except ModuleNotFoundError as error:
                if error.name is None or error.name.partition(".")[0] in ROOMS:
                    raise  # a defect of ours, not a missing extra
                raise ConfigError(
                    f"Process '{name}' needs the package '{error.name}', which is not installed here: "
                    "install Haechi with the extras that it needs (see README, Installing parts)."
                ) from error
            return processes[name]
    raise ConfigError(f"There is no process '{name}'; there are {', '.join(NAMES)}.")
