"""Tracks: one tracker a camera, numbers that stay and are never used twice."""

from datetime import UTC, datetime, timedelta

import numpy as np

from haechi.domain.video import Detections, Frame
from vision.tracking import Trackers

AT = datetime(2026, 11, 22, tzinfo=UTC)


def frame(number: int, camera: str = "c1", epoch: int = 1, second: float | None = None) -> Frame:
    at = AT + timedelta(seconds=number / 5 if second is None else second)
    return Frame(camera, epoch, number, at, at, 640, 360, b"")


def people(*xs: float, score: float = 0.9) -> Detections:
    boxes = np.array([[x, 0.4, 0.05, 0.3] for x in xs], np.float32).reshape(-1, 4)
    return Detections(boxes, np.full(len(xs), score, np.float32), ("person",) * len(xs))


def walk(trackers: Trackers, *frames: tuple[Frame, Detections]) -> list[set[int]]:
    return [{s.track.number for s in trackers.follow(*one)[0]} for one in frames]


def test_two_people_keep_their_numbers_while_they_pass_each_other() -> None:
    trackers = Trackers(0.4)
    seen = walk(trackers, *((frame(i), people(0.2 + 0.01 * i, 0.6 - 0.01 * i)) for i in range(15)))
    assert seen[5] == seen[14]
    assert len(seen[14]) == 2


def test_boxes_and_scores_are_the_detectors_own() -> None:
    trackers = Trackers(0.4)
    sightings, new = trackers.follow(frame(1), people(0.3))
    assert new
    assert (round(sightings[0].box.x, 3), round(sightings[0].box.h, 3), round(sightings[0].score, 3)) == (0.3, 0.3, 0.9)


def test_a_faint_box_continues_a_track_and_never_begins_one() -> None:
    trackers = Trackers(0.4)
    assert walk(trackers, *((frame(i), people(0.3, score=0.2)) for i in range(5))) == [set()] * 5
    seen = walk(trackers, (frame(6), people(0.3)), (frame(7), people(0.3)), (frame(8), people(0.3, score=0.2)))
    assert seen[2] == seen[1] != set()


def test_a_walker_is_seen_in_every_frame_where_pictures_come_so_seldom_that_the_boxes_never_meet() -> None:
    trackers = Trackers(0.4)
    seen = walk(trackers, *((frame(i, second=1.2 * i), people(0.1 + 0.12 * i)) for i in range(6)))
    assert all(len(numbers) == 1 for numbers in seen)


def test_a_camera_that_was_opened_again_never_uses_a_number_of_its_former_epoch() -> None:
    trackers = Trackers(0.4)
    before = [s.track for s in trackers.follow(frame(1, epoch=1), people(0.3))[0]]
    after = [s.track for s in trackers.follow(frame(2, epoch=2), people(0.3))[0]]
    assert len(before) == len(after) == 1
    assert before != after
    assert trackers.follow(frame(3, epoch=1), people(0.3)) == ([], False)


def test_cameras_have_nothing_to_do_with_each_other() -> None:
    trackers = Trackers(0.4)
    a = walk(trackers, *((frame(i, "a"), people(0.3)) for i in range(3)))
    walk(trackers, *((frame(i, "b"), people(0.9)) for i in range(3)))
    assert walk(trackers, (frame(3, "a"), people(0.3)))[0] == a[2]


def test_a_late_frame_moves_nothing() -> None:
    trackers = Trackers(0.4)
    walk(trackers, (frame(5), people(0.3)))
    assert trackers.follow(frame(4), people(0.8)) == ([], False)


def test_the_tracker_of_a_camera_that_fell_silent_goes() -> None:
    trackers = Trackers(0.4)
    for i in range(20):
        trackers.follow(frame(1, f"c{i}", second=i * 60), people(0.3))
    assert len(trackers) <= 7


def test_nothing_seen_is_no_error() -> None:
    trackers = Trackers(0.4)
    assert trackers.follow(frame(1), people()) == ([], False)
