"""Renders → frames → squares → training → its mistakes → training → its confidence → export → score.

Each step is left out when its output is complete.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from vision.training import cast, frames, mistakes, renders, squares
from vision.training.export import NAME, USUAL, export
from vision.training.held_out import choose_confidence, score
from vision.training.train import NETWORK, Schedule, quiet, train

REELS = {"train": 134, "val": 12, "empty": 174, "calm": 58}
LEARNT = ("train", "val")
"""What squares are cut from."""
LOOKED_AT = {"train": 4, "empty": 1}
"""Where a model's mistakes are looked for, in every so manieth frame. Where nobody is, every box is one."""
FIRST = Schedule(epochs=30, learning_rate=0.002, core_minutes=50)
AGAIN = Schedule(epochs=30, learning_rate=0.0008, core_minutes=40)
"""After its own mistakes have been added to what it learns from."""


@dataclass(frozen=True)
class Bench:
    """The folders of one training, and what it is made from."""

    body: Path
    work: Path
    seed: int
    cores: int
    console: Console
    minutes: float | None = None
    """At most so many by the clock for both trainings; left out: as long as the work takes."""

    @contextmanager
    def bar(self, what: str, total: float) -> Iterator[Callable[[float], None]]:
        """A progress bar; the function that it gives sets how much is done."""
        columns = (TextColumn("{task.description:<24}"), BarColumn(), TaskProgressColumn())
        with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=self.console) as progress:
            task = progress.add_task(what, total=total)
            yield lambda done: progress.update(task, completed=min(done, total))

    def follow(self, what: str, total: float, steps: Iterator[int]) -> None:
        with self.bar(what, total) as show:
            for done in steps:
                show(done)


def make_model(bench: Bench) -> Path:
    """The whole chain; returns the folder of the exported model."""
    renders.check_body(bench.body)
    quiet(bench.work)
    _renders(bench)
    _frames(bench)
    pictures = _squares(bench)
    first = _train(bench, "first", FIRST, [pictures], NETWORK)
    wrong = _mistakes(bench, first)
    weights = _train(bench, "again", AGAIN, [pictures, *wrong, *wrong], first)
    model = bench.work / "model" / f"{NAME}_openvino_model"
    if not model.exists():
        folder = bench.work / "frames"
        model = export(weights, bench.work / "model", choose_confidence(weights, folder / "val", folder / "calm"))
    _score(bench, model)
    return model


@contextmanager
def _once(out: Path) -> Iterator[bool]:
    """Whether a step is still to be done; notes it when it ends well."""
    finished = out.with_name(f"{out.name}.done")
    out.parent.mkdir(parents=True, exist_ok=True)
    todo = not finished.exists()
    yield todo
    if todo:
        finished.touch()


def _renders(bench: Bench) -> None:
    out = bench.work / "renders"
    with _once(out) as todo:
        if todo:
            who = cast.invented(bench.seed, renders.PEOPLE, bench.body)
            bench.follow("people, by Blender", len(who), renders.render_people(bench.body, out, who, bench.cores))
            bench.follow("views, by Blender", renders.POSTS, renders.render_views(bench.seed, out, bench.cores))


def _frames(bench: Bench) -> None:
    for part, reels in REELS.items():
        out = bench.work / "frames" / part
        with _once(out) as todo:
            if todo:
                recipe = frames.Recipe(bench.body, bench.work / "renders", out, part, bench.seed, reels)
                bench.follow(f"frames, {part}", reels, frames.make(recipe, bench.cores))


def _squares(bench: Bench) -> Path:
    for part in LEARNT:
        folder, out = bench.work / "frames" / part, bench.work / "squares" / part
        with _once(out) as todo:
            if todo:
                total = REELS[part] * frames.PER_REEL
                bench.follow(f"squares, {part}", total, squares.make(folder, out, bench.seed))
    return bench.work / "squares" / "train"


def _mistakes(bench: Bench, weights: Path) -> list[Path]:
    for part, every in LOOKED_AT.items():
        out = bench.work / "mistakes" / part
        with _once(out) as todo:
            if todo:
                total = REELS[part] * frames.PER_REEL / every
                found = mistakes.make(weights, bench.work / "frames" / part, out, bench.seed, every)
                bench.follow(f"its mistakes, {part}", total, found)
    return [bench.work / "mistakes" / part for part in LOOKED_AT]


def _train(bench: Bench, name: str, schedule: Schedule, folders: list[Path], start: Path) -> Path:
    index = bench.work / f"{name}.yaml"
    val = bench.work / "squares" / "val" / "images"
    train_on = [str(folder / "images") for folder in folders if (folder / "images").exists()]
    index.write_text(
        json.dumps({"path": str(bench.work), "train": train_on, "val": str(val), "names": {"0": "person"}})
    )
    if bench.minutes:
        share = schedule.core_minutes / (FIRST.core_minutes + AGAIN.core_minutes)
        schedule = replace(schedule, wall_minutes=bench.minutes * share)
    with bench.bar(f"training, {name}", 1.0) as show:

        def on_epoch(epoch: int, metrics: dict[str, float]) -> None:
            figures = (f"{key.split('/')[-1]} {value:.3f}" for key, value in metrics.items() if value)
            bench.console.print(f"epoch {epoch}: {'  '.join(figures)}")

        return train(
            index,
            bench.work / name,
            schedule,
            start=start,
            seed=bench.seed,
            threads=bench.cores,
            on_progress=show,
            on_epoch=on_epoch,
        )


def _score(bench: Bench, model: Path) -> None:
    """Scores the exported model on frames of people and posts that it was not trained on."""
    result = bench.work / "model" / "score.json"
    if not result.exists():
        result.write_text(json.dumps(score(model, bench.work / "frames" / "val", USUAL), indent=1))
    bench.console.print(json.loads(result.read_text()))
