"""Sprites → pictures → training → export → score; each step is left out when its output is complete."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from vision.training import sprites
from vision.training.compose import Recipe, compose, write_index
from vision.training.export import NAME, export
from vision.training.train import NETWORK, Schedule, quiet, train


@dataclass(frozen=True)
class Stage:
    """Pictures of one kind, and how long to learn from them."""

    name: str
    pictures: int
    on_plates: bool
    schedule: Schedule


STAGES = (
    Stage("painted", 5000, on_plates=False, schedule=Schedule(epochs=6, learning_rate=0.002)),
    Stage("places", 9000, on_plates=True, schedule=Schedule(epochs=6, learning_rate=0.0015)),
)
"""What the network sees, one after the other."""
VALIDATION = 400


@dataclass(frozen=True)
class Bench:
    """The folders of one training, and what it is made from."""

    body: Path
    work: Path
    plates: tuple[Path, ...]
    seed: int
    sprites: int
    cores: int
    console: Console

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Progress]:
        """A progress bar; where nobody watches (no terminal) it stays silent until its end."""
        columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=self.console) as progress:
            progress.add_task(what, total=total)
            yield progress


def _sprites(bench: Bench) -> Path:
    folder = bench.work / "sprites"
    chunks = -(-bench.sprites // sprites.CHUNK)
    if len(list(folder.glob("*.json"))) < chunks:
        with bench.bar("people, by Blender", bench.sprites) as progress:
            for done in sprites.render(bench.body, folder, seed=bench.seed, count=bench.sprites, threads=bench.cores):
                progress.update(progress.task_ids[0], completed=min(done, bench.sprites))
    return folder


def _pictures(bench: Bench, stage: Stage, number: int, people: Path) -> Path:
    folder = bench.work / stage.name
    plates = bench.plates if stage.on_plates else ()
    for split, count in (("train", stage.pictures), ("val", VALIDATION)):
        done = folder / f"{split}.done"
        if not done.exists():
            recipe = Recipe(people, plates, folder, split, bench.seed * 100 + number, count)
            with bench.bar(f"{stage.name}, {split}", count) as progress:
                for made in compose(recipe, workers=bench.cores):
                    progress.update(progress.task_ids[0], completed=made)
            done.touch()
    return write_index(folder)


def _train(bench: Bench, stage: Stage, pictures: Path, start: Path) -> Path:
    with bench.bar(f"{stage.name}, epochs", stage.schedule.epochs) as progress:

        def on_epoch(epoch: int, metrics: dict[str, float]) -> None:
            progress.update(progress.task_ids[0], completed=epoch)
            figures = "  ".join(
                f"{key.split('/')[-1]} {value:.3f}" for key, value in metrics.items() if "metrics" in key
            )
            progress.console.print(f"epoch {epoch}: {figures}")

        return train(
            pictures,
            bench.work / "runs" / stage.name,
            stage.schedule,
            start=start,
            seed=bench.seed,
            threads=bench.cores,
            on_epoch=on_epoch,
        )


def make_model(bench: Bench) -> Path:
    """The whole chain; returns the folder of the exported model."""
    sprites.check_body(bench.body)
    quiet(bench.work)
    people = _sprites(bench)
    weights = NETWORK
    for number, stage in enumerate(STAGES):
        weights = _train(bench, stage, _pictures(bench, stage, number, people), weights)
    model = bench.work / "model" / f"{NAME}_openvino_model"
    if not model.exists():
        model = export(weights, bench.work / "model")
    _score(bench, model)
    return model


def _score(bench: Bench, model: Path) -> None:
    """Scores the exported model on pictures of people and places that it was not trained on."""
    from vision.training.held_out import score_pictures

    result = bench.work / "model" / "score.json"
    if not result.exists():
        figures = score_pictures(model, bench.work / STAGES[-1].name / "val")
        result.write_text(json.dumps(figures, indent=1))
    for key, value in json.loads(result.read_text()).items():
        bench.console.print(f"{key}: {value}")
