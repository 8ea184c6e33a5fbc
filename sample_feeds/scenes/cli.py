"""`haechi scenes`: show a clip with its truth drawn on it, make a set of clips, render the pictures they are made of."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from haechi.errors import HaechiError

app = typer.Typer(name="scenes", help="The rendered place: clips whose truth is known exactly.", no_args_is_help=True)
console = Console()


@app.command()
def show(
    clip: Annotated[
        Path, typer.Argument(help="A clip, or the name of a committed one (crossing, scoring-yard-night …).")
    ],
    out: Annotated[Path | None, typer.Option(help="Where to write: an .mp4, or a folder for stills.")] = None,
    every: Annotated[int, typer.Option(min=1, help="Draw only every n-th frame.")] = 1,
) -> None:
    """Draws the truth on a clip: who is where, how much of each can be seen, and where they stand."""
    from sample_feeds.scenes import view

    path = view.find(clip)
    target = out or Path(tempfile.gettempdir()) / f"{path.stem}-truth.mp4"
    count = view.draw(path, target, every)
    console.print(f"{count} frames of {path.stem} with their truth: {target}")


@app.command()
def make(
    set_name: Annotated[str, typer.Argument(metavar="SET", help="demo, tuning, scoring, hard or tampering.")],
    seed: Annotated[int | None, typer.Option(help="Other people, ways and noise; left out: the committed set.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write into; left out: the committed one.")] = None,
    only: Annotated[str, typer.Option(help="Only clips whose name contains this.")] = "",
    body: Annotated[
        Path | None, typer.Option(help="Render the people anew from this body first (needs Blender).")
    ] = None,
    truth_only: Annotated[bool, typer.Option("--truth-only", help="Write the truth, no pixels.")] = False,
) -> None:
    """Makes a set of clips, with their truth, from the committed pictures and a seed."""
    from sample_feeds.scenes import clips, film, truth

    if set_name not in clips.SETS:
        raise HaechiError(f"there is no set {set_name!r}: it is one of {', '.join(clips.SETS)}")
    if seed is not None and out is None:
        raise HaechiError(
            "another seed makes another set: say with --out where it goes, so that the committed one stays"
        )
    if body:
        _render(body, None)
    folder = out or film.FOLDER / set_name
    wanted = [p for p in clips.plans(set_name, seed) if only in p.name]
    with _progress() as bar:
        task = bar.add_task(set_name, total=sum(p.frames for p in wanted))
        for plan in wanted:
            bar.update(task, description=plan.name)
            if truth_only:
                header, rows = clips.truth_of(plan)
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"{plan.name}.json").write_text(truth.header_text(header), encoding="utf-8")
                (folder / f"{plan.name}.csv").write_text(truth.table(rows), encoding="utf-8")
                bar.advance(task, plan.frames)
            else:
                film.make(plan, folder, lambda: bar.advance(task))
    console.print(f"{len(wanted)} clips in {folder}")


@app.command()
def render(
    body: Annotated[
        Path | None, typer.Option(help="The CC0 body's folder; left out: the people stay as they are.")
    ] = None,
    camera: Annotated[str, typer.Option(help="Only plates of cameras whose name contains this.")] = "",
    work: Annotated[Path | None, typer.Option(help="Folder for Blender's own pictures.")] = None,
    plates: Annotated[bool, typer.Option(help="Render the empty views too.")] = True,
) -> None:
    """Renders the pictures that clips are made of anew: the people from a body, the empty views from the map."""
    if body:
        _render(body, work)
    if plates:
        from sample_feeds.scenes import clips
        from sample_feeds.scenes import render as rendering

        views = [(c, lights) for c, lights in clips.VIEWS if camera in c.id]
        with _progress() as bar:
            task = bar.add_task("plates", total=sum(len(lights) for _, lights in views))
            rendering.plates(views, _work(work), 2, lambda text: bar.update(task, advance=1, description=text))


def _render(body: Path, work: Path | None) -> None:
    from sample_feeds.scenes import people
    from sample_feeds.scenes import render as rendering

    with _progress() as bar:
        task = bar.add_task("people", total=len(people.IDENTITIES))
        rendering.people(body, _work(work), 2, lambda text: bar.update(task, advance=1, description=text))


def _work(work: Path | None) -> Path:
    return work or Path(tempfile.mkdtemp(prefix="haechi-scenes-"))


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    )
