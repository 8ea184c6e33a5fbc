import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import structlog

from haechi.domain.geo import Circle, Point
from haechi.domain.people import SafeZone
from haechi.domain.video import Camera
from haechi.errors import TransientError
from haechi.ids import shard_of
from haechi.sealing import Sealer, create_key
from haechi.store.consents import Consents, Decision
from haechi.store.following import Change
from haechi.store.postgres import Pool, open_pool
from haechi.store.registry import AGENCIES, CAMERAS, DEVICES, GUARDIANS, PEOPLE, SAFE_ZONES, DeviceEntry, Registry
from haechi.store.slices import (
    CamerasSlice,
    CustodySlice,
    DevicesSlice,
    RecipientsSlice,
    SafeZonesSlice,
    SensorsSlice,
)
from tests.haechi.store.conftest import DISTRICT, agency, consent, device, guardian, person


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_device_is_found_by_its_serial_as_long_as_it_has_it(
    pool: Pool, sealer: Sealer, registry: Registry, follow, tmp_path: Path
) -> None:
    owner = (await registry.add(PEOPLE, DISTRICT, person())).value
    named = msgspec.structs.replace(device(owner.id), serial="04A2B9", encryption_key="mysecreTpass01")
    tag = (await registry.add(DEVICES, DISTRICT, named)).value
    devices = DevicesSlice(pool, sealer, copy=tmp_path / "devices")
    await devices.start()
    found = devices.of_serial("04A2B9")
    assert found is not None
    assert (found.device.id, found.device.encryption_key) == (tag.id, "mysecreTpass01")
    assert b"mysecreTpass01" not in (tmp_path / "devices").read_bytes()
    assert "mysecreTpass01" not in await pool.fetchval("SELECT encryption_key FROM devices")
    follow(devices)
    await registry.change(DEVICES, DISTRICT, tag.id, msgspec.structs.replace(tag, serial="04A2BA"))
    await until(lambda: devices.of_serial("04A2B9") is None and devices.of_serial("04A2BA") is not None)
    await registry.remove(DEVICES, DISTRICT, tag.id)
    await until(lambda: devices.of_serial("04A2BA") is None)


async def test_a_persons_devices_are_known_by_their_shard_as_long_as_they_wear_them(
    pool: Pool, sealer: Sealer, registry: Registry, follow
) -> None:
    child, other = [(await registry.add(PEOPLE, DISTRICT, person())).value.id for _ in range(2)]
    watch, phone = [(await registry.add(DEVICES, DISTRICT, device(child))).value for _ in range(2)]
    devices = DevicesSlice(pool, sealer)
    await devices.start()
    assert devices.wearers(shard_of(child)) == {child: {watch.id, phone.id}}
    follow(devices)
    await registry.change(DEVICES, DISTRICT, phone.id, msgspec.structs.replace(phone, person_id=other))
    await until(lambda: devices.wearers(shard_of(other)).get(other) == {phone.id})
    assert devices.wearers(shard_of(child))[child] == {watch.id}
    await registry.remove(DEVICES, DISTRICT, watch.id)
    await until(lambda: child not in devices.wearers(shard_of(child)))


async def test_a_secret_of_another_data_key_does_not_keep_the_devices_out(
    pool: Pool, sealer: Sealer, registry: Registry
) -> None:
    owner = (await registry.add(PEOPLE, DISTRICT, person())).value
    secret = msgspec.structs.replace(device(owner.id), encryption_key="mysecreTpass01")
    phone = (await registry.add(DEVICES, DISTRICT, secret)).value
    devices = DevicesSlice(pool, Sealer(create_key()))
    await devices.start()
    assert [entry.device for entry in devices.values()] == [msgspec.structs.replace(phone, encryption_key=None)]


@pytest.fixture
async def nowhere(unused_tcp_port: int) -> Pool:
    return await open_pool(f"postgresql://u:p@127.0.0.1:{unused_tcp_port}/x")


@pytest.fixture
def follow(request: pytest.FixtureRequest):
    tasks = []
    yield lambda one: tasks.append(asyncio.ensure_future(one.follow()))
    for task in tasks:
        task.cancel()


async def test_a_slice_follows_what_is_added_changed_and_removed(
    pool: Pool, sealer: Sealer, registry: Registry, follow
) -> None:
    seen: list[Change] = []
    devices = DevicesSlice(pool, sealer, on_change=seen.append)
    await devices.start()
    follow(devices)
    owner = (await registry.add(PEOPLE, DISTRICT, person())).value
    watch = (await registry.add(DEVICES, DISTRICT, device(owner.id))).value
    await until(lambda: devices.get(watch.id) is not None)
    assert devices.values()[0].consent is None
    await registry.change(PEOPLE, DISTRICT, owner.id, msgspec.structs.replace(owner, consent=consent()))
    await until(lambda: devices.values()[0].consent == consent())
    await registry.remove(DEVICES, DISTRICT, watch.id)
    await until(lambda: devices.get(watch.id) is None)
    assert [(change.kind, change.id) for change in seen][-1] == ("devices", watch.id)
    assert seen[-1].value is None
    assert devices.age < 10
    before = devices.reads
    await until(lambda: devices.reads > before)


async def test_a_row_that_commits_late_is_not_skipped(pool: Pool, sealer: Sealer, registry: Registry, follow) -> None:
    late = (await registry.add(GUARDIANS, DISTRICT, guardian("late"))).value
    child = (await registry.add(PEOPLE, DISTRICT, person(late.id))).value
    recipients = RecipientsSlice(pool, sealer)
    await recipients.start()
    follow(recipients)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("UPDATE guardians SET name = 'changed' WHERE id = $1", late.id)
        await registry.add(AGENCIES, DISTRICT, agency())
        await asyncio.sleep(1.5)  # several turns of the feed
        assert recipients.guardians_of(child.id)[0].name == "late"
    await until(lambda: recipients.guardians_of(child.id)[0].name == "changed")
    await until(lambda: len(recipients.agencies(DISTRICT, "police")) == 1)


async def test_a_withdrawn_consent_does_not_wait_for_somebody_elses_long_transaction(
    pool: Pool, sealer: Sealer, registry: Registry, follow
) -> None:
    child = (await registry.add(PEOPLE, DISTRICT, person(consent=consent()))).value
    other = (await registry.add(GUARDIANS, DISTRICT, guardian("other"))).value
    changes: list[Change] = []
    custody = CustodySlice(pool, sealer, on_change=changes.append)
    await custody.start()
    follow(custody)
    now = datetime.now(UTC)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("UPDATE guardians SET name = 'changed' WHERE id = $1", other.id)
        await Consents(pool).withdraw(DISTRICT, child.id, Decision("Kim Minji"), by="admin")
        await until(lambda: custody.refusing([child.id], now) == {child.id})
        seen = len(changes)
        await asyncio.sleep(2.5)  # several turns of the feed
        assert len(changes) == seen, "read again, and told once"


async def test_without_postgresql_a_slice_starts_from_its_copy(
    pool: Pool, sealer: Sealer, registry: Registry, tmp_path: Path, nowhere: Pool
) -> None:
    camera = Camera("", "", "Yard", "rtsp://user:hunter2@10.0.0.1/1", Point(126.98, 37.57))
    added = (await registry.add(CAMERAS, DISTRICT, camera)).value
    copy = tmp_path / "copies" / "cameras"
    await CamerasSlice(pool, sealer, copy=copy).start()
    assert b"hunter2" not in copy.read_bytes()
    assert copy.stat().st_mode & 0o777 == 0o600
    again = CamerasSlice(nowhere, sealer, copy=copy)
    await again.start()
    assert again.values() == [added]
    assert (again.age, again.reads) == (float("inf"), 0)


async def test_started_from_the_copy_a_slice_catches_up_when_postgresql_is_back(
    pool: Pool, sealer: Sealer, registry: Registry, tmp_path: Path, nowhere: Pool, follow
) -> None:
    gone = (await registry.add(GUARDIANS, DISTRICT, guardian("gone"))).value
    child = (await registry.add(PEOPLE, DISTRICT, person(gone.id))).value
    copy = tmp_path / "recipients"
    await RecipientsSlice(pool, sealer, copy=copy).start()
    await registry.change(PEOPLE, DISTRICT, child.id, msgspec.structs.replace(child, guardian_ids=()))
    await registry.remove(GUARDIANS, DISTRICT, gone.id)
    recipients = RecipientsSlice(nowhere, sealer, copy=copy)
    await recipients.start()
    assert [one.name for one in recipients.guardians_of(child.id)] == ["gone"]
    recipients._pool = pool  # the server is back under its address
    follow(recipients)
    await until(lambda: recipients.guardians_of(child.id) == ())
    assert recipients._row("guardians", gone.id) is None, "what was removed meanwhile is gone, too"


async def test_that_the_registry_cannot_be_followed_is_said_once_and_so_is_that_it_can(
    pool: Pool, sealer: Sealer, nowhere: Pool, follow
) -> None:
    sensors = SensorsSlice(pool, sealer)
    await sensors.start()
    with structlog.testing.capture_logs() as log:
        sensors._pool = nowhere
        follow(sensors)
        await until(lambda: bool(log))
        sensors._pool = pool  # the server is back under its address
        await until(lambda: len(log) > 1)
    assert [line["event"] for line in log] == ["the registry cannot be followed", "the registry is followed again"]


async def test_with_neither_postgresql_nor_a_copy_a_slice_does_not_start(
    sealer: Sealer, tmp_path: Path, nowhere: Pool
) -> None:
    with pytest.raises(TransientError, match="PostgreSQL is away"):
        await SensorsSlice(nowhere, sealer, copy=tmp_path / "none").start()


@pytest.mark.parametrize("damage", ["another key", "cut", "not ours"])
async def test_a_damaged_copy_is_no_copy(
    pool: Pool, sealer: Sealer, tmp_path: Path, nowhere: Pool, damage: str
) -> None:
    copy = tmp_path / "sensors"
    await SensorsSlice(pool, Sealer(create_key()) if damage == "another key" else sealer, copy=copy).start()
    if damage == "cut":
        copy.write_bytes(copy.read_bytes()[:-1])
    elif damage == "not ours":
        copy.write_bytes(sealer.seal(b"\x80", b"registry copy"))
    with pytest.raises(TransientError):
        await SensorsSlice(nowhere, sealer, copy=copy).start()


async def test_a_miss_is_read_through_once(pool: Pool, sealer: Sealer, registry: Registry) -> None:
    now = 0.0
    devices = DevicesSlice(pool, sealer, monotonic=lambda: now)
    await devices.start()
    owner = (await registry.add(PEOPLE, DISTRICT, person(consent=consent()))).value
    watch = (await registry.add(DEVICES, DISTRICT, device(owner.id))).value
    entry = await devices.read_through(watch.id)
    assert entry is not None
    assert (entry.device, entry.consent) == (watch, consent())
    assert await devices.read_through("unknown") is None
    devices._pool = None  # asking again would fail
    assert await devices.read_through("unknown") is None
    now = 6.0
    with pytest.raises(AttributeError):
        await devices.read_through("unknown")


async def test_a_miss_while_postgresql_is_away_says_so(sealer: Sealer, nowhere: Pool) -> None:
    with pytest.raises(TransientError):
        await DevicesSlice(nowhere, sealer).read_through("unknown")


async def test_a_device_of_whose_wearer_nothing_is_known_has_no_consent(
    pool: Pool, sealer: Sealer, registry: Registry, follow
) -> None:
    owner = (await registry.add(PEOPLE, DISTRICT, person(consent=consent()))).value
    watch = (await registry.add(DEVICES, DISTRICT, device(owner.id))).value
    devices = DevicesSlice(pool, sealer)
    await devices.start()
    assert devices.values()[0].consent == consent()
    follow(devices)
    await pool.execute("UPDATE people SET deleted_at = clock_timestamp()")
    await until(lambda: devices.values()[0].consent is None)
    late = DevicesSlice(pool, sealer)
    await late.start()
    assert late.get(watch.id) == DeviceEntry(watch, None)


async def test_guardians_come_in_the_order_in_which_they_are_called(
    pool: Pool, sealer: Sealer, registry: Registry, follow
) -> None:
    ids = [(await registry.add(GUARDIANS, DISTRICT, guardian(name))).value.id for name in ("a", "b", "c")]
    order = (ids[1], ids[2], ids[0])
    child = (await registry.add(PEOPLE, DISTRICT, person(*order))).value
    people = RecipientsSlice(pool, sealer)
    await people.start()

    def called() -> tuple[str, ...]:
        return tuple(one.id for one in people.guardians_of(child.id))

    assert called() == order
    follow(people)
    await registry.change(PEOPLE, DISTRICT, child.id, msgspec.structs.replace(child, guardian_ids=order[::-1]))
    await until(lambda: called() == order[::-1])


async def test_whoever_is_read_through_has_their_guardians(pool: Pool, sealer: Sealer, registry: Registry) -> None:
    people = RecipientsSlice(pool, sealer)
    await people.start()
    ids = [(await registry.add(GUARDIANS, DISTRICT, guardian(name))).value.id for name in ("a", "b")]
    child = (await registry.add(PEOPLE, DISTRICT, person(*ids))).value
    await people.read_through(child.id)
    assert [one.id for one in people.guardians_of(child.id)] == ids


async def test_nobody_is_known_before_their_guardians_are(
    pool: Pool, sealer: Sealer, registry: Registry, follow
) -> None:
    people = RecipientsSlice(pool, sealer)
    await people.start()
    mother = (await registry.add(GUARDIANS, DISTRICT, guardian())).value
    child = (await registry.add(PEOPLE, DISTRICT, person(mother.id))).value

    async def guardians_waited_for() -> bool:
        return bool(
            await pool.fetchval("SELECT count(*) FROM pg_locks WHERE relation = 'guardians'::regclass AND NOT granted")
        )

    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE guardians IN ACCESS EXCLUSIVE MODE")
        follow(people)
        async with asyncio.timeout(60):
            while not await guardians_waited_for():
                await asyncio.sleep(0.02)
        assert people.get(child.id) is None
    await until(lambda: people.get(child.id) is not None)
    assert people.guardians_of(child.id) == (mother,)


async def test_a_person_is_held_by_the_own_zones_and_everyones(
    pool: Pool, sealer: Sealer, registry: Registry, follow
) -> None:
    def zone(name: str, owner: str | None) -> SafeZone:
        return SafeZone("", "", owner, name, Circle(Point(126.98, 37.57), 100), ())

    one, two = [(await registry.add(PEOPLE, DISTRICT, person())).value for _ in range(2)]
    home = (await registry.add(SAFE_ZONES, DISTRICT, zone("home", one.id))).value
    await registry.add(SAFE_ZONES, DISTRICT, zone("district", None))
    await registry.add(SAFE_ZONES, "other", zone("elsewhere", None))
    zones = SafeZonesSlice(pool, sealer)
    await zones.start()
    assert {held.name for held in zones.of(one.id)} == {"home", "district"}
    assert {held.name for held in zones.of(two.id)} == {"district"}
    assert zones.of("unknown") == ()
    follow(zones)
    await registry.change(SAFE_ZONES, DISTRICT, home.id, msgspec.structs.replace(home, person_id=two.id))
    await until(lambda: {held.name for held in zones.of(two.id)} == {"home", "district"})
    assert {held.name for held in zones.of(one.id)} == {"district"}
    assert {held.version for held in zones.of(two.id) if held.name == "home"} == {2}


async def test_a_crash_while_a_copy_is_written_leaves_the_old_one(
    pool: Pool, sealer: Sealer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "sensors"
    sensors = SensorsSlice(pool, sealer, copy=copy)
    await sensors.start()
    before = copy.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    await sensors._write_copy()
    assert copy.read_bytes() == before


async def test_a_change_does_not_wait_for_the_disk_that_writes_the_copy_of_the_one_before(
    pool: Pool, sealer: Sealer, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, follow
) -> None:
    devices = DevicesSlice(pool, sealer, copy=tmp_path / "devices")
    await devices.start()
    follow(devices)
    writing, goes_on = threading.Event(), threading.Event()

    def slow(_: int) -> None:
        writing.set()
        goes_on.wait()

    with monkeypatch.context() as disk:
        disk.setattr("os.fsync", slow)
        try:
            owner = (await registry.add(PEOPLE, DISTRICT, person(consent=consent()))).value
            watch = (await registry.add(DEVICES, DISTRICT, device(owner.id))).value
            await until(writing.is_set)
            await registry.remove(DEVICES, DISTRICT, watch.id)
            await until(lambda: devices.get(watch.id) is None)
        finally:
            goes_on.set()

    def is_copied() -> bool:
        again = DevicesSlice(pool, sealer, copy=tmp_path / "devices")
        return again._read_copy() and again.get(watch.id) is None

    await until(is_copied)


async def test_who_refuses_positions_is_known_as_the_ledger_grows(
    pool: Pool, sealer: Sealer, registry: Registry, follow
) -> None:
    consents, mother = Consents(pool), Decision("Kim Minji")
    one = (await registry.add(PEOPLE, DISTRICT, person(consent=consent()))).value.id
    never = (await registry.add(PEOPLE, DISTRICT, person())).value.id
    narrow = msgspec.structs.replace(consent(), scopes=("sos",))
    only_sos = (await registry.add(PEOPLE, DISTRICT, person(consent=narrow))).value.id
    custody = CustodySlice(pool, sealer)
    await custody.start()
    follow(custody)
    now = datetime.now(UTC)

    def refuses(at: datetime = now) -> bool:
        return one in custody.refusing([one, "unknown"], at)

    assert custody.refusing([one, never, only_sos, "unknown"], now) == {never, only_sos}
    until_tomorrow = msgspec.structs.replace(mother, until=now + timedelta(days=1))
    await consents.pause(DISTRICT, one, until_tomorrow, by="clerk")
    await until(refuses)
    assert not refuses(now + timedelta(days=2)), "the pause ends by itself"
    await consents.resume(DISTRICT, one, mother, by="clerk")
    await until(lambda: not refuses())
    before = custody.refusals
    await consents.withdraw(DISTRICT, one, mother, by="clerk")
    await until(refuses)
    assert custody.refusals == before + 1
    await registry.remove(PEOPLE, DISTRICT, one)
    await until(lambda: custody.get(one) is None)
    assert refuses(), "what is still under way of somebody who was removed is nobody's"
