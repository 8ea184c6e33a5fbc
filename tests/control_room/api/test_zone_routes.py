"""Zones and views, as they are given and given back."""

import httpx
import pytest

from tests.control_room.api.build import CAMERA, LINE, OURS, PERSON, WINDOW, ZONE, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_which_way_a_camera_looks_is_kept(admin: httpx.AsyncClient) -> None:
    view = {"heading": 128, "width": 66, "reach_m": 40}
    row = (await admin.post("/cameras", json=CAMERA | {"view": view})).json()
    assert (await admin.get(f"/cameras/{row['id']}")).json()["view"] == view
    assert (await admin.patch(f"/cameras/{row['id']}", json={"view": None})).json()["view"] is None


async def test_a_circle_is_a_point_with_a_radius_inside_or_beside_the_geometry(admin: httpx.AsyncClient) -> None:
    point = {"type": "Point", "coordinates": [126.98, 37.57]}
    base = {"name": "Home", "district": True}
    inside = await admin.post("/safe-zones", json=base | {"geometry": point | {"radius_m": 150}})
    beside = await admin.post("/safe-zones", json=base | {"geometry": point, "radius_m": 150})
    assert inside.json()["geometry"] == beside.json()["geometry"] == point | {"radius_m": 150}
    problem_of(await admin.post("/safe-zones", json=base | {"geometry": point}), 422)


async def test_every_kind_of_zone_comes_back_as_it_was_given(admin: httpx.AsyncClient) -> None:
    one, two = [(await admin.post("/people", json=PERSON)).json()["id"] for _ in range(2)]
    window = WINDOW | {"on_holidays": "rests"}
    zones = [
        OURS | {"kind": "forbidden", "person_ids": [one, two]},
        OURS | {"person_id": one, "geometry": LINE | {"width_m": 40}},
        OURS | {"kind": "place", "person_id": one, "notices": True},
        OURS
        | {
            "person_id": two,
            "schedule": [window],
            "holidays": ["2026-12-25"],
            "notices": True,
            "expected_by": "08:40:00",
        },
        ZONE | {"schedule": [window | {"on_holidays": "holds", "days": []}]},
    ]
    for zone in zones:
        answer = await admin.post("/safe-zones", json=zone)
        assert answer.status_code == 201, answer.text
        row = (await admin.get(f"/safe-zones/{answer.json()['id']}")).json()
        assert {name: row[name] for name in zone if name != "schedule"} == {
            name: value for name, value in zone.items() if name != "schedule"
        }
        assert row["schedule"][0].items() >= zone["schedule"][0].items()
    moved = (await admin.patch(f"/safe-zones/{row['id']}", json={"district": False, "person_ids": [two]})).json()
    assert (moved["district"], moved["person_ids"]) == (False, [two])
    problem_of(await admin.delete(f"/people/{two}"), 409)
    problem_of(
        await admin.post("/safe-zones", json=OURS | {"person_ids": ["6a1f2f0e-6f6e-5d52-9a0e-5be1e6a9c1d1"]}), 422
    )


async def test_a_corridor_is_a_line_with_a_width_inside_or_beside_the_geometry(admin: httpx.AsyncClient) -> None:
    beside = await admin.post("/safe-zones", json={"name": "Way", "district": True, "geometry": LINE, "width_m": 40})
    assert beside.json()["geometry"] == LINE | {"width_m": 40}
