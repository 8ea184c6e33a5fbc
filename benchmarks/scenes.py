"""The shipped detector on rendered footage whose truth is exact, beside a peer on the same frames.

The shipped one is asked as it is used, at the default confidence; the peer's is chosen on the tuning set. The scoring set
has other people, paths, light and camera posts. Where the checkout has `../shared/clips`, footage that nothing was tuned
on is looked at too; on the real one there is no truth, so the peer's boxes stand for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.detecting import SHIPPED, Detector, Look, beside, mot, video
from benchmarks.result import Options, Peer, Result
from haechi.errors import HaechiError
from sample_feeds.scenes import film, truth
from vision.training.export import USUAL
from vision.training.score import Scored, asked_for, by_light, confidence_for, tally

ALLOWED_FALSE = 0.03
"""False boxes a frame on the tuning set, for a peer: the goal is 0.05 on the scoring set."""
CLIPS = Path(truth.__file__).parent / "clips"
ELSEWHERE = Path(__file__).parents[2] / "shared" / "clips"
PEER_IS_SURE = 0.5
"""From this confidence on a peer's box on real footage counts as a person."""


def run(options: Options) -> Result:
    """Recall of the shipped model on the scoring set; the peer is `--peer PATH` (an OpenVINO folder, ONNX or .pt)."""
    detectors, chosen = [Detector("shipped", SHIPPED)], {"shipped": USUAL}
    every = 1 if options.full else 20 if options.quick else 4
    if options.peer:
        detectors.append(peer := Detector("peer", options.peer))
        chosen[peer.name] = confidence_for(beside([peer], _looks("tuning", every))[peer.name], ALLOWED_FALSE)
    scoring = beside(detectors, _looks("scoring", every))
    hard = beside(detectors, _looks("hard", every))
    more: dict[str, float | int | str | list[float] | dict[str, float]] = {"every": every}
    for detector in detectors:
        more |= _figures(detector, scoring[detector.name], hard[detector.name], chosen[detector.name])
    if ELSEWHERE.is_dir():
        more |= _elsewhere(detectors, chosen, every)
    ours, *others = (tally(scoring[d.name], chosen[d.name]).recall for d in detectors)
    peers = tuple(Peer(str(options.peer), round(value, 4), round(ours / max(value, 1e-9), 3)) for value in others)
    return Result("scenes", round(ours, 4), "recall", peers, more)


def _looks(which: str, every: int) -> Iterator[Look]:
    """The frames of a set's clips with their truth."""
    clips = sorted((CLIPS / which).glob("*.mp4"))
    if not clips:
        raise HaechiError(f"{CLIPS / which} holds no clips; `haechi scenes make {which}` makes them.")
    for clip in clips:
        known = truth.read(clip)
        for number, frame in enumerate(film.read(clip)):
            if number % every or number >= len(known.frames):
                continue
            height, width = frame.shape[:2]
            people = known.frames[number]
            boxes = [(p.visible.x, p.visible.y, p.visible.x + p.visible.w, p.visible.y + p.visible.h) for p in people]
            yield Look(
                known.header.light,
                np.asarray(frame, np.uint8),
                np.array(boxes, np.float64).reshape(-1, 4) * (width, height, width, height),
                np.array([p.share for p in people], np.float64),
            )


def _figures(
    detector: Detector, scoring: Sequence[Scored], hard: Sequence[Scored], confidence: float
) -> dict[str, float | int | str | list[float] | dict[str, float]]:
    """What is known of one detector, each name with the detector's before it."""
    result, empty = tally(scoring, confidence), tally(hard, confidence)
    lights = by_light(scoring, confidence)
    figures: dict[str, float | int | str | list[float] | dict[str, float]] = {
        "confidence": confidence,
        "recall": round(result.recall, 4),
        "false_per_frame": round(result.false_per_frame, 4),
        "people": result.asked,
        "frames": result.frames,
        "hard_false_per_100": round(100 * empty.false_per_frame, 2),
        "hard_frames": empty.frames,
        "ms": detector.median_ms,
        "recall_by_light": {light: round(t.recall, 4) for light, t in lights.items()},
        "false_by_light": {light: round(t.false_per_frame, 4) for light, t in lights.items()},
    }
    return {f"{detector.name}_{key}": value for key, value in figures.items()}


def _elsewhere(
    detectors: Sequence[Detector], chosen: Mapping[str, float], every: int
) -> dict[str, float | int | str | list[float] | dict[str, float]]:
    """A rendered courtyard with exact boxes, and real footage with the peer's boxes in place of truth."""
    more: dict[str, float | int | str | list[float] | dict[str, float]] = {}
    clip = ELSEWHERE / "courtyard.mp4"
    if clip.exists():
        boxes = mot(clip.with_suffix(".gt.txt"))
        nobody = np.zeros((0, 4))
        looks = (
            Look("day", frame, known := boxes.get(number, nobody), np.ones(len(known)))
            for number, frame in video(clip, min(every, 4))
        )
        for name, scored in beside(detectors, looks).items():
            result = tally(scored, chosen[name])
            more[f"{name}_courtyard"] = {
                "recall": round(result.recall, 4),
                "false_per_frame": round(result.false_per_frame, 4),
            }
    if len(detectors) > 1:
        for real in sorted([*ELSEWHERE.glob("*-detection.mp4"), *ELSEWHERE.glob("*.gif")]):
            more[f"shipped_on_{real.stem}"] = _against_peer(real, detectors[0], detectors[1], chosen["shipped"], every)
    return more


def _against_peer(clip: Path, ours: Detector, peer: Detector, confidence: float, every: int) -> dict[str, float]:
    """The share of the peer's boxes that ours finds, and ours beside them, a frame."""
    scored = []
    for _, frame in video(clip, every * 2):
        reference, sure = peer.find(frame)
        boxes, scores = ours.find(frame)
        known = reference[sure >= PEER_IS_SURE]
        scored.append(Scored("real", boxes, scores, known, asked_for(known, np.ones(len(known)))))
    result = tally(scored, confidence)
    return {"of_peers_boxes": round(result.recall, 4), "beside_them_per_frame": round(result.false_per_frame, 4)}
