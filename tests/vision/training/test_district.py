from dataclasses import astuple
from itertools import product

import numpy as np
import pytest

from sample_feeds.scenes import assets, stage
from sample_feeds.scenes.cameras import CAMERAS
from sample_feeds.scenes.clips import SCORING_CAMERAS, plans
from sample_feeds.scenes.people import IDENTITIES
from vision.training import district, frames, renders

SEED = 7
CAST = list(IDENTITIES[0::2])
PARK = CAMERAS[2]


@pytest.fixture(scope="module")
def reel(tmp_path_factory):
    view = renders.View(PARK, "dusk", assets.FOLDER)
    return list(district.reel(np.random.default_rng(3), view, CAST, tmp_path_factory.mktemp("people")))


def recipe(tmp_path, part):
    return frames.Recipe(tmp_path, tmp_path, tmp_path, part, SEED, 1)


@pytest.mark.parametrize("part", frames.PARTS)
def test_nobody_and_no_post_of_the_scoring_set_is_trained_or_validated_on(tmp_path, monkeypatch, part):
    monkeypatch.setattr(assets, "read_plate", lambda *_, **__: None)
    monkeypatch.setattr(renders.posts, "sees_ground", lambda _: True)
    scored = {walk.identity for plan in plans("scoring") for walk in plan.walks}
    assert scored
    assert not scored & {person.id for person in frames.people_of(recipe(tmp_path, part))}
    views = frames.views_of(recipe(tmp_path, part))
    assert views
    assert not {camera.id for camera in SCORING_CAMERAS} & {view.camera.id for view in views}
    assert not any(renders.posts.near_scoring(view.camera) for view in views if view.camera not in CAMERAS)


def test_what_is_validated_on_is_not_trained_on(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "read_plate", lambda *_, **__: None)
    monkeypatch.setattr(renders.posts, "sees_ground", lambda _: True)
    trained = [recipe(tmp_path, part) for part in ("train", "empty")]
    held_out = [recipe(tmp_path, part) for part in ("val", "calm")]
    for one, other in product(trained, held_out):
        assert not {p.id for p in frames.people_of(one)} & {p.id for p in frames.people_of(other)}
        assert not {v.camera.id for v in frames.views_of(one)} & {v.camera.id for v in frames.views_of(other)}


def test_a_reel_shows_people_and_moments_without(reel):
    assert len(reel) == frames.PER_REEL
    assert any(frame.people for frame in reel)
    for frame in reel:
        assert frame.picture.shape == (360, 640, 3)
        for box in frame.people:
            assert 0 <= box.x0 < box.x1 <= 640
            assert 0 <= box.y0 < box.y1 <= 360
            assert 0 < box.share <= 1


def test_a_reel_without_anybody_shows_nobody(tmp_path):
    view = renders.View(PARK, "night", assets.FOLDER)
    calm = list(district.reel(np.random.default_rng(3), view, CAST, tmp_path, nobody=1.0))
    assert len(calm) == frames.PER_REEL
    assert not any(frame.people for frame in calm)


def test_a_reel_is_made_from_its_seed_alone(reel, tmp_path):
    view = renders.View(PARK, "dusk", assets.FOLDER)
    again = list(district.reel(np.random.default_rng(3), view, CAST, tmp_path))
    assert [frame.people for frame in again] == [frame.people for frame in reel]


def test_people_stand_on_the_ground_at_heights_that_are_learnt():
    plate = assets.read_plate(PARK.id, (PARK.width, PARK.height), only="day")
    rng = np.random.default_rng(5)
    people = [person for _ in range(60) for person in district.scatter(rng, PARK, plate, CAST)]
    assert len(people) > 60
    placed = [stage.figure(PARK, person.who, person.pose) for person in people]
    tall = [each.scale_y * assets.PX_PER_M * each.person.height_m for each in placed if each]
    assert np.percentile(tall, 5) > 0.7 * district.LOWEST
    assert np.percentile(tall, 95) < 1.6 * district.HIGHEST


def test_who_walks_goes_forward_and_who_stands_stays():
    pose = district.Pose(0.0, 0.0, 0.0, 90.0, 0.0, "walk")
    walked = district.Person(CAST[0], pose).after(1.0)
    assert (walked.x, walked.y) == pytest.approx((CAST[0].speed, 0.0))
    assert walked.walked == pytest.approx(CAST[0].speed)
    standing = district.Pose(0.0, 0.0, 0.0, 90.0, 0.0, "stand")
    assert district.Person(CAST[0], standing).after(1.0) == standing


def test_other_colours_leave_the_silhouette_as_it_is():
    sheet = assets.read_sheet(CAST[0].id)
    other = district.recoloured(np.random.default_rng(1), sheet)
    assert (other.pixels[..., 3] == sheet.pixels[..., 3]).all()
    assert not (other.pixels == sheet.pixels).all()


def test_a_film_keeps_the_number_of_its_pictures():
    pictures = [np.full((360, 640, 3), 10 * k, np.uint8) for k in range(5)]
    filmed = list(district.filmed(pictures, 25, 270))
    assert len(filmed) == 5
    for before, after in zip(pictures, filmed, strict=True):
        assert abs(float(after.mean()) - float(before.mean())) < 4


def test_a_frame_is_read_as_it_was_written(reel, tmp_path):
    frame = next(frame for frame in reel if frame.people)
    path = tmp_path / "000001.dusk.jpg"
    frames._write(path, frame)
    ((light, read),) = frames.read(tmp_path)
    assert light == "dusk"
    for written, kept in zip(frame.people, read.people, strict=True):
        assert astuple(kept) == pytest.approx(astuple(written), abs=0.06)
