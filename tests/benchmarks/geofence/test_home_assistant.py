"""Home Assistant's rule does what Home Assistant's own tests and documentation say."""

from benchmarks.geofence.days import Circle
from benchmarks.geofence.home_assistant import HomeAssistant, Place, Settings, active_zone, in_zone
from tests.benchmarks.geofence.build import NONE, fixes, minutes

ZONE = (Circle(0, 0, 100),)
APP = Settings("app")
OWNTRACKS = Settings("owntracks", max_gps_accuracy=200)


def leaves(settings: Settings, *rows: tuple[float, ...]) -> list[float]:
    return minutes(HomeAssistant(settings).leaves(ZONE, fixes(*rows)))


def test_a_passive_zone_is_never_the_active_one() -> None:
    """test_active_zone_skips_passive_zones (tests/components/zone/test_init.py)."""
    assert active_zone([Place("passive", 0, 250, passive=True)]) is None


def test_the_zone_around_the_position_is_active() -> None:
    """test_active_zone_skips_passive_zones_2: 0.0001 degrees, 11 m, off the middle of a zone of 500 m."""
    assert active_zone([Place("active", 11.1, 500)]) == "active"


def test_of_zones_with_one_middle_the_smaller_is_active() -> None:
    """test_active_zone_prefers_smaller_zone_if_same_distance."""
    assert active_zone([Place("big", 0, 500), Place("small", 0, 250)]) == "small"
    assert active_zone([Place("smallest", 0, 50)]) == "smallest"


def test_a_passive_zone_can_be_asked_for() -> None:
    """test_in_zone_works_for_passive_zones."""
    assert in_zone(0, 250)


def test_an_uncertain_position_counts_as_inside() -> None:
    """in_zone: distance − accuracy < radius, so that bad fixes stay inside; exactly the radius is outside."""
    assert in_zone(300, 100, accuracy=201)
    assert not in_zone(300, 100, accuracy=200)
    assert leaves(APP, (0,), (300, 201), (300, 199)) == [2]


def test_a_leave_is_a_state_outside_after_one_inside() -> None:
    """The zone trigger: from matches and to does not; nothing before the first state."""
    assert leaves(APP, (300,), (0,), (300,), (300,), (0,), (300,)) == [2, 5]


def test_an_unknown_accuracy_is_nought_for_the_app_and_ignored_by_owntracks() -> None:
    """home-assistant/core#14273: "because GPS accuracy is zero" OwnTracks' update is ignored."""
    assert leaves(APP, (0,), (101, NONE)) == [1]
    assert leaves(OWNTRACKS, (0,), (101, NONE), (0,)) == []


def test_owntracks_ignores_what_is_less_accurate_than_allowed() -> None:
    """home-assistant.io/integrations/owntracks, max_gps_accuracy: 200."""
    assert leaves(OWNTRACKS, (0,), (900, 201), (0,)) == []
    assert leaves(OWNTRACKS, (0,), (900, 200), (0,)) == [1]


def test_away_for_five_minutes_is_told_then_and_not_when_somebody_is_back_before() -> None:
    """`for:` of the state trigger: the state must have held that long."""
    keys = Settings("for", max_gps_accuracy=200, away_for_s=300)
    assert leaves(keys, (0,), *[(300,)] * 9) == [6]
    assert leaves(keys, (0,), *[(300,)] * 4, (0,), *[(300,)] * 4) == []
    assert leaves(keys, (0,), (300,), *[(NONE,)] * 7, (300,), (300,)) == [6]
