"""From pictures to weights: Ultralytics, resumable after each epoch."""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vision.training.errors import TrainingError

NETWORK = Path(__file__).with_name("network.yaml")


@dataclass(frozen=True)
class Schedule:
    """How the network learns."""

    epochs: int
    learning_rate: float
    minutes: float
    """At the latest then it ends, on whatever machine: the learning rate falls with the clock where that is ahead."""
    batch: int = 12
    size: int = 160


@dataclass
class Pace:
    """How far training is, by batches or by the clock, whichever is ahead."""

    batches: int
    seconds: float
    began: float
    done: int = 0

    def progress(self, now: float) -> float:
        """0 at the start, 1 at the end."""
        return min(1.0, max(self.done / max(1, self.batches), (now - self.began) / self.seconds))

    def rate(self, now: float) -> float:
        """The share of the first learning rate that is left: a cosine from 1 to 0.03."""
        return 0.03 + 0.97 * (1 + math.cos(math.pi * self.progress(now))) / 2


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

    pace: list[Pace] = []

    def on_start(trainer: Any) -> None:
        # Ultralytics takes all cores but one: on a small machine that halves the speed.
        import torch

        torch.set_num_threads(threads)
        trainer.model.to(memory_format=torch.channels_last)  # a quarter less time on a CPU

        batches = len(trainer.train_loader)
        pace.append(
            Pace(trainer.epochs * batches, schedule.minutes * 60, time.monotonic(), trainer.start_epoch * batches)
        )

    def before_batch(trainer: Any) -> None:
        for group in trainer.optimizer.param_groups:
            group["lr"] = schedule.learning_rate * pace[-1].rate(time.monotonic())

    def after_batch(trainer: Any) -> None:
        pace[-1].done += 1
        trainer.stop = trainer.stop or pace[-1].progress(time.monotonic()) >= 1

    def on_end(trainer: Any) -> None:
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
            # The pictures vary by themselves; only mirroring is free.
            mosaic=0.0,
            close_mosaic=0,
            scale=0.0,
            translate=0.0,
            degrees=0.0,
            flipud=0.0,
            hsv_h=0.0,
            hsv_s=0.0,
            hsv_v=0.0,
            erasing=0.0,
            fliplr=0.5,
        )
    if not last.exists():
        raise TrainingError(f"{run}: training ended without weights; the lines above say why.")
    shutil.copyfile(last, finished)
    return finished
