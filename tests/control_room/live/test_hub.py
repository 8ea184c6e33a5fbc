import asyncio
import json
import struct
from datetime import UTC, datetime

import msgspec
import pytest

from control_room.live import messages
from control_room.live.hub import Watcher
from control_room.live.view import Audience, View
from control_room.panels import Panel, strip
from haechi.errors import TransientError
from tests.control_room.district import CAMERAS, D, incident
from tests.control_room.stand_ins import Made, everyone_of

HERE = everyone_of(D)


async def everything(watcher: Watcher) -> dict[str, dict]:
    texts, _ = await watcher.take()
    return {message["type"]: message for message in map(json.loads, texts)}


async def test_whoever_joins_gets_the_whole_present_at_once() -> None:
    wall = Made()
    wall.world.replace_incidents(await wall.store.recent(D))
    said = await everything(wall.hub.join(HERE))
    assert set(said) == {"strip", "queue", "map", "incident", "tiles", "beat"}
    assert len(said["queue"]["model"]["rows"]) == 8
    assert said["strip"]["component"]["props"]["className"] == "counts"


async def test_a_change_sends_only_the_panels_that_differ_and_raises_the_sequence() -> None:
    wall = Made()
    wall.world.replace_incidents(await wall.store.recent(D))
    watcher = wall.hub.join(HERE)
    first = await everything(watcher)
    (row,) = [i for i in await wall.store.recent(D) if i.id == "i2"]
    wall.world.put_incidents([msgspec.structs.replace(row, owner="desk 2", version=2)])
    wall.hub._tick()
    said = await everything(watcher)
    assert set(said) == {"queue"}
    assert said["queue"]["seq"] > max(m.get("seq", 0) for m in first.values())


async def test_nothing_is_sent_while_nothing_changes() -> None:
    wall = Made()
    watcher = wall.hub.join(HERE)
    await watcher.take()
    wall.hub._tick()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(watcher.take(), 0.05)


async def test_a_slow_socket_skips_states_and_keeps_no_queue() -> None:
    wall = Made()
    watcher = wall.hub.join(HERE)
    now = datetime.now(UTC)
    for n in range(500):
        wall.world.put_incidents([incident(n, "sos", "p2", f"x{n}", "SOS pressed", 1, now)])
        wall.hub._tick()
    texts, _ = await watcher.take()
    assert len(texts) <= 6
    (queue,) = [m for m in map(json.loads, texts) if m["type"] == "queue"]
    assert len(queue["model"]["rows"]) == 60
    assert queue["model"]["more"] == 440


async def test_an_audience_without_rights_here_sees_nothing_of_here() -> None:
    wall = Made()
    wall.world.replace_incidents(await wall.store.recent(D))
    said = await everything(wall.hub.join(everyone_of("elsewhere")))
    assert said["queue"]["model"]["rows"] == []
    assert said["map"]["model"] == {"marks": [], "cameras": [], "sensors": [], "counts": []}
    assert said["tiles"]["model"]["cameras"] == []


async def test_pictures_are_only_of_cameras_that_the_audience_may_see() -> None:
    wall = Made()
    stranger, own = wall.hub.join(everyone_of("elsewhere")), wall.hub.join(HERE)
    for watcher in (stranger, own):
        wall.hub.look_at(watcher, [c.id for c in CAMERAS])
    assert stranger.cameras == frozenset()
    assert own.cameras == {c.id for c in CAMERAS}


async def test_an_auditor_gets_no_pictures_of_cameras() -> None:
    wall = Made()
    auditor = wall.hub.join(Audience(frozenset({D}), frozenset()))
    wall.hub.look_at(auditor, [c.id for c in CAMERAS])
    assert auditor.cameras == frozenset()


async def test_each_frame_is_sent_once_and_a_store_that_is_away_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = Made()
    watcher = wall.hub.join(HERE)
    await watcher.take()
    wall.hub.look_at(watcher, ["c1"])
    monkeypatch.setattr("control_room.live.hub.PICTURES_S", 0)
    taken, away = await wall.live.thumbnail("c1"), False

    async def thumbnail(_: str):
        if away:
            raise TransientError("Redis is away")
        return taken

    monkeypatch.setattr(wall.live, "thumbnail", thumbnail)
    task = asyncio.create_task(wall.hub._send_pictures())
    _, (picture,) = await asyncio.wait_for(watcher.take(), 20)
    length, at = struct.unpack_from(">Bd", picture)
    assert picture[9 : 9 + length] == b"c1"
    assert at == taken.captured_at.timestamp() * 1000
    assert picture[9 + length :] == taken.jpeg
    away = True
    await asyncio.sleep(0.02)
    away = False
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(watcher.take(), 0.05)
    assert not task.done()
    task.cancel()


def test_a_browser_may_ask_for_a_bounded_number_of_pictures_and_for_nothing_else() -> None:
    many = json.dumps({"type": "tiles", "cameras": [str(n) for n in range(100)]})
    assert len(messages.decode_tiles(many)) == messages.TILES_AT_MOST
    for wrong in (
        "{}",
        '{"type":"tiles","cameras":"c1"}',
        '{"type":"open"}',
        "x",
        '{"type":"tiles","cameras":[],"x":1}',
    ):
        with pytest.raises(msgspec.DecodeError):
            messages.decode_tiles(wrong)


async def test_a_panel_that_fails_leaves_the_others_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: View) -> msgspec.Struct:
        raise ZeroDivisionError

    wall = Made()
    wall.hub._panels = [Panel("broken", broken, strip.render), *wall.hub._panels]
    said = await everything(wall.hub.join(HERE))
    assert "queue" in said
    assert "broken" not in said
