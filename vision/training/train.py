"""From pictures to weights: Ultralytics, resumable after each epoch."""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vision.training.errors import TrainingError
from vision.training.squares import SIZE

NETWORK = Path(__file__).with_name("network.yaml")


@dataclass(frozen=True)
class Schedule:
    """How the network learns."""

    epochs: int
    learning_rate: float
    core_minutes: float
    """It ends after so many minutes of one core at work: a busy machine takes longer and learns as much."""
    wall_minutes: float | None = None
    """Or after so many by the clock, where somebody waits; it then learns less where others work too."""
    batch: int = 16
    size: int = SIZE


@dataclass(frozen=True)
class Spent:
    """What a training has taken so far, earlier attempts included, in seconds."""

    work: float = 0.0
    clock: float = 0.0


@dataclass(frozen=True)
class Pace:
    """How far training is: by its batches, the work of its cores or the clock, whichever is ahead."""

    batches: int
    schedule: Schedule

    def progress(self, done: int, spent: Spent) -> float:
        """0 at the start, 1 at the end."""
        wall = self.schedule.wall_minutes
        return min(
            1.0,
            max(
                done / max(1, self.batches),
                spent.work / (60 * self.schedule.core_minutes),
                spent.clock / (60 * wall) if wall else 0.0,
            ),
        )

    def rate(self, progress: float) -> float:
        """The learning rate: a cosine from the first one down to 3 % of it."""
        return self.schedule.learning_rate * (0.03 + 0.97 * (1 + math.cos(math.pi * progress)) / 2)


class Watch:
    """The work and the time of this process, on from where an earlier attempt stopped."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._before = Spent(**json.loads(file.read_text())) if file.exists() else Spent()
        self._began = Spent(time.process_time(), time.monotonic())

    def spent(self) -> Spent:
        return Spent(
            self._before.work + time.process_time() - self._began.work,
            self._before.clock + time.monotonic() - self._began.clock,
        )

    def save(self) -> None:
        self._file.write_text(json.dumps(asdict(self.spent())))


def quiet(work: Path) -> None:
    """Keeps Ultralytics from the network and from the user's own settings. To be called before it is imported."""
    settings = work / "ultralytics"
    settings.mkdir(parents=True, exist_ok=True)
    os.environ |= {
        "YOLO_OFFLINE": "1",
        "YOLO_AUTOINSTALL": "false",
        "YOLO_CONFIG_DIR": str(settings),
        "YOLO_VERBOSE": "false",
        "OMP_WAIT_POLICY": "PASSIVE",  # spinning threads cost more than they gain where others work too
    }


def train(
    pictures: Path,
    run: Path,
    schedule: Schedule,
    *,
    start: Path,
    seed: int,
    threads: int,
    on_progress: Callable[[float], None],
    on_epoch: Callable[[int, dict[str, float]], None],
) -> Path:
    """Trains and returns its last weights; goes on where an earlier attempt was cut off.

    `start` is a network (.yaml) to begin from nothing, or weights (.pt) to go on from.
    """
    finished = run / "finished.pt"
    if finished.exists():
        return finished
    from ultralytics import YOLO

    last = run / "weights" / "last.pt"
    resuming = last.exists()
    model: Any = YOLO(str(last if resuming else start))
    run.mkdir(parents=True, exist_ok=True)
    watch, done, paces = Watch(run / "spent.json"), 0, list[Pace]()

    def progress() -> float:
        return paces[-1].progress(done, watch.spent())

    def on_start(trainer: Any) -> None:
        # Ultralytics takes all cores but one: on a small machine that halves the speed.
        import torch

        nonlocal done
        torch.set_num_threads(threads)
        trainer.model.to(memory_format=torch.channels_last)  # a quarter less time on a CPU
        batches = len(trainer.train_loader)
        done = trainer.start_epoch * batches
        paces.append(Pace(trainer.epochs * batches, schedule))

    def before_batch(trainer: Any) -> None:
        for group in trainer.optimizer.param_groups:
            group["lr"] = paces[-1].rate(progress())

    def after_batch(trainer: Any) -> None:
        nonlocal done
        done += 1
        trainer.stop = trainer.stop or progress() >= 1
        if done % 20 == 0:
            on_progress(progress())

    def on_end(trainer: Any) -> None:
        watch.save()
        on_epoch(int(trainer.epoch) + 1, {key: float(value) for key, value in trainer.metrics.items()})

    model.add_callback("on_train_start", on_start)
    model.add_callback("on_train_batch_start", before_batch)
    model.add_callback("on_train_batch_end", after_batch)
    model.add_callback("on_fit_epoch_end", on_end)
    if resuming:
        model.train(resume=True)
    else:
        model.train(
            data=str(pictures),
            project=str(run.parent),
            name=run.name,
            exist_ok=True,
            epochs=schedule.epochs,
            batch=schedule.batch,
            nbs=schedule.batch,  # a step for each batch; the default gathers 64 pictures first
            imgsz=schedule.size,
            optimizer="AdamW",
            lr0=schedule.learning_rate,
            warmup_epochs=0.3,
            warmup_bias_lr=0.0,  # the default is meant for SGD: AdamW would throw the head's biases far away
            weight_decay=0.0005,
            patience=0,
            seed=seed,
            device="cpu",
            workers=1,
            amp=False,
            plots=False,
            val=False,  # whole frames are scored at the end
            # The pictures vary by themselves; only mirroring and brightness are free.
            mosaic=0.0,
            close_mosaic=0,
            scale=0.0,
            translate=0.0,
            degrees=0.0,
            flipud=0.0,
            hsv_h=0.0,
            hsv_s=0.2,
            hsv_v=0.25,
            erasing=0.0,
            fliplr=0.5,
        )
    if not last.exists():
        raise TrainingError(f"{run}: training ended without weights; the lines above say why.")
    shutil.copyfile(last, finished)
    return finished
