import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import pytest_asyncio

from control_room.api import docs
from control_room.api.resources import RESOURCES

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_page_names_every_request_and_loads_nothing_from_anywhere(caller: Callable) -> None:
    anonymous = await caller(None)
    answer = await anonymous.get("http://wall.test/api/docs")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    assert not re.search(r"(src|href)=\"(https?:)?//", answer.text)
    for resource in RESOURCES:
        assert f"/api/v1/{resource.path}" in answer.text
    assert "/api/v1/incidents/{incident_id}/acknowledge" in answer.text


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.path)
async def test_the_description_tells_body_and_answer_of_each_resource(caller: Callable, resource) -> None:
    openapi = (await (await caller(None)).get("http://wall.test/api/openapi.json")).json()
    post = openapi["paths"][f"/api/v1/{resource.path}"]["post"]
    name = post["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]
    assert set(openapi["components"]["schemas"][name]["properties"]) <= set(
        resource.answer_model().model_json_schema()["properties"]
    )
    assert set(openapi["paths"][f"/api/v1/{resource.path}/{{row_id}}"]) == {"get", "patch", "delete"}


async def test_whoever_asks_again_and_again_does_not_make_it_again_and_again(caller: Callable, monkeypatch) -> None:
    anonymous = await caller(None)
    first = (await anonymous.get("http://wall.test/api/openapi.json")).text
    monkeypatch.setattr(docs, "get_openapi", None)  # calling it would fail
    assert (await anonymous.get("http://wall.test/api/openapi.json")).text == first
    assert (await anonymous.get("http://wall.test/api/docs")).status_code == 200


@pytest_asyncio.fixture(loop_scope="module")
async def description(caller: Callable) -> dict[str, Any]:
    return (await (await caller(None)).get("http://wall.test/api/openapi.json")).json()


def operations(description: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(method, path, one) for path, of in description["paths"].items() for method, one in of.items()]


def fields(description: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The named fields of a schema, wherever it is written."""
    if "$ref" in schema:
        schema = description["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    branches = schema.get("anyOf", [])
    return schema.get("properties") or next((found for one in branches if (found := fields(description, one))), {})


async def test_every_request_says_what_it_takes_and_answers_with_field_by_field(description: dict[str, Any]) -> None:
    assert len(operations(description)) > 60
    for method, path, one in operations(description):
        where = f"{method.upper()} {path}"
        assert one["operationId"], where
        assert one["summary"], where
        assert one["tags"], where
        good = {status: answer for status, answer in one["responses"].items() if status < "300"}
        assert len(good) == 1, where
        for status, answer in good.items():
            assert status == "204" or all(
                fields(description, content["schema"]) for content in answer["content"].values()
            ), where
        for content in one.get("requestBody", {}).get("content", {}).values():
            assert fields(description, content["schema"]), where


async def test_every_request_says_how_it_is_refused(description: dict[str, Any]) -> None:
    problem = {"$ref": "#/components/schemas/Problem"}
    assert set(fields(description, problem)) == {"type", "title", "status", "detail", "errors"}
    for method, path, one in operations(description):
        refused = {status: answer["content"] for status, answer in one["responses"].items() if status >= "400"}
        assert all(content == {"application/problem+json": {"schema": problem}} for content in refused.values())
        assert {"401", "403", "404", "422", "503"} <= set(refused), f"{method} {path}"
        assert ("409" in refused) == (method != "get"), f"{method} {path}"
        assert ("400" in refused) == ("{" not in path), f"{method} {path}"
        takes_match = any(parameter["name"] == "If-Match" for parameter in one.get("parameters", []))
        assert ("412" in refused) == takes_match, f"{method} {path}"


async def test_no_two_requests_have_one_name_and_no_reference_leads_nowhere(description: dict[str, Any]) -> None:
    names = [one["operationId"] for _, _, one in operations(description)]
    assert len(set(names)) == len(names)
    schemas = description["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(description))) <= set(schemas)
    assert not [name for name in schemas if not re.fullmatch(r"[A-Z]\w+", name)], "two shapes have one name"
