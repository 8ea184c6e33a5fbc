import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.training.train import Pace, quiet


def test_the_clock_hurries_a_slow_machine_on():
    pace = Pace(batches=1000, seconds=100.0, began=0.0, done=10)
    assert pace.progress(50.0) == 0.5
    assert pace.progress(200.0) == 1.0


def test_a_fast_machine_is_led_by_its_batches():
    pace = Pace(batches=1000, seconds=100.0, began=0.0, done=900)
    assert pace.progress(1.0) == 0.9


@given(st.integers(0, 1000), st.floats(0, 200), st.floats(0, 50))
def test_the_rate_only_falls(done, now, later):
    pace = Pace(batches=1000, seconds=100.0, began=0.0, done=done)
    assert 0.03 <= pace.rate(now + later) <= pace.rate(now) <= 1.0
    assert Pace(1000, 100.0, 0.0).rate(0.0) == pytest.approx(1.0)


def test_ultralytics_is_kept_from_the_network_and_the_home(tmp_path, monkeypatch):
    for name in ("YOLO_OFFLINE", "YOLO_AUTOINSTALL", "YOLO_CONFIG_DIR", "YOLO_VERBOSE", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "")
    quiet(tmp_path)
    assert os.environ["YOLO_OFFLINE"] == "1"
    assert os.environ["YOLO_CONFIG_DIR"].startswith(str(tmp_path))
