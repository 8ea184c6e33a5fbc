"""Scores a model on whole frames that show other people and other posts than it learnt from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vision.training import frames, mistakes
from vision.training.score import by_light, confidence_for, tally

ALLOWED_FALSE = 0.05
"""False boxes a frame, at the confidence that is chosen."""


def score(model: Path, folder: Path) -> dict[str, float]:
    """Recall, false boxes and the confidence that they were taken at, over a folder of frames."""
    from ultralytics import YOLO

    detector: Any = YOLO(str(model), task="detect")
    scored = [mistakes.look(detector, frame, light) for light, frame in frames.read(folder)]
    confidence = confidence_for(scored, ALLOWED_FALSE)
    result = tally(scored, confidence)
    return {
        "frames": result.frames,
        "people asked for": result.asked,
        "confidence": confidence,
        "recall": round(result.recall, 4),
        "false boxes a frame": round(result.false_per_frame, 4),
        **{f"recall, {light}": round(t.recall, 4) for light, t in by_light(scored, confidence).items()},
    }
