"""The spool keeps what it was given, in order, through crashes, torn writes and a full disk."""

import asyncio
import os
import struct
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haechi.errors import ConfigError
from haechi.sealing import Sealer, create_key
from ingest.lane import Lane
from ingest.refusal import Refused
from ingest.spool import Spool
from ingest.spool_frames import Body, frame_of
from tests.ingest.waiting import until

KEY = create_key()
A, B = Lane("positions", 0), Lane("urgent", 3)


def opened(folder: Path, *, limit: int = 1 << 20, segment: int = 400, key: str = KEY) -> Spool:
    return Spool(folder, Sealer(key), limit_bytes=limit, segment_bytes=segment)


async def idle(spool: Spool) -> None:
    await until(lambda: spool._committing is None, every=0)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.spool"))


def crash(spool: Spool) -> None:
    """What the kernel does to a process that is killed."""
    os.close(spool._lock)
    if spool._file >= 0:
        os.close(spool._file)


async def drained(spool: Spool, lane: Lane) -> list[bytes]:
    found = []
    while spool.waiting(lane):
        found.append(await spool.first(lane))
        spool.done(lane)
    await idle(spool)
    return found


async def test_records_come_back_in_order_per_lane(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    await asyncio.gather(*(spool.append(lane, b"%d" % n) for n in range(20) for lane in (A, B)))
    assert await drained(spool, B) == [b"%d" % n for n in range(20)]
    assert await drained(spool, A) == [b"%d" % n for n in range(20)]
    await spool.close()


async def test_what_is_delivered_leaves_no_file_behind(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for n in range(50):
        await spool.append(A, b"x" * n)
    assert len(files(tmp_path)) > 5
    await drained(spool, A)
    assert files(tmp_path) == []
    assert spool.size == 0
    await spool.append(A, b"again")
    assert await drained(spool, A) == [b"again"]
    await spool.close()


async def test_nothing_readable_lies_on_the_disk(tmp_path: Path) -> None:
    spool = opened(tmp_path, segment=1 << 20)
    await spool.append(A, b"37.5665 126.9780")
    assert b"37.5665" not in b"".join(path.read_bytes() for path in files(tmp_path))
    await spool.close()


async def filled(spool: Spool, *, urgent: bool) -> None:
    """To the last byte."""
    with pytest.raises(Refused) as refused:
        while True:
            await spool.append(B, b"", urgent=urgent)
    assert refused.value.status == 503


async def test_nobody_is_told_before_the_record_and_the_name_of_its_file_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed leaves its writes to the kernel, a power cut does not: only fsync tells them apart."""
    synced: list[tuple[str, int]] = []
    told: list[bool] = []
    fsync = os.fsync

    def watched(handle: int) -> None:
        told.append(writing.done())
        fsync(handle)
        synced.append((Path(f"/proc/self/fd/{handle}").readlink().name, os.fstat(handle).st_size))

    monkeypatch.setattr(os, "fsync", watched)
    spool = opened(tmp_path)
    for number in range(6):  # three go into a file
        writing = asyncio.create_task(spool.append(A, b"x" * 60))
        await writing
        newest = files(tmp_path)[-1]
        assert synced[-1] == (newest.name, newest.stat().st_size), number
    assert [name for name, _ in synced].count(tmp_path.name) == len(files(tmp_path)) > 1
    assert not any(told)
    await spool.close()


async def test_a_full_spool_refuses_positions_but_keeps_room_for_calls_for_help(tmp_path: Path) -> None:
    spool = opened(tmp_path, limit=8_000)
    with pytest.raises(Refused) as refused:
        await asyncio.gather(*(spool.append(A, b"x" * 100) for _ in range(100)))
    assert (refused.value.status, refused.value.reason) == (503, "spool-full")
    assert refused.value.retry_after_s
    await idle(spool)
    assert spool.full
    await filled(spool, urgent=False)
    for _ in range(3):
        await spool.append(B, b"help", urgent=True)
    with pytest.raises(Refused):
        await spool.append(A, b"")
    await filled(spool, urgent=True)
    assert spool.size <= 8_000
    kept = spool.waiting(A)
    await drained(spool, A)
    await drained(spool, B)
    assert kept > 10
    await spool.append(A, b"y")
    await spool.close()


async def test_a_disk_that_fails_is_said_and_the_next_record_goes_to_a_new_file(tmp_path: Path) -> None:
    spool = opened(tmp_path, segment=1 << 20)
    await spool.append(A, b"one")
    whole, spool._file = spool._file, os.open("/dev/full", os.O_WRONLY)
    os.close(whole)
    with pytest.raises(Refused, match="cannot be written"):
        await spool.append(A, b"two")
    await spool.append(A, b"three")
    crash(spool)
    again = opened(tmp_path)
    assert await drained(again, A) == [b"one", b"three"]
    await again.close()


async def test_another_key_is_refused_at_the_start_and_nothing_is_touched(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    await spool.append(A, b"one")
    await spool.close()
    with pytest.raises(ConfigError, match="start with the key"):
        opened(tmp_path, key=create_key())
    again = opened(tmp_path)
    assert await drained(again, A) == [b"one"]
    await again.close()


async def kept(folder: Path, count: int = 3, segment: int = 1 << 20) -> list[int]:
    """Records "0", "1"… of lane A, and a crash. Where each begins in its file."""
    spool = opened(folder, segment=segment)
    for number in range(count):
        await spool.append(A, b"%d" % number)
    places = [place.offset for place in spool._waiting[A]]
    crash(spool)
    return places


def altered(file: Path, at: int, *, cut: int = 0) -> None:
    """One byte is another one now, or some are gone."""
    data = bytearray(file.read_bytes())
    if cut:
        del data[at : at + cut]
    else:
        data[at] ^= 1
    file.write_bytes(data)


# Of a frame: its length, and the byte of it by which no record is so long; its checksum; the first byte of its body; its content.
LENGTH, FAR, HEAD, BODY, CONTENT = 1, 3, 4, 8, 30


# But for the length of the last one: what seems to lack its end is what a crash leaves.
@pytest.mark.parametrize(
    ("number", "byte"),
    [(n, byte) for n in range(3) for byte in (LENGTH, FAR, HEAD, CONTENT) if (n, byte) != (2, LENGTH)],
)
async def test_an_altered_record_is_told_and_takes_none_of_the_others_along(
    tmp_path: Path, number: int, byte: int
) -> None:
    places = await kept(tmp_path)
    (file,) = files(tmp_path)
    altered(file, places[number] + byte)
    for again in range(2):
        spool = opened(tmp_path)
        damage = await spool.damage()
        assert damage.file == f"{tmp_path.name}/{file.name}"
        assert f"at byte {places[number]}" in damage.words, "also after another start, until somebody was told"
        if not again:
            crash(spool)
    assert await drained(spool, A) == [b"%d" % n for n in range(3) if n != number]
    assert file.exists(), "what nobody was told of stays"
    spool.told()
    await idle(spool)
    assert files(tmp_path) == []
    await spool.close()


async def test_what_lies_behind_missing_bytes_is_found(tmp_path: Path) -> None:
    places = await kept(tmp_path, 6)
    (file,) = files(tmp_path)
    altered(file, places[1] + 20, cut=places[4] - places[1])  # half of the second and half of the fifth are left
    spool = opened(tmp_path)
    assert await drained(spool, A) == [b"0", b"5"]
    assert (await spool.damage()).words.startswith(f"1 place of {tmp_path.name}/{file.name}, at byte {places[1]}")
    await spool.close()


async def test_several_altered_records_of_a_file_are_told_as_one(tmp_path: Path) -> None:
    places = await kept(tmp_path, 6)
    (file,) = files(tmp_path)
    for number in (1, 3):
        altered(file, places[number] + CONTENT)
    spool = opened(tmp_path)
    assert (await spool.damage()).words.startswith(
        f"2 places of {tmp_path.name}/{file.name}, the first at byte {places[1]}"
    )
    spool.told()
    assert await drained(spool, A) == [b"0", b"2", b"4", b"5"]
    assert not spool.damaged
    await spool.close()


async def test_the_end_that_a_crash_has_torn_off_is_cut_and_told_nobody(tmp_path: Path) -> None:
    places = await kept(tmp_path)
    (file,) = files(tmp_path)
    for whole in (file.read_bytes()[: places[2] + 20], file.read_bytes()[: places[2]] + b"\0" * 4096):
        file.write_bytes(whole)
        spool = opened(tmp_path)
        assert not spool.damaged
        assert file.stat().st_size == spool.size == places[2]
        crash(spool)
    again = opened(tmp_path)
    assert await drained(again, A) == [b"0", b"1"]
    await again.close()


async def test_only_the_newest_file_can_have_been_torn_off_by_a_crash(tmp_path: Path) -> None:
    await kept(tmp_path, 2, segment=1)
    older, _ = files(tmp_path)
    older.write_bytes(older.read_bytes()[:-1])
    spool = opened(tmp_path)
    assert (await spool.damage()).file == f"{tmp_path.name}/{older.name}"
    assert await drained(spool, A) == [b"1"]
    await spool.close()


async def test_what_has_a_right_checksum_and_is_no_record_is_told_and_stops_no_start(tmp_path: Path) -> None:
    (_, second) = await kept(tmp_path, 2)
    (file,) = files(tmp_path)
    data, body = file.read_bytes(), b"\x94 no record"
    file.write_bytes(data[:second] + struct.pack("<II", len(body), crc32(body)) + body + data[second:])
    spool = opened(tmp_path)
    assert f"at byte {second}" in (await spool.damage()).words
    assert await drained(spool, A) == [b"0", b"1"]
    await spool.close()


@pytest.mark.parametrize("byte", [HEAD, BODY, CONTENT])
async def test_a_record_that_is_altered_while_it_waits_is_told_and_blocks_no_lane(tmp_path: Path, byte: int) -> None:
    spool = opened(tmp_path, segment=1 << 20)
    for value in (b"one", b"two"):
        await spool.append(A, value)
    (file,) = files(tmp_path)
    altered(file, byte)
    assert await spool.first(A) == b"two"
    spool.done(A)
    assert "A record of positions/0, at byte 0 of " in (await spool.damage()).words
    spool.told()
    await idle(spool)
    assert files(tmp_path) == []
    await spool.close()


async def test_a_file_that_was_cut_off_while_its_records_wait_is_told_and_blocks_no_lane(tmp_path: Path) -> None:
    spool = opened(tmp_path, segment=1)
    for value in (b"one", b"two"):
        await spool.append(A, value)
    first, _ = files(tmp_path)
    os.truncate(first, 4)
    assert await spool.first(A) == b"two"
    assert "A record of positions/0, at byte 0 of " in (await spool.damage()).words
    await spool.close()


async def moved(file: Path, to: Lane) -> None:
    """As somebody writes it who knows the checksum and not the key."""
    body = msgspec.msgpack.decode(file.read_bytes()[8:], type=Body)
    file.write_bytes(frame_of(Body(body.sequence, to.topic, to.partition, body.sealed)))


@pytest.mark.parametrize("to", [B, Lane("positions", 1)], ids=["another topic", "another partition"])
async def test_a_record_that_somebody_moved_to_another_lane_is_not_opened(tmp_path: Path, to: Lane) -> None:
    await kept(tmp_path, 1)
    await moved(files(tmp_path)[0], to)
    with pytest.raises(ConfigError):
        opened(tmp_path)


async def test_where_the_key_opens_another_record_a_moved_one_is_told_of_and_holds_nothing_up(tmp_path: Path) -> None:
    await kept(tmp_path, 2, segment=1)
    await moved(files(tmp_path)[0], B)
    spool = opened(tmp_path)
    assert await drained(spool, A) == [b"1"]
    reading = asyncio.create_task(spool.first(B))
    assert "A record of urgent/3" in (await spool.damage()).words
    reading.cancel()
    await spool.close()


async def test_two_processes_take_two_folders_and_a_third_finds_what_a_dead_one_left(tmp_path: Path) -> None:
    first = Spool.claim(tmp_path, "spool", Sealer(KEY), limit_bytes=1 << 20)
    second = Spool.claim(tmp_path, "spool", Sealer(KEY), limit_bytes=1 << 20)
    assert first.folder != second.folder
    await first.append(A, b"left behind")
    crash(first)
    third = Spool.claim(tmp_path, "spool", Sealer(KEY), limit_bytes=1 << 20)
    assert third.folder == first.folder
    assert await drained(third, A) == [b"left behind"]
    await second.close()
    await third.close()


async def test_what_comes_after_a_start_is_not_delivered_with_what_was_there_before_it(tmp_path: Path) -> None:
    await kept(tmp_path, 2)
    spool = opened(tmp_path)
    await spool.append(A, b"2")
    for _ in range(2):
        await spool.first(A)
        spool.done(A)
    await idle(spool)
    crash(spool)
    again = opened(tmp_path)
    assert await drained(again, A) == [b"2"]
    await again.close()


_operation = st.one_of(
    st.tuples(st.just("append"), st.sampled_from([A, B]), st.binary(max_size=200)),
    st.tuples(st.just("done"), st.sampled_from([A, B]), st.just(b"")),
    st.tuples(st.just("crash"), st.just(A), st.binary(max_size=40)),
    st.tuples(st.just("torn"), st.just(A), st.binary(min_size=1, max_size=60)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_operation, max_size=40))
def test_any_history_of_writes_deliveries_and_crashes_loses_and_doubles_nothing(
    history: list[tuple[str, Lane, bytes]],
) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(_live_through(Path(folder), history))


async def _live_through(folder: Path, history: list[tuple[str, Lane, bytes]]) -> None:
    spool = opened(folder)
    expected: dict[Lane, list[bytes]] = {A: [], B: []}
    for what, lane, data in history:
        if what == "append":
            await spool.append(lane, data)
            expected[lane].append(data)
        elif what == "done" and expected[lane]:
            assert await spool.first(lane) == expected[lane].pop(0)
            spool.done(lane)
            await idle(spool)
        elif what in ("crash", "torn"):
            crash(spool)
            left = files(folder)
            if what == "torn" and left:
                with left[-1].open("ab") as file:
                    file.write(frame_of(Body(10**6, lane.topic, lane.partition, data))[: len(data)])
            spool = opened(folder)
            assert not spool.damaged
    for lane, values in expected.items():
        assert spool.waiting(lane) == len(values)
        assert await drained(spool, lane) == values
    assert files(folder) == []
    await spool.close()


PROGRAM = """
import asyncio, sys
from pathlib import Path
from haechi.sealing import Sealer
from ingest.lane import Lane
from ingest.spool import Spool

async def main():
    spool = Spool(Path(sys.argv[1]), Sealer(sys.argv[2]), limit_bytes=1 << 20)
    for number in range(1000):
        await spool.append(Lane("positions", 0), b"%d" % number)
        print(number, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("failpoint", ["spool.after_write", "spool.after_fsync"])
def test_what_was_said_to_be_kept_survives_kill_9(tmp_path: Path, failpoint: str) -> None:
    log = tmp_path / "failpoints"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "spool"), KEY],
        env=os.environ | {"HAECHI_FAILPOINT": f"{failpoint}=kill@7", "HAECHI_FAILPOINT_LOG": str(log)},
        capture_output=True,
        check=False,
    )
    assert log.read_text().startswith(f"{failpoint} kill 7 ")
    said = [line for line in done.stdout.split() if line]
    assert said == [b"%d" % number for number in range(6)]

    async def left() -> list[bytes]:
        spool = opened(tmp_path / "spool")
        found = await drained(spool, A)
        await spool.close()
        return found

    found = asyncio.run(left())
    assert found[: len(said)] == said
    assert len(found) <= len(said) + 1  # the one under way may be there or not: nobody was told
