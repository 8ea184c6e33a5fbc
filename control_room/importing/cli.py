"""`haechi people`: people out of the tables of an office."""

import asyncio
import csv
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from control_room.importing.rows import Entry, Problem, parse
from control_room.importing.sheet import read
from control_room.importing.write import Importer, Made, Outcome, alone
from haechi import config
from haechi.clock import utc_now
from haechi.config import Settings
from haechi.errors import ConfigError, TransientError
from haechi.sealing import Sealer, data_key_of
from haechi.shown import shown
from haechi.store.postgres import open_pool
from haechi.store.registry import Registry
from haechi.supervisor.site import reached

SHOWN = 20
app = typer.Typer(no_args_is_help=True, help="People out of the tables of an office.")


@app.callback()
def people() -> None:
    """People out of the tables of an office."""


@app.command("import")
def import_people(
    file: Annotated[Path, typer.Argument(help="A CSV file, UTF-8 or CP949; docs/registry.md has its columns.")],
    district: Annotated[str | None, typer.Option(help="District (default: the settings').")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and write nothing.")] = False,
    data: Annotated[Path | None, typer.Option(help="The folder that holds everything (default .haechi).")] = None,
) -> None:
    """Register people with guardians, devices and consent; the same file again changes nothing.

    Ends with 1 when rows were refused: they are told, and lie beside the file with what to do.
    """
    settings = reached(config.load(data=data))
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}.") from error
    sheet = read(content, file.name)
    entries, problems = parse(sheet, file.name, ZoneInfo(settings.wall.timezone))
    console = Console()
    work = _check if dry_run else _write
    outcomes = asyncio.run(work(settings, district or settings.district, file, entries, console))
    problems = sorted(
        [*problems, *(one for outcome in outcomes for one in outcome.problems)], key=lambda one: (one.line, one.column)
    )
    _report(file, problems, console)
    added, changed, same = (sum(getattr(one, name) for one in outcomes) for name in ("added", "changed", "same"))
    refused = len({one.line for one in problems})
    if dry_run:
        console.print(f"{refused} of {len(sheet.rows)} rows would be refused; nothing was written.", highlight=False)
    else:
        words = f"{added} added, {changed} changed, {same} as they were, {refused} refused."
        console.print(words, highlight=False)
    if any(one.made for one in outcomes):
        console.print(
            f"What new devices report under, and secrets of guardians: {_beside(file, 'made')} (keep it safe)."
        )
    if refused:
        raise typer.Exit(1)


async def _check(
    settings: Settings, district: str, _file: Path, entries: Sequence[Entry], _console: Console
) -> list[Outcome]:
    async with _importer(settings, district, "dry run") as importer:
        return [Outcome(problems=tuple(await importer.check(entries)))]


async def _write(
    settings: Settings, district: str, file: Path, entries: Sequence[Entry], console: Console
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    made = _beside(file, "made")
    async with _importer(settings, district, f"import of {file.name}", lambda some: _hand_on(made, some)) as importer:
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("Writing", total=len(entries))
            done = 0
            try:
                async for outcome in importer.write(entries):
                    outcomes.append(outcome)
                    rows = outcome.added + outcome.changed + outcome.same + len(outcome.problems)
                    done += rows
                    progress.advance(task, rows)
            except TransientError as error:
                raise TransientError(
                    f"{error} {done} of {len(entries)} rows are done; run it again, and it goes on."
                ) from error
    return outcomes


@asynccontextmanager
async def _importer(
    settings: Settings, district: str, by: str, hand_on: Callable[[Sequence[Made]], None] | None = None
) -> AsyncIterator[Importer]:
    """Writes where there is somebody to hand on to what is told once."""
    pool = await open_pool(settings.postgres, size=2)
    try:
        registry = Registry(pool, Sealer(data_key_of(settings)))
        async with alone(pool, district) if hand_on else nullcontext():
            importer = Importer(pool, registry, district, f"command line, {by}", utc_now, hand_on or (lambda _: None))
            await importer.open()
            yield importer
    finally:
        await pool.close()


def _beside(file: Path, what: str) -> Path:
    return file.with_name(f"{file.stem}.{what}.csv")


def _cell(words: str) -> str:
    """A spreadsheet opens these files, and would run a cell that begins like a formula."""
    return f"'{words}" if words.startswith(("=", "+", "-", "@", "\t", "\r")) else words


def _hand_on(path: Path, made: Sequence[Made]) -> None:
    """Credentials: readable by the caller alone, and never overwritten, because nothing tells them a second time."""
    if not made:
        return
    new = not path.exists()
    try:
        with os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8", newline=""
        ) as to:
            writer = csv.writer(to)
            if new:
                writer.writerow(("ref", "what", "id", "secret"))
            writer.writerows((_cell(one.ref), _cell(one.what), one.id, one.secret) for one in made)
            to.flush()
            os.fsync(to.fileno())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}. Nobody is registered whose credentials are not there.") from error


def _report(file: Path, problems: Sequence[Problem], console: Console) -> None:
    """On the terminal the first ones, beside the file all of them (with a byte order mark, for spreadsheets)."""
    path = _beside(file, "refused")
    path.unlink(missing_ok=True)
    if not problems:
        return
    with path.open("w", encoding="utf-8-sig", newline="") as to:
        writer = csv.writer(to)
        writer.writerow(("line", "ref", "column", "what is wrong", "what to do"))
        writer.writerows((one.line, *map(_cell, (one.ref, one.column, one.wrong, one.do))) for one in problems)
    table = Table("line", "ref", "column", "what is wrong", "what to do", box=None, header_style="bold")
    for one in problems[:SHOWN]:
        table.add_row(str(one.line), *map(shown, (one.ref, one.column, one.wrong, one.do)))
    console.print(table)
    more = f" The first {SHOWN} are shown." if len(problems) > SHOWN else ""
    console.print(f"Everything that was refused: {path}.{more}", highlight=False)
