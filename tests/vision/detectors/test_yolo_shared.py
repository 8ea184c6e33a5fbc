"""YOLO11n on footage whose truth is known."""

from collections import defaultdict
from pathlib import Path

import av
import pytest

from vision.detectors.choose import load

SHARED = Path(__file__).parents[4] / "shared"
pytestmark = pytest.mark.shared


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    inter = max(0.0, w) * max(0.0, h)
    return inter / (a[2] * a[3] + b[2] * b[3] - inter)


def test_the_courtyards_people_are_found(tmp_path: Path) -> None:
    detector = load(SHARED / "models" / "yolo11n_int8_openvino_model", tmp_path)
    truth = defaultdict(list)
    for line in (SHARED / "clips" / "courtyard.gt.txt").read_text().splitlines():
        number, _, x, y, w, h = (float(v) for v in line.split(",")[:6])
        truth[int(number)].append((x / 640, y / 360, w / 640, h / 360))
    found = total = 0
    with av.open(str(SHARED / "clips" / "courtyard.mp4")) as container:
        for number, frame in enumerate(container.decode(video=0), 1):
            (seen,) = detector.detect([frame.to_ndarray(format="bgr24")])
            boxes = [tuple(b) for b, s in zip(seen.boxes.tolist(), seen.scores, strict=True) if s >= 0.25]
            total += len(truth[number])
            found += sum(any(overlap(t, b) >= 0.5 for b in boxes) for t in truth[number])
    assert total > 100
    assert found / total >= 0.9
