"""`haechi dead-letters`: what could not be processed, why, and once more."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from haechi.config import Settings
from haechi.sealing import sealer_of
from haechi.shown import shown
from haechi.streaming import dead_letters
from haechi.streaming.connection import connect
from haechi.streaming.producer import Producer

SettingsOf = Callable[[Path | None], Settings]
WriteDown = Callable[[Settings, str, str], Awaitable[None]]  # what was done, to what
DataFolder = Annotated[Path | None, typer.Option("--data", help="The folder that holds everything (default .haechi).")]
Number = Annotated[int, typer.Argument(help="The number that `haechi dead-letters list` shows.")]


def dead_letters_app(settings_of: SettingsOf, write_down: WriteDown) -> typer.Typer:
    """The commands; `settings_of` gives the settings of a data folder, `write_down` makes a line of the audit."""
    app = typer.Typer(no_args_is_help=True, help="What could not be processed, why, and once more.")

    @app.command("list")
    def list_command(data: DataFolder = None) -> None:
        """All that are kept (7 days), oldest first."""
        settings = settings_of(data)
        table = Table("number", "failed at (UTC)", "process", "topic", "reason", box=None, header_style="bold")

        async def collect() -> int:
            count = 0
            async for filed in dead_letters.listing(connect(settings.kafka), sealer_of(settings)):
                letter = filed.letter
                failed_at = f"{letter.failed_at:%Y-%m-%d %H:%M:%S}"
                table.add_row(str(filed.number), failed_at, letter.app, shown(letter.topic), shown(letter.reason))
                count += 1
            return count

        Console().print(table if asyncio.run(collect()) else "No dead letters.")

    @app.command("show")
    def show_command(number: Number, data: DataFolder = None) -> None:
        """One, with the original bytes in hexadecimal. They may say where somebody is: it is a line in the audit."""
        settings = settings_of(data)

        async def look() -> dead_letters.DeadLetter:
            letter = await dead_letters.show(connect(settings.kafka), sealer_of(settings), number)
            await write_down(settings, "looked at a dead letter", f"dead-letter:{number}")
            return letter

        letter = asyncio.run(look())
        console = Console()
        place = f"{letter.topic}/{letter.partition} at offset {letter.offset}"
        console.print(shown(f"{letter.app} could not process {place}:"))
        console.print(shown(letter.reason))
        console.print(shown(f"sent {letter.sent_at}, failed {letter.failed_at}, key {letter.key!r}"))
        console.print(letter.value.hex(" ", 4), highlight=False)

    @app.command("replay")
    def replay_command(number: Number, data: DataFolder = None) -> None:
        """Send it again to where it came from; ids are deterministic, so a second time has no second effect.

        It is a line in the audit.
        """
        settings = settings_of(data)

        async def once_more() -> str:
            connection = connect(settings.kafka)
            producer = Producer(connection, "haechi.dead-letters")
            try:
                await write_down(settings, "replayed a dead letter", f"dead-letter:{number}")
                letter = await dead_letters.replay(connection, sealer_of(settings), producer, number)
            finally:
                await producer.stop()
            return f"{letter.topic}/{letter.partition}"

        Console().print(shown(f"Sent again to {asyncio.run(once_more())}."))

    return app
