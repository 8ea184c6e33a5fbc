from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from control_room.details import LOOK_AGAIN, Details, Looks, details
from control_room.live.view import audience_of
from haechi.domain.access import Principal
from haechi.domain.geo import Point
from haechi.domain.incidents import IncidentEvent, for_people
from tests.control_room.district import D
from tests.control_room.stand_ins import Audit, Made, everyone_of


class Turned:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


async def test_the_same_eyes_on_the_same_thing_are_one_look_for_ten_minutes() -> None:
    audit, clock = Audit(), Turned()
    looks = Looks(audit, clock)
    await looks.record("a", "opened", "incident:1", "d")
    await looks.record("a", "opened", "incident:1", "d")
    await looks.record("b", "opened", "incident:1", "d")
    await looks.record("a", "opened", "incident:2", "d")
    assert len(audit.lines) == 3
    clock.now += LOOK_AGAIN + timedelta(seconds=1)
    await looks.record("a", "opened", "incident:1", "d")
    assert len(audit.lines) == 4


async def test_a_look_that_could_not_be_written_down_is_refused_and_not_forgotten() -> None:
    class Away(Audit):
        async def write(self, *_: object, **__: object) -> None:
            raise OSError("no PostgreSQL")

    looks = Looks(Away(), Turned())
    for _ in range(2):
        with pytest.raises(OSError, match="no PostgreSQL"):
            await looks.record("a", "opened", "incident:1", "d")


async def opened(number: str, **changes: object) -> Details:
    """What an operator sees of one of the made-up incidents."""
    made = Made()
    incident = msgspec.structs.replace(made.store.rows[number], **changes)
    made.world.put_incidents(made.store.rows.values())
    made.world.put_camera_states(await made.live.camera_states())
    view = made.world.view(everyone_of(incident.district), incident.opened_at)
    person = made.registry.people.get(incident.subject)
    return details(incident, [], [], view, person, made.me)


async def test_an_opened_sos_says_how_old_its_place_is_the_battery_and_how_often_it_was_pressed() -> None:
    shown = await opened("i2")
    assert shown.seen_at is not None
    assert shown.where.startswith("Soban-gil")
    assert (shown.battery, shown.presses, shown.about) == (31.0, 3, "person")


async def test_an_opened_call_that_came_late_says_when_it_happened_and_since_when_it_is_open() -> None:
    prompt = await opened("i2")
    assert not prompt.late
    came = prompt.opened_at
    late = await opened("i2", starts_at=came - timedelta(hours=2), received_at=came, opened_at=came)
    assert (late.late, late.happened_at, late.opened_at) == (True, came - timedelta(hours=2), came)


async def test_the_cameras_that_see_the_spot_come_first_else_the_nearest_is_named() -> None:
    assert [(camera.name, camera.sees) for camera in (await opened("i2")).cameras] == [
        ("Cam 02 Haetae-daero west", "sees")
    ]
    far = await opened("i2", point=Point(126.95, 37.63))
    assert [camera.sees for camera in far.cameras] == ["nearest"]
    assert (await opened("i2", point=None, scene=None)).cameras == ()


async def test_a_cameras_own_incident_is_seen_by_itself_first() -> None:
    cameras = (await opened("i3")).cameras
    assert (cameras[0].id, cameras[0].sees) == ("c1", "own")
    assert len({camera.id for camera in cameras}) == len(cameras)


async def test_a_place_that_the_map_has_no_name_for_is_told_in_degrees_and_the_queue_says_to_look_at_the_map() -> None:
    far = await opened("i2", point=Point(127.5, 37.1), scene=None, subject="unknown:10.1.2.3", id="elsewhere")
    assert far.where == "37.10000, 127.50000"
    nowhere = await opened("i2", point=None, scene=None, subject="unknown:10.1.2.3", id="nowhere")
    assert nowhere.where == "place unknown"


async def test_an_auditor_who_opens_a_persons_incident_sees_no_place() -> None:
    made = Made(me=Principal("auditor", frozenset({("auditor", D)})))
    (sos,) = [i for i in made.store.rows.values() if i.id == "i2"]
    made.world.put_incidents(made.store.rows.values())
    view = made.world.view(audience_of(made.me, [D]), sos.opened_at)
    line = IncidentEvent("updated", sos.opened_at, "rule", "pressed; Soban-gil")
    shown = details(for_people(sos, places=False), [line], [], view, made.registry.people.get(sos.subject), made.me)
    assert (shown.point, shown.seen_at, shown.battery, shown.cameras, shown.name) == (None, None, None, (), None)
    assert not any("Soban-gil" in words for words in (shown.where, *(one.words for one in shown.timeline)))
