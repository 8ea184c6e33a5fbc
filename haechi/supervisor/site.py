"""What runs where: the file that `haechi up` keeps and `haechi status` reads."""

import os
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec
import psutil

from haechi.config import Settings, changed
from haechi.errors import ConfigError

SERVERS = ("kafka", "postgres", "redis", "mqtt")

State = Literal["starting", "live", "silent", "waiting", "stopped"]


class ProcessState(msgspec.Struct, frozen=True):
    """One process: `live` beats its heart, `silent` runs without, `waiting` is about to be started again."""

    name: str
    state: State
    pid: int | None = None
    restarts: int = 0
    why: str = ""


class Site(msgspec.Struct, frozen=True):
    """One data folder's running centre. `addresses` hold credentials, so the file is the owner's alone."""

    pid: int
    started_at: datetime
    addresses: dict[str, str]
    processes: list[ProcessState]


def write_site(data: Path, site: Site) -> None:
    """Replace the file at once, 0600."""
    fresh = data / "site.json.new"
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(site))
    fresh.replace(data / "site.json")


def runs(site: Site) -> bool:
    """Whether the `haechi up` that wrote it still lives."""
    return psutil.pid_exists(site.pid)


def reached(settings: Settings) -> Settings:
    """The settings, with the servers that `haechi up` runs over the same data folder where they name none."""
    settings = changed(settings, {"data": settings.data.absolute()})
    try:
        site = read_site(settings.data)
    except ConfigError:
        return settings
    missing = [name for name in SERVERS if name in site.addresses and getattr(settings, name).url is None]
    names = missing if runs(site) else []
    return changed(settings, {f"{name}.url": site.addresses[name] for name in names})


def read_site(data: Path) -> Site:
    """The site of a data folder; processes that are gone are shown as stopped.

    Raises:
        ConfigError: nothing was ever started there.
    """
    try:
        site = msgspec.json.decode((data / "site.json").read_bytes(), type=Site)
    except FileNotFoundError:
        raise ConfigError(
            f"Nothing has been started in the data folder {data}: run `haechi up`, or name another folder with --data."
        ) from None
    if runs(site):
        return site
    stopped = [
        ProcessState(p.name, "stopped", restarts=p.restarts, why="`haechi up` has ended") for p in site.processes
    ]
    return msgspec.structs.replace(site, processes=stopped)
