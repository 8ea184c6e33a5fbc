import math

import pytest

from haechi.config import VisionSettings
from vision.training.export import USUAL, shift


def odds(confidence):
    return math.log(confidence / (1 - confidence))


@pytest.mark.parametrize("chosen", [0.2, 0.4, 0.64])
def test_the_chosen_confidence_becomes_the_usual_one(chosen):
    assert odds(chosen) + shift(chosen) == pytest.approx(odds(USUAL))


def test_the_usual_confidence_is_the_settings_default():
    assert VisionSettings.model_fields["confidence"].default == USUAL
