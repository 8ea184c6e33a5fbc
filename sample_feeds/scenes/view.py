"""Draws a clip's truth on its frames."""

from __future__ import annotations

from pathlib import Path

import av
import cv2

from haechi.domain.video import BoundingBox
from haechi.errors import NotFound
from sample_feeds.scenes import film
from sample_feeds.scenes.assets import Picture
from sample_feeds.scenes.truth import Presence, Truth, read

COLOURS = ((80, 200, 255), (120, 230, 120), (255, 170, 90), (200, 140, 255), (90, 240, 240), (150, 160, 255))


def find(clip: Path) -> Path:
    """A clip by its path or by the name of a committed one. NotFound where there is none."""
    if clip.is_file():
        return clip
    known = sorted(film.FOLDER.glob("*/*.mp4"))
    for path in known:
        if path.stem == str(clip):
            return path
    raise NotFound(f"there is no clip {str(clip)!r}; the committed ones are {', '.join(p.stem for p in known)}")


def draw(clip: Path, target: Path, every: int = 1) -> int:
    """Writes the drawn frames: to an .mp4, or as PNGs into a folder. Returns how many."""
    truth = read(clip)
    frames = ((k, annotated(p, truth, k)) for k, p in enumerate(film.read(clip)) if k % every == 0)
    count = 0
    if target.suffix != ".mp4":
        target.mkdir(parents=True, exist_ok=True)
        for k, picture in frames:
            cv2.imwrite(str(target / f"{clip.stem}-{k:04d}.png"), picture)
            count += 1
        return count
    with av.open(str(target), "w") as out:
        stream = out.add_stream("libx264", rate=max(1, truth.header.fps // every))
        stream.width, stream.height, stream.pix_fmt = truth.header.width, truth.header.height, "yuv420p"
        for _, picture in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
            count += 1
        out.mux(stream.encode(None))
    return count


def annotated(picture: Picture, truth: Truth, number: int) -> Picture:
    """A copy with full boxes (thin), visible boxes (thick), names, shares, and the frame's number."""
    drawn = picture.copy()
    order = sorted(truth.identities)
    for person in truth.frames[number] if number < len(truth.frames) else ():
        _person(drawn, person, COLOURS[order.index(person.identity) % len(COLOURS)])
    text = f"{truth.header.camera} {truth.header.light} frame {number}"
    cv2.putText(drawn, text, (8, drawn.shape[0] - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1, cv2.LINE_AA)
    return drawn


def _person(drawn: Picture, person: Presence, colour: tuple[int, int, int]) -> None:
    h, w = drawn.shape[:2]

    def corners(box: BoundingBox) -> tuple[tuple[int, int], tuple[int, int]]:
        return (round(box.x * w), round(box.y * h)), (round((box.x + box.w) * w), round((box.y + box.h) * h))

    cv2.rectangle(drawn, *corners(person.box), colour, 1)
    (x, y), end = corners(person.visible)
    cv2.rectangle(drawn, (x, y), end, colour, 2)
    label = f"{person.identity} {person.share:.0%}"
    cv2.putText(drawn, label, (x, max(10, y - 4)), cv2.FONT_HERSHEY_SIMPLEX, 0.38, colour, 1, cv2.LINE_AA)
