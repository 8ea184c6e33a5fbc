"""Composition is checked with painted bodies, so that no Blender is needed."""

import numpy as np
import pytest

from vision.training import weather
from vision.training.compose import LIGHTS, SIZE, Plate, make, yolo_line
from vision.training.paint import THINGS, Cutout, place
from vision.training.scene import Body, Canvas, Cast, Person


def body(height=180, width=60, light="sun"):
    bgra = np.zeros((height, width, 4), np.uint8)
    bgra[..., :3] = (40, 80, 160)
    bgra[:, 10:50, 3] = 255
    return Body(bgra, (10.0, 0.0, 50.0, float(height)), 1.7, 15.0, light)


CAST = Cast([body(light=light) for light in ("sun", "overcast", "lamp", "infrared")])


def slab(height, width):
    return Cutout(np.full((height, width, 3), 200, np.float32), np.ones((height, width), np.float32))


def put(canvas, person, left, top):
    canvas.bodies.append((canvas.paste(person.cutout, left, top), int(person.pixels().sum())))


def test_the_box_of_a_person_in_the_open_is_the_body():
    canvas = Canvas(np.zeros((SIZE, SIZE, 3), np.float32))
    person = body().person(90, mirrored=False)
    put(canvas, person, 100, 50)
    (label,) = canvas.labels()
    assert label.share == pytest.approx(1.0, abs=0.05)
    assert label.box == pytest.approx((105, 50, 125, 140), abs=1.5)


def test_what_stands_in_front_takes_its_part_of_the_box():
    canvas = Canvas(np.zeros((SIZE, SIZE, 3), np.float32))
    put(canvas, body().person(90, mirrored=False), 100, 50)
    canvas.paste(slab(60, 60), 90, 95)
    (label,) = canvas.labels()
    assert label.share == pytest.approx(0.5, abs=0.05)
    assert label.box[3] == pytest.approx(95, abs=1.5)


def test_who_leaves_the_picture_is_seen_in_part():
    canvas = Canvas(np.zeros((SIZE, SIZE, 3), np.float32))
    put(canvas, body().person(90, mirrored=False), -15, 50)
    (label,) = canvas.labels()
    assert label.share == pytest.approx(0.5, abs=0.1)
    assert label.box[0] == 0


def test_a_mirrored_body_keeps_its_box():
    lopsided = Body(body().bgra, (5.0, 0.0, 50.0, 180.0), 1.7, 15.0, "sun")
    assert lopsided.person(180, mirrored=True).box == (10.0, 0.0, 55.0, 180.0)


def test_a_bag_beside_the_body_is_not_the_body():
    person = Person(slab(100, 60), (0.0, 0.0, 30.0, 100.0))
    assert person.pixels().sum() == 100 * 30


@pytest.mark.parametrize("kind", THINGS, ids=lambda kind: kind.paint.__name__)
def test_every_thing_can_be_painted(kind):
    cut = kind.paint(np.random.default_rng(1))
    assert cut.picture.shape[:2] == cut.alpha.shape
    assert cut.alpha.max() > 0.9


def test_a_picture_is_made_from_its_numbers_alone():
    def picture(number):
        rng = np.random.default_rng([7, 0, number])
        made, labels = make(rng, CAST, [])
        return weather.compress(rng, made), labels

    assert picture(3) == picture(3)
    assert picture(3) != picture(4)


def test_boxes_lie_in_their_picture_and_some_pictures_are_empty():
    plates = [Plate(place(np.random.default_rng(5), 640)[:360], light) for light in LIGHTS]
    found = [make(np.random.default_rng([1, 0, n]), CAST, plates) for n in range(40)]
    for picture, labels in found:
        assert picture.shape == (SIZE, SIZE, 3)
        assert picture.min() >= 0
        assert picture.max() <= 255
        for label in labels:
            assert 0 <= label.box[0] < label.box[2] <= SIZE
            assert 0 <= label.box[1] < label.box[3] <= SIZE
            assert label.share >= 0.4
    assert any(labels for _, labels in found)
    assert any(not labels for _, labels in found)


def test_a_label_is_written_as_shares_of_the_picture():
    assert yolo_line((80, 0, 240, 320), 320) == "0 0.50000 0.50000 0.50000 1.00000"
