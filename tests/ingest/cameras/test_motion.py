"""The gate: what moves passes, what does not is held back, now and then one passes all the same."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.cameras.motion import KEEP_ALIVE_S, TAIL_S, Gate, step

SHARE = 0.002


def scene(person_at: int | None = None, noise: int = 0, light: int = 0) -> np.ndarray:
    random = np.random.default_rng(noise)
    image = np.full((360, 640, 3), 90 + light, np.int16)
    if noise:
        image += random.integers(-6, 7, image.shape, np.int16)
    if person_at is not None:
        image[150:220, person_at : person_at + 24] = 30
    return np.clip(image, 0, 255).astype(np.uint8)


def passed(images: list[np.ndarray], every_s: float = 0.2) -> list[bool]:
    gate, answers = Gate(), []
    for i, image in enumerate(images):
        gate, passes = step(gate, image, i * every_s, SHARE)
        answers.append(passes)
    return answers


def test_a_quiet_scene_with_a_night_cameras_noise_passes_one_picture_now_and_then() -> None:
    answers = passed([scene(noise=i + 1) for i in range(150)])
    assert sum(answers[20:]) <= 130 * 0.2 / KEEP_ALIVE_S + 1
    assert sum(answers[20:]) >= 130 * 0.2 / KEEP_ALIVE_S - 1


def test_a_person_seventy_pixels_tall_passes_at_once_and_a_tail_follows() -> None:
    quiet = [scene(noise=i + 1) for i in range(40)]
    walking = [scene(person_at=100 + 8 * i, noise=i + 1) for i in range(10)]
    after = [scene(noise=i + 1) for i in range(10)]
    answers = passed(quiet + walking + after)
    assert all(answers[40:50])
    assert all(answers[50:60])
    assert TAIL_S > 10 * 0.2


def test_a_share_of_zero_lets_everything_pass() -> None:
    gate = Gate()
    for i in range(20):
        gate, passes = step(gate, scene(), i * 5.0, 0)
        assert passes


def test_another_picture_size_starts_anew() -> None:
    gate, _ = step(Gate(), scene(), 0, SHARE)
    gate, passes = step(gate, np.zeros((480, 640, 3), np.uint8), 0.2, SHARE)
    assert passes


@settings(max_examples=30)
@given(st.lists(st.floats(0.05, 5), min_size=1, max_size=60))
def test_however_seldom_pictures_come_none_is_held_back_longer_than_the_keep_alive(gaps: list[float]) -> None:
    gate, now, last = Gate(), 0.0, 0.0
    for gap in gaps:
        now += gap
        gate, passes = step(gate, scene(), now, SHARE)
        if passes:
            last = now
        assert now - last < KEEP_ALIVE_S
