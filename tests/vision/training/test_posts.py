from dataclasses import replace
from itertools import islice

import numpy as np

from sample_feeds.district import map as district_map
from sample_feeds.scenes import assets
from sample_feeds.scenes.cameras import CAMERAS
from sample_feeds.scenes.clips import ALL_LIGHTS, SCORING_CAMERAS
from vision.training import posts

SOME = list(islice(posts.candidates(7, district_map.read()), 40))


def test_posts_follow_from_the_seed_alone():
    assert list(islice(posts.candidates(7, district_map.read()), 5)) == SOME[:5]
    assert list(islice(posts.candidates(8, district_map.read()), 5)) != SOME[:5]


def test_no_training_post_shows_what_a_scoring_post_shows():
    assert not any(posts.near_scoring(camera) for camera in SOME)
    assert not {camera.id for camera in SOME} & {camera.id for camera in (*CAMERAS, *SCORING_CAMERAS)}


def test_a_scoring_post_that_is_only_shifted_a_little_would_be_refused():
    for camera in SCORING_CAMERAS:
        assert posts.near_scoring(replace(camera, x=camera.x + 3, yaw=camera.yaw + 20))
        assert not posts.near_scoring(replace(camera, x=camera.x + 30))


def test_no_post_stands_in_a_house():
    built = [building.shape for building in district_map.read().buildings]
    for camera in SOME:
        assert not any(shape.contains(posts.Point(camera.x, camera.y)) for shape in built)


def test_each_post_is_rendered_in_rain_and_in_two_lights_more():
    for camera in SOME:
        lights = posts.lights(camera)
        assert lights[0] == "rain"
        assert len(set(lights)) == 3
        assert set(lights) <= set(ALL_LIGHTS)
    assert {light for camera in SOME for light in posts.lights(camera)} == set(ALL_LIGHTS)


def test_a_wall_before_the_lens_is_no_view():
    plate = assets.read_plate("school-yard", (640, 360), only="rain")
    assert posts.sees_ground(plate)
    assert not posts.sees_ground(replace(plate, depth=np.minimum(plate.depth, 200)))
    assert not posts.sees_ground(replace(plate, kind=np.zeros_like(plate.kind)))
