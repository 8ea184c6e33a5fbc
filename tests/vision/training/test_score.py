import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.training.score import Scored, asked_for, by_light, confidence_for, overlap, tally

PERSON = (100.0, 100.0, 130.0, 180.0)


def scored(boxes=(), scores=None, truth=(), shares=None, light="day"):
    truth = np.array(truth, float).reshape(-1, 4)
    shares = np.ones(len(truth)) if shares is None else np.array(shares, float)
    boxes = np.array(boxes, float).reshape(-1, 4)
    scores = np.full(len(boxes), 0.9) if scores is None else np.array(scores, float)
    return Scored(light, boxes, scores, truth, asked_for(truth, shares))


def moved(box, x=0.0, y=0.0):
    return (box[0] + x, box[1] + y, box[2] + x, box[3] + y)


def test_a_box_on_a_person_is_found_and_one_beside_is_false():
    result = tally([scored([PERSON, moved(PERSON, 200)], truth=[PERSON])], 0.5)
    assert (result.asked, result.found, result.false) == (1, 1, 1)


def test_two_boxes_on_one_person_are_one_hit_and_one_mistake():
    result = tally([scored([PERSON, moved(PERSON, 2)], truth=[PERSON])], 0.5)
    assert (result.found, result.false) == (1, 1)


def test_the_surest_box_chooses_first():
    near, far = moved(PERSON, 1), moved(PERSON, 8)
    picture = scored([far, near], scores=[0.6, 0.9], truth=[PERSON])
    assert tally([picture], 0.5).false == 1
    assert tally([picture], 0.7).false == 0


@pytest.mark.parametrize(
    ("truth", "share"),
    [((100, 100, 115, 138), 1.0), (PERSON, 0.4)],
    ids=["too small", "too hidden"],
)
def test_who_is_small_or_hidden_is_neither_missed_nor_a_mistake(truth, share):
    unseen = tally([scored(truth=[truth], shares=[share])], 0.5)
    seen = tally([scored([truth], truth=[truth], shares=[share])], 0.5)
    assert (unseen.asked, unseen.false) == (0, 0)
    assert (seen.asked, seen.found, seen.false) == (0, 0, 0)


def test_a_part_of_a_hidden_person_is_no_mistake():
    part = (102.0, 100.0, 128.0, 118.0)
    assert tally([scored([part], truth=[PERSON], shares=[0.3])], 0.5).false == 0


def test_in_an_empty_picture_every_box_is_false():
    result = tally([scored([PERSON]), scored()], 0.5)
    assert result.false_per_frame == 0.5
    assert result.recall == 1.0


def test_each_light_is_counted_apart():
    lights = by_light([scored([PERSON], truth=[PERSON]), scored(truth=[PERSON], light="night")], 0.5)
    assert {light: t.recall for light, t in lights.items()} == {"day": 1.0, "night": 0.0}


def test_the_confidence_is_the_lowest_that_keeps_the_promise():
    pictures = [scored([PERSON], scores=[0.42])] + [scored()] * 19
    assert confidence_for(pictures, 0.05) == 0.05  # one false box in twenty pictures is allowed
    assert confidence_for(pictures, 0.04) == 0.43


boxes = st.tuples(*[st.floats(0, 600)] * 2, *[st.floats(1, 200)] * 2).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@given(st.lists(boxes, max_size=6), st.lists(boxes, max_size=6))
def test_no_box_counts_twice_and_no_person_is_found_twice(found, truth):
    result = tally([scored(found, truth=truth)], 0.5)
    assert result.found <= min(len(found), result.asked)
    assert result.found + result.false <= len(found)


@given(boxes, boxes)
def test_overlap_is_symmetric_and_whole_only_with_itself(one, other):
    a, b = np.array([one]), np.array([other])
    assert overlap(a, b)[0, 0] == pytest.approx(overlap(b, a)[0, 0])
    assert overlap(a, a)[0, 0] == pytest.approx(1.0)
    assert 0 <= overlap(a, b)[0, 0] <= 1 + 1e-9
