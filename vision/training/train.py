"""From pictures to weights: Ultralytics, in stages, resumable after each epoch."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vision.training.errors import TrainingError

NETWORK = Path(__file__).with_name("network.yaml")


@dataclass(frozen=True)
class Schedule:
    """How one stage learns."""

    epochs: int
    learning_rate: float
    batch: int = 16
    size: int = 256
    """Pictures are shrunk to this: a person of 40 pixels is learnt at 32, and the same hours show more pictures."""


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
    """Trains one stage and returns its last weights; goes on where an earlier attempt was cut off.

    `start` is a network (.yaml) or the weights (.pt) of the stage before.
    """
    finished = run / "finished.pt"
    if finished.exists():
        return finished
    from ultralytics import YOLO

    last = run / "weights" / "last.pt"
    resuming = last.exists()
    model: Any = YOLO(str(last if resuming else start))

    def on_start(trainer: Any) -> None:
        # Ultralytics takes all cores but one: on a small machine that halves the speed.
        import torch

        torch.set_num_threads(threads)
        trainer.model.to(memory_format=torch.channels_last)  # a quarter less time on a CPU

    def on_end(trainer: Any) -> None:
        on_epoch(int(trainer.epoch) + 1, {key: float(value) for key, value in trainer.metrics.items()})

    model.add_callback("on_train_start", on_start)
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
            imgsz=schedule.size,
            optimizer="AdamW",
            lr0=schedule.learning_rate,
            lrf=0.05,
            cos_lr=True,
            warmup_epochs=0.5,
            weight_decay=0.0005,
            patience=0,
            seed=seed,
            device="cpu",
            workers=1,
            amp=False,
            plots=False,
            # The pictures vary by themselves; a camera does not hang upside down.
            mosaic=0.0,
            close_mosaic=0,
            scale=0.4,
            translate=0.1,
            degrees=0.0,
            flipud=0.0,
            fliplr=0.5,
            hsv_h=0.01,
            hsv_s=0.3,
            hsv_v=0.2,
            erasing=0.0,
        )
    if not last.exists():
        raise TrainingError(f"{run}: training ended without weights; the lines above say why.")
    shutil.copyfile(last, finished)
    return finished
