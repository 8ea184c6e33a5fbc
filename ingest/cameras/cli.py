"""`haechi camera`: try a camera before it is registered."""

import time

import typer
from rich.console import Console

from haechi.cli import masked
from ingest.cameras.pictures import SourceLost
from ingest.cameras.sources import open_source

app = typer.Typer(no_args_is_help=True, help="Try a camera before it is registered.")


@app.callback()
def camera() -> None:
    """Try a camera before it is registered."""


@app.command()
def test(url: str) -> None:
    """Open it, look, and say what it sends; ends with 1 and the reason when it cannot be read."""
    console, began = Console(), time.monotonic()
    try:
        source = open_source(url)
        about = source.about()
        with console.status("Waiting for a picture …"):
            next(iter(source.pictures(0)))
    except SourceLost as error:
        console.print(f"[bold red]◆[/] {masked(url)}: {error}.", highlight=False)
        raise typer.Exit(1) from error
    took = time.monotonic() - began
    size = f"{about.width}×{about.height}, {about.frames_per_second:.0f} frames/s, {about.codec}"
    console.print(f"[green]●[/] {masked(url)}: {size}; first picture after {took:.1f} s.", highlight=False)
