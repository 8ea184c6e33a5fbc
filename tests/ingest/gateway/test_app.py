"""The gateway's answers, at the level of HTTP."""

import asyncio
import json
from typing import Any

import pytest

from ingest.gateway.app import Readiness
from ingest.gateway.requests import Body
from ingest.refusal import Refused
from tests.ingest.gateway.client import TOKEN, Client, Headers
from tests.ingest.test_intake import HERE, NOW

LOCATION = json.dumps({"_type": "location", "lat": HERE.lat, "lon": HERE.lon, "tst": int(NOW.timestamp())}).encode()

FORWARDED = json.dumps(
    {
        "position": {"latitude": HERE.lat, "longitude": HERE.lon, "fixTime": NOW.isoformat()},
        "device": {"uniqueId": "d2"},
    }
).encode()


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_osmand_hears_nothing_but_200(client: Client, method: str) -> None:
    status, _, body = await client.ask(method, "/?id=d1&lat=37.5&lon=127.1")
    assert (status, body) == (200, b"")
    assert len(client.room.sent) == 1


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/owntracks", [(b"authorization", b"Basic ZDE6c2VjcmV0")]),
        ("/owntracks", [(b"x-limit-u", b"d1")]),
        ("/owntracks/d1/phone", []),
        ("/owntracks?u=d1&d=phone", []),
    ],
)
async def test_owntracks_hears_an_empty_list_wherever_it_writes_its_id(
    client: Client, path: str, headers: Headers
) -> None:
    status, _, body = await client.ask("POST", path, LOCATION, headers)
    assert (status, body) == (200, b"[]")
    assert len(client.room.sent) == 1


async def test_what_owntracks_says_besides_is_answered_and_counted(client: Client) -> None:
    assert (await client.ask("POST", "/owntracks", b'{"_type": "card"}'))[::2] == (200, b"[]")
    assert client.room.sent == []
    assert client.registry.get_sample_value("haechi_ingest_ignored_total", {"format": "owntracks"}) == 1


async def test_an_observation_is_created_at_a_place_of_its_own(client: Client) -> None:
    body = b'{"Datastream": {"@iot.id": "s1"}, "result": 3}'
    status, headers, _ = await client.ask("POST", "/v1.1/Observations", body)
    assert status == 201
    assert headers[b"location"].startswith(b"/v1.1/Observations(")


@pytest.mark.parametrize(
    ("path", "status", "reason", "field"),
    [
        ("/?id=d1&lat=91&lon=1", 422, "wrong-field", "lat"),
        ("/?lat=1&lon=1", 400, "missing-field", "id"),
        ("/?id=nobody&lat=1&lon=1", 403, "unknown-device", "id"),
    ],
)
async def test_a_refusal_is_a_problem_in_words_and_counted(
    client: Client, path: str, status: int, reason: str, field: str | None
) -> None:
    got, headers, body = await client.ask("GET", path)
    problem = json.loads(body)
    assert (got, headers[b"content-type"]) == (status, b"application/problem+json")
    assert (problem["status"], problem["reason"], problem.get("field")) == (status, reason, field)
    assert client.registry.get_sample_value("haechi_ingest_refused_total", {"reason": reason}) == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "says"),
    [
        ("GET", "/?id=d2&lat=1&lon=1", b"", [], b"No valid consent"),
        ("POST", "/", b"id=d2&timestamp=1772366370", [], b"No valid consent"),
        ("POST", "/owntracks/d2/phone", LOCATION, [], b"[]"),
        (
            "POST",
            "/traccar/positions",
            FORWARDED,
            [(b"authorization", b"Bearer " + TOKEN.encode())],
            b"No valid consent",
        ),
    ],
)
async def test_who_would_send_it_for_ever_may_forget_what_no_consent_covers(
    client: Client, method: str, path: str, body: bytes, headers: Headers, says: bytes
) -> None:
    """Phones send what was refused again, the oldest first: an SOS would stand behind it."""
    status, _, said = await client.ask(method, path, body, headers)
    assert (status, said[: len(says)], client.room.sent) == (200, says, [])
    assert client.registry.get_sample_value("haechi_ingest_refused_total", {"reason": "no-consent"}) == 1


async def test_a_report_without_a_place_hears_that_nothing_of_it_was_kept(client: Client) -> None:
    assert (await client.ask("GET", "/?id=d1"))[::2] == (200, b"It tells no place; nothing was kept.\n")
    assert client.room.sent == []
    assert (await client.ask("GET", "/?id=nobody"))[0] == 403


async def test_an_unknown_devices_sos_is_taken_with_where_it_came_from(client: Client) -> None:
    assert (await client.ask("GET", "/?id=nobody&alarm=sos"))[0] == 200
    assert b"192.0.2.7" in client.room.kafka.values[0]


@pytest.mark.parametrize("chunks", [None, [b"x" * 1500, b"x" * 1500]])
async def test_a_large_body_is_refused_and_not_read_on(client: Client, chunks: list[bytes] | None) -> None:
    status, headers, _ = await client.ask("POST", "/owntracks", b"x" * 2001, chunks=chunks)
    assert (status, headers[b"connection"]) == (413, b"close")


async def test_a_body_in_pieces_is_put_together(client: Client) -> None:
    status, _, _ = await client.ask("POST", "/owntracks/d1/x", chunks=[LOCATION[:10], LOCATION[10:]])
    assert (status, len(client.room.sent)) == (200, 1)


async def test_a_body_that_does_not_come_is_given_up() -> None:
    async def receive() -> Any:
        await asyncio.sleep(60)

    scope = {"headers": [(b"content-length", b"10")]}
    with pytest.raises(Refused) as refused:
        await Body(100, seconds=0.01).read(scope, receive)
    assert refused.value.status == 408


async def test_a_sender_that_hangs_up_is_not_taken_for_an_empty_report() -> None:
    async def receive() -> Any:
        return {"type": "http.disconnect"}

    with pytest.raises(Refused) as refused:
        await Body(100).read({"headers": [(b"content-length", b"10")]}, receive)
    assert refused.value.reason == "broken-off"


async def test_health_is_always_ok_and_readiness_says_what_is_missing(client: Client) -> None:
    assert (await client.ask("GET", "/healthz"))[0] == 200
    assert (await client.ask("GET", "/readyz"))[0] == 200
    client.ready = Readiness(False, False, 0, False)
    status, _, body = await client.ask("GET", "/readyz")
    assert (status, json.loads(body)["registry"]) == (503, False)


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("DELETE", "/", 405)])
async def test_other_roads_do_not_exist(client: Client, method: str, path: str, status: int) -> None:
    assert (await client.ask(method, path))[0] == status
