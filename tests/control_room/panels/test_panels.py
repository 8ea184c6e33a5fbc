from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from control_room import describe
from control_room.live.view import Spot, View
from control_room.pages.wall import PANELS, layout
from control_room.panels import map as map_panel
from control_room.panels import queue, strip, tiles
from haechi.domain.geo import Circle, Corridor, Point
from haechi.domain.people import SafeZone
from haechi.domain.scene import Scene
from haechi.domain.video import CameraState
from tests.control_room.district import CAMERAS, D, incident
from tests.control_room.stand_ins import Made, everyone_of

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)


async def view_of(scene: str = "district") -> View:
    wall = Made(scene, clock=lambda: NOW)
    wall.world.replace_incidents(await wall.store.recent(D))
    wall.world.put_camera_states(await wall.live.camera_states())
    return wall.world.view(everyone_of(D), NOW)


async def test_the_queue_is_by_severity_then_newest_first() -> None:
    rows = queue.query(await view_of("flood")).rows
    assert [(r.severity, -r.opened_at.timestamp()) for r in rows] == sorted(
        (r.severity, -r.opened_at.timestamp()) for r in rows
    )


async def test_what_the_cap_leaves_out_is_counted_and_is_the_least_urgent() -> None:
    view = await view_of("flood")
    model = queue.query(view)
    assert len(model.rows) == queue.ROWS
    assert model.more == len(view.incidents) - queue.ROWS
    assert sum(i.severity == 1 for i in view.incidents) == sum(r.severity == 1 for r in model.rows)


async def test_a_flood_of_calls_of_strangers_hides_nobody_who_is_registered() -> None:
    view = await view_of()
    newest = max(one.opened_at for one in view.incidents)
    flood = tuple(
        incident(100 + n, "sos", f"unknown:2001:db8:0:{n:x}::/64", "-", "SOS from an unknown device", -n, newest)
        for n in range(300)
    )
    before = [row.id for row in queue.query(view).rows if row.severity == 1 and row.who != "unknown device"]
    flooded = msgspec.structs.replace(view, incidents=(*flood, *view.incidents))
    assert [row.id for row in queue.query(flooded).rows if row.id in before] == before
    assert queue.query(flooded).rows[0].id == before[0]
    life_safety = [mark.id for mark in map_panel.query(flooded).marks if mark.severity == 1]
    assert life_safety[-1] == before[0], "drawn on top"


@pytest.mark.parametrize(
    ("number", "who", "where"),
    [
        ("i1", "child, 8", "Banditbul Park, 25 m from Naru Footbridge"),
        ("i2", "elder, 81", "Soban-gil, 20 m from Jebi Hall of Song"),
        ("i3", "school yard", "Cam 01 School yard"),
        ("i4", "Kitchen row", "Yetjang Market Hall"),
        ("i8", "unknown device", "place unknown"),
    ],
)
async def test_a_row_says_who_and_where_without_a_name(number: str, who: str, where: str) -> None:
    view = await view_of()
    (found,) = [i for i in view.incidents if i.id == number]
    assert describe.who(found, view) == who
    assert describe.where(found, view) == where


async def test_a_row_leaves_out_the_zone_and_writes_units_as_people_do() -> None:
    view = await view_of()
    left = incident(1, "zone-exit", "p1", "home", "Left safe zone Haneulbit School, school hours", 1, NOW)
    gas = incident(4, "gas", "s1", "r", "Gas 34 %[LEL]", 1, NOW)
    assert describe.short_headline(left, view) == "Left safe zone"
    assert describe.headline(left) == "Left safe zone Haneulbit School, school hours"
    assert describe.short_headline(gas, view) == "Gas 34 % LEL"


async def test_no_panel_carries_the_name_of_a_protected_person() -> None:
    view = await view_of()
    for panel in PANELS:
        said = msgspec.json.encode(panel.query(view)).decode()
        assert "Seo-yun" not in said
        assert "Mal-sun" not in said


def test_a_row_of_a_call_that_came_late_says_so_before_how_it_stands() -> None:
    late = incident(1, "sos", "p1", "-", "SOS pressed", 60, NOW)
    late = msgspec.structs.replace(late, received_at=late.starts_at + timedelta(hours=2))
    (row,) = queue.query(View(NOW, incidents=(late,))).rows
    assert row.standing == "2 h late · told"


def test_a_row_whose_place_was_old_already_says_so_until_they_are_seen_again() -> None:
    scene = Scene(Point(126.978, 37.5665), 8.0, NOW - timedelta(days=3, seconds=60))
    old = msgspec.structs.replace(incident(1, "sos", "p1", "-", "SOS pressed", 60, NOW), point=scene.point, scene=scene)
    (row,) = queue.query(View(NOW, incidents=(old,))).rows
    assert row.standing == "place 3 days old · told"
    seen = {old.id: (Spot(NOW, Point(126.979, 37.5665), 8.0),)}
    (row,) = queue.query(View(NOW, incidents=(old,), trails=seen)).rows
    assert row.standing == "told"


def test_a_cleared_incident_that_nobody_saw_stays_and_says_so() -> None:
    over = incident(1, "gas", "s1", "r", "Gas", 60, NOW, ends_at=NOW)
    (row,) = queue.query(View(NOW, incidents=(over,))).rows
    assert row.over
    assert row.standing == "over, not yet seen"


def test_a_camera_that_never_told_its_state_is_not_live() -> None:
    view = View(NOW, cameras=tuple(CAMERAS), camera_states={"c1": CameraState("c1", NOW, "live")})
    model = strip.query(view)
    assert (model.cameras, model.cameras_away) == (len(CAMERAS), len(CAMERAS) - 1)
    assert "5 of 6 cameras not live" in str(strip.render(model))


async def test_the_map_draws_the_worst_last_and_one_zone_per_exit() -> None:
    model = map_panel.query(await view_of())
    assert [m.severity for m in model.marks] == sorted((m.severity for m in model.marks), reverse=True)
    (exit_mark,) = [m for m in model.marks if m.id == "i1"]
    assert exit_mark.circle is not None
    assert len(exit_mark.trail) > 1
    assert all(not m.trail for m in model.marks if m.id != "i1")


async def test_the_map_knows_forbidden_zones_and_corridors_and_draws_a_corridor_by_its_edge() -> None:
    line = Corridor((Point(126.92, 37.61), Point(126.93, 37.61)), 60)
    drawn = []
    for kind, area in (("safe", line), ("forbidden", line), ("safe", Circle(Point(126.92, 37.61), 90))):
        zone = SafeZone("home", "haneul", "p1", "zone", area, (), kind=kind)
        view = msgspec.structs.replace(await view_of(), zones={"home": zone})
        drawn.append(next(m for m in map_panel.query(view).marks if m.id == "i1"))
    assert [mark.zone_kind for mark in drawn] == ["corridor", "forbidden", "safe"]
    assert len(drawn[0].zone[0]) > 10
    assert drawn[0].zone[0][0] == drawn[0].zone[0][-1]


async def test_a_tile_shows_the_worst_open_incident_of_its_camera() -> None:
    tile = {t.id: t for t in tiles.query(await view_of()).cameras}
    assert (tile["c1"].severity, tile["c1"].alarm) == (2, "Trespass")
    assert (tile["c2"].severity, tile["c2"].alarm) == (0, "")
    assert tile["c4"].why == "no answer from 10.0.3.4"


def test_every_frame_says_something_before_anything_is_known() -> None:
    page = str(layout(View(NOW)))
    for words in ("Loading the queue", "Loading the map", "No incident chosen", "Loading cameras", "Connecting"):
        assert words in page
