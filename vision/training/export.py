"""From weights to what the project ships: a bare `.pt` and an OpenVINO folder in the shape of a camera's picture."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

SHAPE = (384, 640)
"""Rows and columns: a 640×360 picture, padded to what the strides need. A square would cost a third more time."""
NAME = "haechi-person"


USUAL = 0.4
"""The setting `vision.confidence` as it is unless somebody changes it."""


def shift(confidence: float) -> float:
    """What is added to every score, as log odds, so that one of `confidence` becomes the usual one."""
    return math.log(USUAL / (1 - USUAL)) - math.log(confidence / (1 - confidence))


def bare(weights: Path, out: Path, moved: float = 0.0) -> Path:
    """Keeps the network and its class names in half precision; drops the optimiser and every path of this machine.

    `moved` is added to the log odds of every score; which box is surer than which stays as it is.
    """
    import torch

    # Our own checkpoint: pickled classes are expected in it.
    checkpoint: dict[str, Any] = torch.load(weights, map_location="cpu", weights_only=False)
    network = (checkpoint.get("ema") or checkpoint["model"]).half()
    network.args = {"task": "detect", "imgsz": 640}
    network.yaml = {key: value for key, value in network.yaml.items() if "file" not in key}
    for attribute in ("pt_path", "criterion"):
        if hasattr(network, attribute):
            delattr(network, attribute)
    for branch in network.model[-1].cv3:
        branch[-1].bias.data += moved
    for weight in network.parameters():
        weight.requires_grad = False
    kept = {"model": network, "ema": None, "epoch": -1, "optimizer": None, "train_args": dict(network.args)}
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{NAME}.pt"
    torch.save(kept, path)
    return path


def export(weights: Path, out: Path, confidence: float) -> Path:
    """Writes `haechi-person.pt` and `haechi-person_openvino_model/` (FP16) into a folder; returns the latter.

    Scores are moved so that `confidence` becomes the usual setting: one default then suits it and official weights.
    """
    from ultralytics import YOLO

    path = bare(weights, out, shift(confidence))
    made = Path(YOLO(str(path)).export(format="openvino", imgsz=list(SHAPE), half=True, dynamic=False, device="cpu"))
    metadata = made / "metadata.yaml"
    lines = [line for line in metadata.read_text().splitlines() if not line.startswith(("description:", "date:"))]
    metadata.write_text("\n".join([f"description: {NAME}, one class, from renders", *lines]) + "\n")
    shutil.rmtree(out / "__pycache__", ignore_errors=True)
    return made
