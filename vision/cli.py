"""`haechi vision`: fetch official weights, train a detector of one's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from haechi.config import load
from haechi.errors import HaechiError

app = typer.Typer(name="vision", help="What sees: weights and training.", no_args_is_help=True)


def _stop(error: HaechiError) -> typer.Exit:
    Console(stderr=True).print(f"[bold red]{error}[/]", highlight=False)
    return typer.Exit(1)


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="Which weights: yolo11n.")] = "yolo11n",
    data: Annotated[Path | None, typer.Option(help="The data folder; HAECHI_DATA otherwise.")] = None,
) -> None:
    """Fetches official weights into the data folder and checks that they are genuine."""
    from vision.fetch import fetch as fetch_weights
    from vision.fetch import find, over_https

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    try:
        weights = find(name)
        folder = data or load().data
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task(weights.name, total=weights.bytes)
            path = fetch_weights(
                weights,
                folder,
                open_url=over_https,
                on_progress=lambda done: progress.update(task, completed=done),
            )
    except HaechiError as error:
        raise _stop(error) from error
    Console().print(
        f"{path} ({weights.licence}). HAECHI_VISION__MODEL=auto takes it from the next start on.", soft_wrap=True
    )


@app.command()
def train(
    body: Annotated[Path, typer.Option(help="The CC0 body: base mesh, skeleton, weights, shapes (docs/model.md).")],
    work: Annotated[Path, typer.Option(help="Folder for all that is made; run again to go on where it stopped.")],
    seed: Annotated[int, typer.Option(help="The same seed makes the same pictures.")] = 7,
    cores: Annotated[int, typer.Option(min=1, help="Cores to use.")] = os.cpu_count() or 1,
    minutes: Annotated[
        float | None,
        typer.Option(min=1, help="Let the network learn no longer than this by the clock, also on a busy machine."),
    ] = None,
) -> None:
    """Makes a person detector from renders, from nothing to a scored model."""
    from vision.training.pipeline import Bench, make_model

    console = Console()
    try:
        model = make_model(Bench(body, work.resolve(), seed, cores, console, minutes))
    except HaechiError as error:
        raise _stop(error) from error
    console.print(f"The model is {model}. To use it: HAECHI_VISION__MODEL={model}", soft_wrap=True)
