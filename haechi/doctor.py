"""`haechi doctor`: what is wrong, in words, and what to do about it."""

import asyncio
import ctypes
import sys
from collections.abc import Awaitable, Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec
import psutil
from pydantic import SecretStr
from rich.console import Console
from rich.markup import escape

from haechi.clock import utc_now
from haechi.config import Settings, variable_of
from haechi.embedded.addresses import HOST, is_free
from haechi.errors import ConfigError, HaechiError
from haechi.store.postgres import open_pool, translate_errors
from haechi.supervisor.disk import free_bytes, words_of
from haechi.supervisor.site import SERVERS, Site, reached, read_site, runs

LOW_MEMORY_BYTES = 1024**3
CLOCK_S = 2.0
_STA_UNSYNC = 0x0040
_IS_MADE = "SELECT to_regclass('incidents') IS NOT NULL"
_CLOCKS_OFF = (
    "SELECT body->'because'->>'words' AS words FROM incidents "
    "WHERE kind = 'clock-off' AND state <> 'closed' AND body->>'ends_at' IS NULL"
)


class Finding(msgspec.Struct, frozen=True):
    """One line of the report."""

    level: Literal["good", "note", "wrong"]
    about: str
    words: str


Examination = Callable[[Settings, Site | None], Awaitable[Sequence[Finding]]]


async def examine(settings: Settings) -> list[Finding]:
    """Everything that is looked at, in order. Addresses of a running site stand in for empty settings."""
    settings = reached(settings)
    try:
        site = read_site(settings.data)
    except ConfigError:
        site = None
    findings: list[Finding] = []
    for look in EXAMINATIONS:
        try:
            findings.extend(await look(settings, site))
        except HaechiError as error:
            findings.append(Finding("wrong", look.__name__.strip("_"), str(error)))
    return findings


async def _machine(settings: Settings, _: Site | None) -> Sequence[Finding]:
    free = free_bytes(settings.data)
    memory = psutil.virtual_memory().available
    version = ".".join(map(str, sys.version_info[:3]))
    return [
        Finding("good", "python", version),
        Finding("wrong", "disk", trouble)
        if (trouble := words_of(free, settings.data))
        else Finding("good", "disk", f"{free / 1e9:.0f} GB free at {settings.data}"),
        Finding("good", "memory", f"{memory / 1e9:.1f} GB available")
        if memory > LOW_MEMORY_BYTES
        else Finding("wrong", "memory", f"only {memory / 1e9:.1f} GB available: close something."),
    ]


async def _clock(settings: Settings, site: Site | None) -> Sequence[Finding]:
    buffer = ctypes.create_string_buffer(256)
    libc = ctypes.CDLL(None, use_errno=True)
    state = libc.adjtimex(buffer) if hasattr(libc, "adjtimex") else -1
    status = int.from_bytes(buffer.raw[40:44], sys.byteorder)
    findings = []
    if state == 5 or status & _STA_UNSYNC:
        findings.append(
            Finding("note", "clock", "nothing keeps this machine's clock right (NTP): event times may be off.")
        )
    if settings.postgres.url is not None and (site is None or runs(site)):
        pool = await open_pool(settings.postgres, size=1)
        try:
            with translate_errors():
                there = await pool.fetchval("SELECT clock_timestamp()")
                doors = await pool.fetch(_CLOCKS_OFF) if await pool.fetchval(_IS_MADE) else []
        finally:
            await pool.close()
        off = abs((there - utc_now()).total_seconds())
        findings.append(
            Finding("good", "clock", f"within {off:.1f} s of PostgreSQL's")
            if off < CLOCK_S
            else Finding("wrong", "clock", f"{off:.0f} s away from PostgreSQL's clock: set both by NTP.")
        )
        findings += [Finding("wrong", "clock", f"{row['words']}.") for row in doors]
    return findings


async def _servers(settings: Settings, site: Site | None) -> Sequence[Finding]:
    findings = []
    for name in SERVERS:
        url: SecretStr | None = getattr(settings, name).url
        if url is None:
            findings.append(Finding("note", name, "not running; `haechi up` starts the embedded one, or set its url."))
            continue
        parts = urlsplit(url.get_secret_value())
        host = parts.netloc.rpartition("@")[2].split(",")[0]
        address, _, port = host.rpartition(":")
        try:
            async with asyncio.timeout(3):
                _reader, writer = await asyncio.open_connection(address or host, int(port) if port.isdigit() else 0)
            writer.close()
            findings.append(Finding("good", name, f"answers at {host}"))
        except (OSError, TimeoutError):
            findings.append(Finding("wrong", name, f"does not answer at {host}: is it started, is the address right?"))
    if (
        site is not None
        and "mqtt" in site.addresses
        and settings.mqtt.url is not None
        and HOST in site.addresses["mqtt"]
    ):
        findings.append(
            Finding(
                "note",
                "mqtt",
                "the embedded broker keeps queued messages in memory only; use mosquitto with "
                "`persistence true` where devices report by MQTT.",
            )
        )
    return findings


async def _processes(_: Settings, site: Site | None) -> Sequence[Finding]:
    if site is None:
        return [Finding("note", "processes", "nothing has been started in this data folder yet.")]
    bad = [p for p in site.processes if p.state not in ("live", "starting")]
    if not bad:
        return [Finding("good", "processes", f"{len(site.processes)} live or starting")]
    return [Finding("wrong", p.name, f"{p.state} {p.why}".strip()) for p in bad]


async def _ports(settings: Settings, site: Site | None) -> Sequence[Finding]:
    if site is not None and runs(site):
        return []
    doors = (
        ("gateway", settings.gateway.port, "gateway.port"),
        ("callbacks", settings.alerts.callbacks_port, "alerts.callbacks_port"),
        ("wall", settings.wall.port, "wall.port"),
    )
    return [
        Finding("wrong", name, f"port {port} is taken by another program: end it, or set {variable_of(key)}.")
        for name, port, key in doors
        if port and not is_free(port)
    ]


async def _model(settings: Settings, _: Site | None) -> Sequence[Finding]:
    if find_spec("ultralytics") is None:
        return [
            Finding("note", "vision", "the extra 'vision' is not installed: cameras show, nothing is seen in them.")
        ]
    if settings.vision.model == "none":
        return [Finding("note", "vision", "vision.model is 'none': cameras show, nothing is seen in them.")]
    if settings.vision.model != "auto":
        known = await asyncio.to_thread(Path(settings.vision.model).exists)
        return [
            Finding("good", "vision", f"model {settings.vision.model}")
            if known
            else Finding(
                "wrong", "vision", f"no model at {settings.vision.model}: set HAECHI_VISION__MODEL to a path or 'auto'."
            )
        ]
    fetched = await asyncio.to_thread(lambda: sorted((settings.data / "models").glob("*")))
    if fetched:
        return [Finding("good", "vision", f"fetched weights {fetched[0].name}")]
    return [
        Finding(
            "note",
            "vision",
            "the shipped model is used: good for the demo, not for a street. "
            "`haechi vision fetch yolo11n` brings official weights.",
        )
    ]


EXAMINATIONS: tuple[Examination, ...] = (_machine, _ports, _servers, _clock, _model, _processes)


def show(findings: Sequence[Finding]) -> int:
    """Print the report; 1 when something is wrong."""
    marks = {"good": "[green]●[/] good ", "note": "[yellow]▲[/] note ", "wrong": "[red]◆[/] wrong"}
    console = Console()
    for finding in findings:
        console.print(
            f"{marks[finding.level]}  [bold]{finding.about}[/]: {escape(finding.words)}",
            highlight=False,
            soft_wrap=True,
        )
    return int(any(finding.level == "wrong" for finding in findings))
