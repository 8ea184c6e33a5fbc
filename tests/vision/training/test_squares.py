import numpy as np
import pytest

from vision.training import squares
from vision.training.district import Box, Frame
from vision.training.mistakes import wrong
from vision.training.score import Scored, asked_for

EMPTY = np.zeros((360, 640, 3), np.uint8)


def frame(*boxes):
    return Frame(EMPTY, tuple(boxes))


@pytest.mark.parametrize(
    ("box", "expected", "share"),
    [
        ((110, 60, 130, 120), (10, 10, 30, 70), 1.0),
        ((90, 60, 130, 120), (0, 10, 30, 70), 0.75),
        ((500, 60, 530, 120), None, 0.0),
    ],
    ids=["inside", "over the edge", "elsewhere"],
)
def test_a_cut_takes_its_part_of_each_box(box, expected, share):
    square = squares.cut(frame(Box(*box, 1.0)), (100, 50))
    assert square.picture.shape == (squares.SIZE, squares.SIZE, 3)
    assert [(b.x0, b.y0, b.x1, b.y1) for b in square.people] == ([expected] if expected else [])
    assert sum(b.share for b in square.people) == pytest.approx(share)


def test_squares_lie_in_their_frame_and_show_the_people_they_are_cut_around():
    shown = frame(Box(2, 100, 22, 160, 1.0), Box(600, 290, 638, 358, 0.9))
    for seed in range(20):
        *around, anywhere = squares.corners(np.random.default_rng(seed), shown)
        assert len(around) == 2
        for left, top in (*around, anywhere):
            assert 0 <= left <= 640 - squares.SIZE
            assert 0 <= top <= 360 - squares.SIZE
        assert all(squares.cut(shown, corner).people for corner in around)


def test_an_empty_frame_gives_squares_too():
    assert len(list(squares.corners(np.random.default_rng(1), frame()))) == 3


def test_who_is_hardly_seen_is_no_example():
    seen = frame(Box(0, 0, 20, 60, 0.9), Box(0, 0, 20, 60, 0.1), Box(0, 0, 5, 12, 1.0))
    assert squares.examples(seen) == [seen.people[0]]


def test_a_label_is_written_as_shares_of_the_picture():
    assert squares.yolo_line(Box(40, 0, 120, 160, 1.0)) == "0 0.50000 0.50000 0.50000 1.00000"


def test_a_square_is_written_with_its_labels(tmp_path):
    squares.save(tmp_path, "a", frame(Box(110, 60, 130, 120, 1.0)), [(100, 50), (400, 50)])
    assert sorted(path.name for path in (tmp_path / "images").iterdir()) == ["a.0.jpg", "a.1.jpg"]
    assert (tmp_path / "labels" / "a.0.txt").read_text().startswith("0 ")
    assert (tmp_path / "labels" / "a.1.txt").read_text() == ""


def test_what_is_missed_and_what_is_false_is_looked_at_again():
    truth = np.array([(100.0, 100, 130, 180), (300.0, 100, 330, 180)])
    boxes = np.array([(100.0, 100, 130, 180), (500.0, 100, 530, 180), (10.0, 10, 30, 60)])
    seen = Scored("day", boxes, np.array([0.9, 0.6, 0.1]), truth, asked_for(truth, np.ones(2)))
    assert [(box.x0, box.y0) for box in wrong(seen)] == [(500, 100), (300, 100)]
