import re
from collections.abc import Callable

import pytest

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
