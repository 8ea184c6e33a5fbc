"""Whatever a page shows to be sent is sent here, to the API and to the gateway, and is taken."""

import csv
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import httpx
import pytest
import pytest_asyncio

from control_room.importing.rows import COLUMNS, parse
from control_room.importing.sheet import read
from haechi.domain.sensing import OBSERVED_PROPERTIES
from haechi.store.postgres import Pool
from tests.control_room.api.build import GUARDIAN, PERSON
from tests.control_room.api.test_usual_place_routes import HOME, a_night, lived
from tests.docs.pages import PAGES, Example, blocks, documents, examples, page, rows
from tests.ingest.devices.test_traccar import DEVICE, EVENT, POSITION
from tests.ingest.gateway.client import TOKEN, Client
from tests.ingest.test_intake import Room

pytestmark = pytest.mark.asyncio(loop_scope="module")
ALL = [example for name in PAGES for example in examples(name)]
OF_API = [one for one in ALL if one.path.startswith("/api/")]
OF_GATEWAY = [one for one in ALL if not one.path.startswith("/api/")]
AT_GATEWAY = {"DEVICE": "d1", "SENSOR": "s1", "REPORTER": TOKEN, "READER": "r1", "04A2B9C1": "04A2B9"}


def named(one: Example) -> str:
    return f"{one.page} {one.method} {one.path}"


def filled(text: str, names: Mapping[str, str]) -> str:
    """With what stands for something of the reader's own replaced."""
    for name, value in names.items():
        text = text.replace(name, value)
    return text


def template(path: str) -> str:
    """An address without what differs from row to row."""
    return re.sub(r"\{\w+\}|(?<=/)[A-Z]+(?=/|$)", "{}", path.partition("?")[0])


@pytest_asyncio.fixture(loop_scope="module")
async def ours(admin: httpx.AsyncClient, pool: Pool) -> dict[str, str]:
    """A district in which everything that the pages name is there, and what it is called."""
    guardian = (await admin.post("/guardians", json=GUARDIAN)).json()["id"]
    child = PERSON | {"guardian_ids": [guardian]}
    person, another = [(await admin.post("/people", json=child)).json()["id"] for _ in range(2)]
    device = (await admin.post("/devices", json={"person_id": person, "kind": "phone"})).json()["id"]
    await lived(pool, person, 5, HOME)
    await a_night(pool)
    names = {"PERSON": person, "ANOTHER": another, "GUARDIAN": guardian, "DEVICE": device, "{id}": person, "{n}": "1"}
    return names | {"{guardian_id}": guardian}


async def test_the_pages_show_requests_to_both(admin: httpx.AsyncClient) -> None:
    assert len(OF_API) > 20
    assert len(OF_GATEWAY) > 4


@pytest.mark.parametrize("one", OF_API, ids=named)
async def test_an_address_of_the_api_is_served(admin: httpx.AsyncClient, one: Example) -> None:
    paths = (await admin.get("http://wall.test/api/openapi.json")).json()["paths"]
    served = {(method.upper(), template(path)) for path, methods in paths.items() for method in methods}
    assert (one.method, template(one.path)) in served


@pytest.mark.parametrize("one", [one for one in OF_API if one.body], ids=named)
async def test_a_body_for_the_api_is_taken(admin: httpx.AsyncClient, ours: dict[str, str], one: Example) -> None:
    body = filled(one.body or "", ours)
    answer = await admin.request(
        one.method,
        f"http://wall.test{filled(one.path, ours)}",
        content=body,
        headers={"content-type": "application/json"},
    )
    assert answer.status_code in {200, 201, 202}, answer.text


@pytest.mark.parametrize(
    "zone", [body for text in blocks("safe-zones.md", "json") for body in documents(text)], ids=str
)
async def test_a_zone_of_the_page_can_be_drawn(admin: httpx.AsyncClient, ours: dict[str, str], zone: Any) -> None:
    sent = json.loads(filled(json.dumps(zone), ours))
    answer = await admin.post("/safe-zones", json=sent)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["name"], made["person_ids"]) == (sent["name"], sent.get("person_ids", []))


@pytest.mark.parametrize("one", OF_GATEWAY, ids=named)
async def test_a_request_to_the_gateway_is_taken(tmp_path: Path, one: Example) -> None:
    async with Room(tmp_path).open() as room:
        client = Client(room)
        headers = [(field.encode(), filled(value, AT_GATEWAY).encode()) for field, value in one.headers]
        body = filled(one.body or "", AT_GATEWAY).encode()
        status, _, answer = await client.ask(one.method, filled(one.path, AT_GATEWAY), body, headers)
        if one.method == "POST" and not body:
            assert status not in {404, 405}, "it is only named"
            return
        assert status in {200, 201}, answer
        assert b'"status"' not in answer, "nothing of it is refused"


async def test_the_answer_of_the_device_api_is_the_real_one(tmp_path: Path) -> None:
    (shown,) = [documents(block)[0] for block in blocks("device-api.md", "http") if block.startswith("HTTP/")]
    items = [{"device": "d1", "lat": 91, "lon": 127}, {"device": "d1", "lat": 37.5, "lon": 127}]
    async with Room(tmp_path).open() as room:
        _, _, answer = await Client(room).ask("POST", "/v1/positions", json.dumps({"positions": items}).encode())
    assert json.loads(answer) == shown


@pytest.mark.parametrize(
    ("kind", "body"), [("", {"position": POSITION}), ("event.", {"position": POSITION, "event": EVENT})]
)
async def test_a_traccar_server_that_is_set_up_as_the_page_says_is_heard(tmp_path: Path, kind: str, body: Any) -> None:
    (xml,) = blocks("connect-traccar-server.md", "xml")
    entries = {one.get("key"): one.text or "" for one in ET.fromstring(f"<properties>{xml}</properties>")}
    assert entries[f"{kind}forward.type"] == "json"
    field, _, value = entries[f"{kind}forward.header"].partition(": ")
    path = entries[f"{kind}forward.url"].removeprefix("GATEWAY")
    async with Room(tmp_path).open() as room:
        headers = [(field.lower().encode(), filled(value, AT_GATEWAY).encode())]
        status, _, _ = await Client(room).ask("POST", path, json.dumps({"device": DEVICE} | body).encode(), headers)
        assert (status, bool(room.inbox.calls)) == (200, bool(kind))
        assert kind or room.sent


async def test_the_table_of_people_is_read_and_its_columns_are_all_there_are() -> None:
    (text,) = blocks("registry.md", "csv")
    entries, problems = parse(read(text.encode(), "people.csv"), "people.csv", ZoneInfo("Asia/Seoul"))
    assert (len(entries), problems) == (len(list(csv.reader(text.splitlines()))) - 1, [])
    documented = {name for cell in rows("registry.md") for name in re.findall(r"`(\w+)`", cell)}
    assert {re.sub(r"\d", "1", name) for name, _, _ in COLUMNS} <= documented
    korean = page("registry.md")
    assert all(name in korean for _, name, _ in COLUMNS if "2" not in name and "3" not in name and "4" not in name)


async def test_the_table_of_what_a_sensor_measures_is_whole() -> None:
    shown = [line for line in page("connect-a-sensor.md").splitlines() if line.startswith("| `")]
    assert shown[1:] == [
        f"| `{one.name}` | `{one.unit}` | {one.minimum:g} | {one.maximum:g} |" for one in OBSERVED_PROPERTIES
    ]
