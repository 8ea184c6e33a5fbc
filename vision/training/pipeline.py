"""Sprites → pictures → training → export → score; each step is left out when its output is complete."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from vision.training import compose, district, sprites
from vision.training.export import NAME, export
from vision.training.train import NETWORK, Schedule, quiet, train

SCHEDULE = Schedule(epochs=10, learning_rate=0.002, minutes=70)
SPRITES = 2000
PICTURES = {"composed": {"train": 12_000, "val": 400}, "district": {"train": 8_000, "val": 400}}
"""What the network sees: people of every kind in painted and rendered places, and the sample district as it is."""


@dataclass(frozen=True)
class Bench:
    """The folders of one training, and what it is made from."""

    body: Path
    work: Path
    seed: int
    cores: int
    console: Console

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """A progress bar; the function that it gives sets how much is done."""
        columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=self.console) as progress:
            task = progress.add_task(what, total=total)
            yield lambda done: progress.update(task, completed=min(done, total))


def make_model(bench: Bench) -> Path:
    """The whole chain; returns the folder of the exported model."""
    sprites.check_body(bench.body)
    quiet(bench.work)
    people = _sprites(bench)
    index = _pictures(bench, people)
    weights = _weights(bench, index)
    model = bench.work / "model" / f"{NAME}_openvino_model"
    if not model.exists():
        model = export(weights, bench.work / "model")
    _score(bench, model)
    return model


def _sprites(bench: Bench) -> Path:
    folder = bench.work / "sprites"
    if len(list(folder.glob("*.json"))) < -(-SPRITES // sprites.CHUNK):
        with bench.bar("people, by Blender", SPRITES) as show:
            for done in sprites.render(bench.body, folder, seed=bench.seed, count=SPRITES, threads=bench.cores):
                show(done)
    return folder


def _pictures(bench: Bench, people: Path) -> Path:
    for kind, splits in PICTURES.items():
        out = bench.work / kind
        for split, count in splits.items():
            finished = out / f"{split}.done"
            if finished.exists():
                continue
            made = (
                compose.compose(
                    compose.Recipe(people, (district.PLATES,), out, split, bench.seed, count), workers=bench.cores
                )
                if kind == "composed"
                else district.compose(out, split, seed=bench.seed, count=count)
            )
            with bench.bar(f"{kind}, {split}", count) as show:
                for done in made:
                    show(done)
            finished.touch()
    index = bench.work / "pictures.yaml"
    sets = {split: [f"{kind}/{split}/images" for kind in PICTURES] for split in ("train", "val")}
    index.write_text(json.dumps({"path": str(bench.work), **sets, "names": {"0": "person"}}))
    return index


def _weights(bench: Bench, index: Path) -> Path:
    with bench.bar("epochs", SCHEDULE.epochs) as show:

        def on_epoch(epoch: int, metrics: dict[str, float]) -> None:
            show(epoch)
            figures = "  ".join(
                f"{key.split('/')[-1]} {value:.3f}" for key, value in metrics.items() if "metrics" in key
            )
            bench.console.print(f"epoch {epoch}: {figures}")

        return train(
            index,
            bench.work / "run",
            SCHEDULE,
            start=NETWORK,
            seed=bench.seed,
            threads=bench.cores,
            on_epoch=on_epoch,
        )


def _score(bench: Bench, model: Path) -> None:
    """Scores the exported model on pictures of people and moments that it was not trained on."""
    from vision.training.held_out import score_pictures

    result = bench.work / "model" / "score.json"
    if not result.exists():
        figures = {kind: score_pictures(model, bench.work / kind / "val") for kind in PICTURES}
        result.write_text(json.dumps(figures, indent=1))
    for kind, figures in json.loads(result.read_text()).items():
        bench.console.print(kind, figures)
