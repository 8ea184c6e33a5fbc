import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.training.train import Pace, Schedule, Spent, Watch, quiet

SCHEDULE = Schedule(epochs=10, learning_rate=0.002, core_minutes=2)


def test_the_work_of_its_cores_ends_a_training_and_the_clock_does_not():
    pace = Pace(1000, SCHEDULE)
    assert pace.progress(10, Spent(work=60, clock=9000)) == 0.5
    assert pace.progress(10, Spent(work=500, clock=500)) == 1.0


def test_the_clock_ends_a_training_where_somebody_waits():
    pace = Pace(1000, Schedule(epochs=10, learning_rate=0.002, core_minutes=2, wall_minutes=4))
    assert pace.progress(10, Spent(work=10, clock=120)) == 0.5


def test_a_fast_machine_is_led_by_its_batches():
    assert Pace(1000, SCHEDULE).progress(900, Spent(work=1, clock=1)) == 0.9


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_rate_only_falls(progress, more):
    pace = Pace(1000, SCHEDULE)
    later = min(1.0, progress + more)
    assert pace.rate(later) + 1e-12 >= 0.03 * 0.002
    assert pace.rate(later) <= pace.rate(progress) + 1e-12
    assert pace.rate(0.0) == pytest.approx(0.002)


def test_what_an_earlier_attempt_took_is_not_forgotten(tmp_path):
    file = tmp_path / "spent.json"
    file.write_text('{"work": 50.0, "clock": 80.0}')
    watch = Watch(file)
    assert watch.spent().work >= 50
    assert watch.spent().clock >= 80
    watch.save()
    assert Watch(file).spent().work >= 50


def test_ultralytics_is_kept_from_the_network_and_the_home(tmp_path, monkeypatch):
    for name in ("YOLO_OFFLINE", "YOLO_AUTOINSTALL", "YOLO_CONFIG_DIR", "YOLO_VERBOSE", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "")
    quiet(tmp_path)
    assert os.environ["YOLO_OFFLINE"] == "1"
    assert os.environ["YOLO_CONFIG_DIR"].startswith(str(tmp_path))
