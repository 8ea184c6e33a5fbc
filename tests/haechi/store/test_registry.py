from datetime import date, time

import msgspec
import pytest

from haechi.domain.geo import Circle, Point, Polygon
from haechi.domain.people import Device, Guardian, Person, SafeZone
from haechi.domain.schedule import Window
from haechi.domain.sensing import Sensor
from haechi.domain.video import Camera, CameraZone
from haechi.errors import Conflict, NotFound, PermanentError
from haechi.ids import new_id
from haechi.sealing import Sealer, create_key
from haechi.store.audit import Audit
from haechi.store.postgres import Pool
from haechi.store.registry import (
    AGENCIES,
    CAMERAS,
    DEVICES,
    GUARDIANS,
    PEOPLE,
    SAFE_ZONES,
    SENSORS,
    Registry,
    Table,
)
from tests.haechi.store.conftest import DISTRICT, POLICE, agency, consent, device, guardian, person

SCHOOL_DAYS = Window("Asia/Seoul", ("mon", "tue"), time(8), time(15, 30))
HERE = Point(126.98, 37.57)
CAMERA = Camera(
    "", "", "Yard", "rtsp://user:secret@10.0.0.1/1", HERE,
    (CameraZone("z", "yard", "forbidden", ((0, 0), (1, 0), (1, 1)), (SCHOOL_DAYS,)),),
)  # fmt: skip


@pytest.mark.parametrize(
    ("table", "value"),
    [
        (GUARDIANS, guardian()),
        (AGENCIES, agency()),
        (PEOPLE, person(consent=consent())),
        (PEOPLE, person()),
        (SAFE_ZONES, SafeZone("", "", None, "School", Circle(HERE, 150), (SCHOOL_DAYS,))),
        (
            SAFE_ZONES,
            SafeZone("", "", None, "Park", Polygon(((HERE, Point(126.99, 37.57), Point(126.99, 37.58), HERE),)), ()),
        ),
        (CAMERAS, CAMERA),
        (SENSORS, Sensor("", "", "Gas 1", "gas", "%[LEL]", HERE)),
    ],
)
async def test_what_was_added_is_read_again_as_it_was(registry: Registry, table: Table, value: msgspec.Struct) -> None:
    added = await registry.add(table, DISTRICT, value)
    assert (await registry.get(table, DISTRICT, added.value.id)).value == added.value
    assert added.value == msgspec.structs.replace(value, id=added.value.id, district=DISTRICT)
    assert added.version == 1
    assert [row.value for row in await registry.list(table, DISTRICT)] == [added.value]


async def test_a_row_of_another_district_does_not_exist(registry: Registry) -> None:
    row = (await registry.add(GUARDIANS, DISTRICT, guardian())).value
    with pytest.raises(NotFound):
        await registry.get(GUARDIANS, "other", row.id)
    with pytest.raises(NotFound):
        await registry.change(GUARDIANS, "other", row.id, row)
    with pytest.raises(NotFound):
        await registry.remove(GUARDIANS, "other", row.id)
    assert await registry.list(GUARDIANS, "other") == []


async def test_what_a_row_refers_to_must_lie_in_its_district(registry: Registry) -> None:
    elsewhere = (await registry.add(GUARDIANS, "other", guardian())).value
    with pytest.raises(NotFound):
        await registry.add(PEOPLE, DISTRICT, person(elsewhere.id))
    with pytest.raises(NotFound):
        await registry.add(DEVICES, DISTRICT, device(new_id()))
    with pytest.raises(NotFound, match="no district"):
        await registry.add(GUARDIANS, "nowhere", guardian())


async def test_a_device_reports_under_an_id_that_nobody_can_guess(registry: Registry) -> None:
    owner = (await registry.add(PEOPLE, DISTRICT, person())).value
    one = (await registry.add(DEVICES, DISTRICT, device(owner.id))).value
    two = (await registry.add(DEVICES, DISTRICT, device(owner.id))).value
    assert isinstance(one, Device)
    assert one.id != two.id
    assert len(one.id) == 26


async def test_each_change_is_a_version_and_an_old_version_is_a_conflict(registry: Registry) -> None:
    row = await registry.add(GUARDIANS, DISTRICT, guardian())
    changed = await registry.change(
        GUARDIANS, DISTRICT, row.value.id, msgspec.structs.replace(row.value, name="Kim"), version=1
    )
    assert (changed.value.name, changed.version) == ("Kim", 2)
    with pytest.raises(Conflict, match="at version 2, not 1"):
        await registry.change(GUARDIANS, DISTRICT, row.value.id, row.value, version=1)


async def test_what_is_removed_is_gone_and_what_is_used_stays(registry: Registry) -> None:
    kim = (await registry.add(GUARDIANS, DISTRICT, guardian())).value
    child = (await registry.add(PEOPLE, DISTRICT, person(kim.id))).value
    with pytest.raises(Conflict, match="used by a person"):
        await registry.remove(GUARDIANS, DISTRICT, kim.id)
    watch = (await registry.add(DEVICES, DISTRICT, device(child.id))).value
    with pytest.raises(Conflict, match="used by a device"):
        await registry.remove(PEOPLE, DISTRICT, child.id)
    await registry.remove(DEVICES, DISTRICT, watch.id)
    await registry.remove(PEOPLE, DISTRICT, child.id)
    await registry.remove(GUARDIANS, DISTRICT, kim.id)
    with pytest.raises(NotFound):
        await registry.get(GUARDIANS, DISTRICT, kim.id)


async def test_a_list_goes_on_after_an_id(registry: Registry) -> None:
    for n in range(5):
        await registry.add(GUARDIANS, DISTRICT, guardian(f"g{n}"))
    seen: list[Guardian] = []
    after = None
    while page := await registry.list(GUARDIANS, DISTRICT, limit=2, after=after):
        seen += [row.value for row in page]
        after = seen[-1].id
    assert sorted(one.name for one in seen) == [f"g{n}" for n in range(5)]


@pytest.mark.parametrize("row_id", ["", "x", "'; DROP TABLE people", "5b2f7f2e-8d0c-4f7e-9a55-0c8a7f6f2a11"])
async def test_an_id_that_is_none_is_not_found(registry: Registry, row_id: str) -> None:
    with pytest.raises(NotFound):
        await registry.get(PEOPLE, DISTRICT, row_id)


async def test_a_webhook_secret_is_told_once_and_kept_sealed(registry: Registry, pool: Pool) -> None:
    added = await registry.add(AGENCIES, DISTRICT, agency())
    assert added.secret is not None
    assert added.secret.startswith("whsec_")
    recipient = msgspec.structs.replace(POLICE, id=added.value.id)
    assert await registry.secret_of(recipient) == added.secret
    stored = await pool.fetchval("SELECT webhook_secret FROM agencies")
    assert added.secret not in stored
    assert (await registry.get(AGENCIES, DISTRICT, added.value.id)).secret is None
    with pytest.raises(NotFound):
        await registry.secret_of(POLICE)


async def test_a_cameras_url_lies_sealed_and_another_key_does_not_open_it(registry: Registry, pool: Pool) -> None:
    added = (await registry.add(CAMERAS, DISTRICT, CAMERA)).value
    assert "secret" not in await pool.fetchval("SELECT url FROM cameras")
    with pytest.raises(PermanentError):
        await Registry(pool, Sealer(create_key())).get(CAMERAS, DISTRICT, added.id)


async def test_a_person_keeps_the_order_of_call(registry: Registry) -> None:
    names = [(await registry.add(GUARDIANS, DISTRICT, guardian(f"g{n}"))).value.id for n in range(3)][::-1]
    child = (await registry.add(PEOPLE, DISTRICT, person(*names))).value
    assert isinstance(child, Person)
    assert child.guardian_ids == tuple(names)
    assert child.born == date(2010, 3, 1)


async def test_every_write_leaves_an_audit_entry_and_no_credential(registry: Registry, pool: Pool) -> None:
    owner = (await registry.add(PEOPLE, DISTRICT, person(), by="kim")).value
    watch = (await registry.add(DEVICES, DISTRICT, device(owner.id), by="kim")).value
    await registry.change(DEVICES, DISTRICT, watch.id, watch, by="lee")
    await registry.remove(DEVICES, DISTRICT, watch.id, by="kim")
    entries = (await Audit(pool).recent(DISTRICT))[::-1]
    assert [(entry.who, entry.what) for entry in entries] == [
        ("kim", "added"), ("kim", "added"), ("lee", "changed"), ("kim", "removed"),
    ]  # fmt: skip
    assert entries[0].subject == f"people:{owner.id}"
    assert watch.id not in str(entries)


async def test_a_write_that_fails_leaves_no_audit_entry(registry: Registry, pool: Pool) -> None:
    with pytest.raises(NotFound):
        await registry.add(PEOPLE, DISTRICT, person(new_id()), by="kim")
    assert await Audit(pool).recent(DISTRICT) == []
