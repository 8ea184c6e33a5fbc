"""The command line. A room's commands join by the entry point group `haechi.commands`, loaded only when asked for."""

import asyncio
import os
import sys
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from haechi import config
from haechi.errors import ConfigError, HaechiError
from haechi.process import NAMES, Main, main_of
from haechi.shown import shown
from haechi.store.cli import add_commands, write_down
from haechi.streaming.cli import dead_letters_app
from haechi.supervisor.site import reached

DataFolder = Annotated[Path | None, typer.Option("--data", help="The folder that holds everything (default .haechi).")]

_ON_UVLOOP = ("ingest.gateway",)  # thousands of requests a second; the others run on asyncio's own loop

app = typer.Typer(
    name="haechi", no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False
)
add_commands(app, lambda data: reached(config.load(data=data)))
app.add_typer(dead_letters_app(lambda data: reached(config.load(data=data)), write_down), name="dead-letters")
config_app = typer.Typer(no_args_is_help=True, help="The settings and where they came from.")
app.add_typer(config_app, name="config")


@app.command()
def up(
    data: DataFolder = None,
    only: Annotated[str, typer.Option(help="Names or rooms, by comma, that run against servers elsewhere.")] = "",
) -> None:
    """Start the servers and every process, and look after them until Ctrl-C."""
    from haechi.supervisor import Supervisor
    from haechi.supervisor.terminal import watch

    names = chosen(only)
    supervisor = Supervisor(config.load(data=data), names, embedded=not only)
    sys.exit(asyncio.run(watch(supervisor)))


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="A process, such as ingest.gateway.")], data: DataFolder = None
) -> None:
    """Run one process in the foreground, beside the others where `haechi up` runs."""
    run_process_of(main_of(name), reached(config.load(data=data)), name)


@app.command()
def status(
    data: DataFolder = None,
    json: Annotated[bool, typer.Option("--json", help="Addresses, states and pids for programs.")] = False,
) -> None:
    """What runs, how it fares, where it listens."""
    import msgspec

    from haechi.supervisor import read_site
    from haechi.supervisor.terminal import table_of

    site = read_site(config.load(data=data).data)
    if json:
        print(msgspec.json.encode(site).decode())  # noqa: T201 - what a program reads is not for the console's wrapping
        return
    console = Console()
    console.print(table_of(site.processes))
    for name, address in site.addresses.items():
        console.print(f"{name:10} {masked(address)}", highlight=False)


@app.command()
def doctor(data: DataFolder = None) -> None:
    """Say in words what is wrong and what to do. Ends with 1 when something is."""
    from haechi.doctor import examine, show

    sys.exit(show(asyncio.run(examine(config.load(data=data)))))


@config_app.command("show")
def config_show(data: DataFolder = None) -> None:
    """Every setting, its value (secrets masked) and where it came from."""
    settings, sources = config.resolve(data=data)
    table = Table("setting", "value", "from", "what it is", box=None, header_style="bold")
    for key, description, _ in config.described():
        value = config.value_of(settings, key)
        shown = "set" if isinstance(value, SecretStr) else "" if value is None else str(value)
        table.add_row(key, shown, sources.get(key, "default"), description)
    Console().print(table)


def chosen(only: str) -> tuple[str, ...]:
    """The process names that `--only` means: names, or rooms with all of theirs."""
    if not only:
        return NAMES
    wanted = [part.strip() for part in only.split(",") if part.strip()]
    for part in wanted:
        if not any(_belongs(name, part) for name in NAMES):
            raise ConfigError(f"--only: there is no process or room '{part}'; there are {', '.join(NAMES)}.")
    return tuple(name for name in NAMES if any(_belongs(name, part) for part in wanted))


def masked(address: str) -> str:
    """A URL without its password."""
    front, at, rest = address.rpartition("@")
    scheme, _, user = front.partition("://")
    return f"{scheme}://{user.split(':')[0]}:…@{rest}" if at else address


def run_room(room: str, processes: Mapping[str, Main]) -> None:
    """`python -m ROOM NAME`: the same as `haechi run ROOM.NAME`."""
    from contextlib import suppress

    with guarded_words():
        asked = sys.argv[1] if len(sys.argv) > 1 else ""
        name = next((n for n in processes if n in (asked, f"{room}.{asked}") or (not asked and n == room)), None)
        with suppress(KeyError):
            if name is None and len(processes) == 1:
                name = next(iter(processes))
        if name is None:
            raise ConfigError(f"python -m {room} NAME: name one of {', '.join(processes)}.")
        run_process_of(processes[name], config.load(), name)


def run_process_of(main: Main, settings: config.Settings, name: str) -> None:
    """Run a process's coroutine to its end, and end with it."""
    import uvloop
    from setproctitle import setproctitle

    from haechi.streaming import run_process
    from haechi.telemetry import configure_logging

    setproctitle(f"haechi {name}")
    configure_logging(settings.telemetry, name)

    async def whole() -> None:
        await main(settings)

    run_process(whole(), uvloop.new_event_loop if name in _ON_UVLOOP else asyncio.new_event_loop)


class guarded_words:  # noqa: N801 - read as a word: `with guarded_words():`
    """Errors that a person can act on are said without a traceback; the process ends with 2."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, HaechiError):
            Console(stderr=True).print("[bold red]haechi:[/]", shown(str(error)), highlight=False, soft_wrap=True)
            sys.exit(2)


def _belongs(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}.")


def _join(asked: str | None) -> None:
    """Join the commands of the rooms: the one asked for, or for the help all that can be loaded here."""
    for entry in entry_points(group="haechi.commands"):
        if asked is not None and asked != entry.name:
            continue
        try:
            app.add_typer(entry.load(), name=entry.name)
        except ModuleNotFoundError as error:
            if asked == entry.name:
                raise ConfigError(
                    f"`haechi {entry.name}` needs the package '{error.name}', which is not installed here (see README)."
                ) from error


def main() -> None:
    """The entry of the command `haechi`."""
    with guarded_words():
        asked = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
        own = {
            command.name or (command.callback.__name__ if command.callback else "")
            for command in app.registered_commands
        }
        own |= {group.name or "" for group in app.registered_groups}
        if asked not in own:
            _join(asked)
        try:
            app()
        except BrokenPipeError:
            os._exit(0)
