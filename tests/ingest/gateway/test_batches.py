"""Batches, forwarded positions and tag readers, at the level of HTTP."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from haechi.domain import wire
from tests.ingest.devices.test_traccar import DEVICE, EVENT, POSITION
from tests.ingest.gateway.client import FOREIGN, TOKEN, Client
from tests.ingest.test_intake import HERE, NOW, Room

BEARER = [(b"authorization", f"Bearer {TOKEN}".encode())]
ABROAD = [(b"authorization", f"Bearer {FOREIGN}".encode())]
WRONG = [(b"authorization", b"Bearer nobody's")]
IMEI = "359710042436064"


def item(device: str, **more: Any) -> dict[str, Any]:
    return {"device": device, "at": NOW.isoformat(), "lat": HERE.lat, "lon": HERE.lon} | more


async def post(client: Client, path: str, body: object, headers: Any = None) -> tuple[int, Any]:
    status, _, answer = await client.ask("POST", path, json.dumps(body).encode(), headers)
    return status, json.loads(answer) if answer else None


def devices_of(client: Client) -> list[str]:
    batches = [wire.POSITIONS.decode(data) for _, _, data in client.room.sent]
    return sorted(batch.devices[n] for batch in batches for n in batch.device)


def calls_of(client: Client) -> list[Any]:
    return [wire.URGENT.decode(data) for data in client.room.inbox.calls.values()]


async def test_a_batch_is_answered_item_by_item(client: Client) -> None:
    items = [item("d1"), item("d1", lat=91), item("d2"), item("nobody"), item("d1", at="noon"), item("d1", battery=5)]
    status, answer = await post(client, "/v1/positions", {"positions": items})
    assert (status, answer["accepted"]) == (200, 2)
    assert [(one["index"], one["status"], one["reason"], one.get("field")) for one in answer["refused"]] == [
        (1, 422, "wrong-field", "lat"),
        (2, 403, "no-consent", None),
        (3, 403, "unknown-device", "id"),
        (4, 422, "wrong-field", "at"),
    ]
    assert all(one["why"] for one in answer["refused"])
    assert devices_of(client) == ["d1", "d1"]


async def test_a_batch_of_which_nothing_is_accepted_is_no_success(client: Client) -> None:
    status, answer = await post(client, "/v1/positions", {"positions": [item("nobody"), item("d2")]})
    assert (status, answer["accepted"], len(answer["refused"])) == (403, 0, 2)


async def test_calls_for_help_go_first_and_on_both_roads(client: Client) -> None:
    order: list[str] = []
    report = client.room.intake.report

    async def watched(one: Any, *rest: Any) -> None:
        await report(one, *rest)
        order.append(one.urgent or "position")

    client.room.intake.report = watched  # type: ignore[method-assign]
    items = [item("d1", battery=n) for n in range(5)] + [item("d1", alarm="sos")]
    assert (await post(client, "/v1/positions", {"positions": items}))[0] == 200
    assert order == ["sos"] + ["position"] * 5
    assert len(client.room.kafka.records) == len(client.room.inbox.calls) == 1


async def test_a_serial_means_something_only_from_a_reporter_of_the_devices_district(client: Client) -> None:
    batch = {"positions": [item(IMEI)]}
    assert (await post(client, "/v1/positions", batch))[0] == 403
    assert (await post(client, "/v1/positions", batch, ABROAD))[0] == 403
    assert (await post(client, "/v1/positions", batch, BEARER)) == (200, {"accepted": 1, "refused": []})
    assert devices_of(client) == ["w1"]


async def test_a_wrong_token_is_said_and_does_not_stop_a_call_for_help(client: Client) -> None:
    batch = {"positions": [item("d1"), item("d1", alarm="sos")]}
    status, answer = await post(client, "/v1/positions", batch, WRONG)
    assert (status, answer["accepted"]) == (200, 1)
    assert [(one["index"], one["status"]) for one in answer["refused"]] == [(0, 401)]
    assert [call.person for call in calls_of(client)] == ["p1"]


async def test_a_forwarded_position_lands_with_the_device_that_has_the_serial(client: Client) -> None:
    body = {"position": POSITION, "device": DEVICE}
    assert (await post(client, "/traccar/positions", body, BEARER))[0] == 200
    assert devices_of(client) == ["w1"]
    assert (await post(client, "/traccar/positions", body, ABROAD))[0] == 403


async def test_an_alarm_forwarded_twice_is_one_call_of_the_persons_device(client: Client) -> None:
    position = POSITION | {"attributes": {"alarm": "sos"}}
    assert (await post(client, "/traccar/positions", {"position": position, "device": DEVICE}, BEARER))[0] == 200
    event = {"event": EVENT, "position": position, "device": DEVICE}
    assert (await post(client, "/traccar/events", event, BEARER))[0] == 200
    (call,) = calls_of(client)
    assert (call.device, call.person, call.source) == ("w1", "p3", None)


@pytest.mark.parametrize("headers", [None, WRONG])
async def test_without_its_token_a_servers_call_for_help_goes_to_the_duty_desk_and_the_rest_nowhere(
    client: Client, headers: Any
) -> None:
    body = {"position": POSITION, "device": DEVICE}
    assert (await post(client, "/traccar/positions", body, headers))[0] == 401
    event = {"event": EVENT, "position": POSITION, "device": DEVICE}
    assert (await post(client, "/traccar/events", event, headers))[0] == 401
    (call,) = calls_of(client)
    assert (call.person, call.source) == (None, "192.0.2.7")
    assert client.room.sent == []


async def test_a_tag_is_where_the_reader_is(client: Client) -> None:
    reading = {"reader": "r1", "tag": "04A2B9", "at": NOW.isoformat()}
    assert (await post(client, "/v1/tags", reading)) == (200, {"accepted": 1, "refused": []})
    ((_, _, data),) = client.room.sent
    batch = wire.POSITIONS.decode(data)
    assert (batch.devices, batch.lon[0], batch.lat[0], batch.accuracy[0]) == (("t1",), HERE.lon, HERE.lat, 8.0)


async def test_a_reader_speaks_for_tags_only_and_must_be_known(client: Client) -> None:
    readings = [{"reader": "r1", "tag": IMEI}, {"reader": "r1", "tag": "d1"}, {"reader": "r9", "tag": "04A2B9"}]
    status, answer = await post(client, "/v1/tags", {"readings": readings})
    assert (status, [one["reason"] for one in answer["refused"]]) == (403, ["unknown-device"] * 2 + ["unknown-reader"])
    assert client.room.sent == []


async def test_credentials_that_nobody_has_are_looked_up_a_few_at_a_time(client: Client) -> None:
    at_once = most = 0

    async def slow(_: str) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.001)
        at_once -= 1

    client.readers.read_through = slow  # type: ignore[method-assign]
    readings = [{"reader": f"r{n}", "tag": "t"} for n in range(10, 40)]
    assert (await post(client, "/v1/tags", {"readings": readings}))[0] == 403
    assert most == 2


async def test_a_large_body_is_a_reporters_right(client: Client) -> None:
    batch = {"positions": [item("d1") for _ in range(100)]}
    assert (await post(client, "/v1/positions", batch))[0] == 413
    assert (await post(client, "/v1/positions", batch, BEARER)) == (200, {"accepted": 100, "refused": []})
    assert (await post(client, "/v1/positions", batch, WRONG))[0] == 413


async def test_a_flood_of_strangers_calls_is_a_few_calls_a_minute(client: Client) -> None:
    for n in range(50):
        assert (await client.ask("GET", f"/?id=stranger{n % 2}&alarm=sos&timestamp={1772366000 + n}"))[0] == 200
    assert [(call.device, call.source) for call in calls_of(client)] == [
        ("stranger0", "192.0.2.7"),
        ("stranger1", "192.0.2.7"),
    ]
    assert client.room.registry.get_sample_value("haechi_ingest_dropped_total", {"what": "repeated-unknown-call"}) == 48


async def test_trackers_that_a_known_server_speaks_for_are_told_apart_though_nobody_registered_them(
    client: Client,
) -> None:
    items = [item(f"imei{n}", alarm="sos") for n in range(20)]
    assert (await post(client, "/v1/positions", {"positions": items}, BEARER)) == (200, {"accepted": 20, "refused": []})
    assert {call.source for call in calls_of(client)} == {f"192.0.2.7 imei{n}" for n in range(20)}


async def test_while_the_registry_is_away_a_token_in_no_copy_is_not_judged(tmp_path: Path) -> None:
    async with Room(tmp_path, away=True).open() as room:
        client = Client(room)
        client.reporters.rows, client.reporters.away = {}, True
        status, answer = await post(client, "/v1/positions", {"positions": [item("d1")]}, BEARER)
        assert (status, answer["refused"][0]["status"]) == (503, 503)
