"""Each role at each request of the API, out of its own description: nobody passes who has not the right."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, get_args
from urllib.parse import quote, urlencode

import httpx
import msgspec
import pytest

from haechi.domain.access import RIGHTS, Right, Role

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOBODY = "00000000-0000-4000-8000-000000000001"
ROLES: tuple[Role, ...] = get_args(Role)
# What a request needs, the first that fits; its method, and how its path ends or what it holds.
DECLARED: tuple[tuple[str, str, Right], ...] = (
    ("GET", "/audit", "read audit"),
    ("GET", "/looks", "read audit"),
    ("GET", "/erasure", "read audit"),
    ("GET", "/position", "see positions of open incidents"),
    ("GET", "/trail", "see positions of open incidents"),
    ("GET", "/usual-places", "see positions"),
    ("GET", "/export", "write registry"),
    ("GET", "/incidents", "read incidents"),
    ("POST", "/incidents", "handle incidents"),
    ("POST", "/people/{row_id}/test", "handle incidents"),
    ("GET", "", "read registry"),
    ("POST", "", "write registry"),
    ("PATCH", "", "write registry"),
    ("DELETE", "", "write registry"),
)
# Where the description alone does not say what fits.
QUERY = {"from": "2026-11-01T00:00:00Z"}
BODIES: dict[str, object] = {
    "/api/v1/safe-zones": {
        "name": "home",
        "person_id": NOBODY,
        "geometry": {"type": "Point", "coordinates": [127, 37.5], "radius_m": 100},
    },
    "/api/v1/sensors": {"name": "kitchen", "observed_property": "gas", "unit": "%[LEL]", "location": [127, 37.5]},
    "/api/v1/people/{row_id}/consents": {"given_by": "Kim Minji", "scopes": ["position"]},
}


class Operation(msgspec.Struct, frozen=True):
    """One request that the API takes, and what to send so that only a right can be missing."""

    method: str
    path: str
    query: dict[str, str]
    body: object

    @property
    def right(self) -> Right:
        return next(right for method, part, right in DECLARED if method == self.method and part in self.path)

    async def ask(self, client: httpx.AsyncClient, **query: str) -> int:
        path = self.path.replace("{n}", "1").replace("{row_id}", NOBODY).replace("{guardian_id}", NOBODY)
        path = path.replace("{incident_id}", NOBODY)
        answer = await client.request(self.method, f"http://wall.test{path}", params=self.query | query, json=self.body)
        return answer.status_code


def operations(openapi: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in openapi["paths"].items():
        for method, told in methods.items():
            needed = [one for one in told.get("parameters", []) if one["in"] == "query" and one.get("required")]
            query = {one["name"]: QUERY.get(one["name"]) or str(example(one["schema"], openapi)) for one in needed}
            body = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            fits = None if body is None else example(body, openapi)
            yield Operation(method.upper(), path, query, BODIES.get(path, fits) if method == "post" else fits)


def example(shape: dict[str, Any], openapi: dict[str, Any]) -> object:
    """The least that fits a shape."""
    if "$ref" in shape:
        return example(openapi["components"]["schemas"][shape["$ref"].rsplit("/", 1)[-1]], openapi)
    for union in ("oneOf", "anyOf"):
        if union in shape:
            return example(shape[union][0], openapi)
    if "enum" in shape:
        return shape["enum"][0]
    if "const" in shape:
        return shape["const"]
    kind = shape.get("type", "object")
    if kind == "object":
        fields = shape.get("properties", {})
        return {name: example(fields[name], openapi) for name in shape.get("required", ())}
    if kind == "array":
        items = shape.get("prefixItems") or [shape["items"]] * shape.get("minItems", 0)
        return [example(item, openapi) for item in items]
    if kind in ("number", "integer"):
        return 1
    if kind == "boolean":
        return True
    day = "2018-03-01"
    texts = {"date": day, "date-time": f"{day}T00:00:00Z", "uuid": NOBODY}
    return texts.get(shape.get("format", ""), "https://example.org/word")


async def test_whoever_has_not_the_right_is_refused_at_every_request(caller: Callable) -> None:
    anonymous, stranger = await caller(None), await caller("administrator", "other")
    openapi = (await anonymous.get("http://wall.test/api/openapi.json")).json()
    found = list(operations(openapi))
    clients = {role: await caller(role) for role in ROLES}
    wrong = []
    for operation in found:
        asked = {role: await operation.ask(client) for role, client in clients.items()}
        expected = {role: 403 for role in ROLES if operation.right not in RIGHTS[role]}
        refused = {role: status for role, status in asked.items() if status in (401, 403)}
        outside = await operation.ask(stranger, district="haneul"), await operation.ask(anonymous)
        if refused != expected or outside != (404, 401):
            wrong.append(f"{operation.method} {operation.path} ({operation.right}): {asked} {outside}")
    assert not wrong, "\n".join(wrong)
    assert len(found) > 60


HOSTILE = ("a\0b", "\ud800", "=1+1|cmd", "<script>alert(1)</script>", "../../etc/passwd", "x" * 100_000, "\u202eevil")


def with_each_text(body: object, text: str) -> Iterator[object]:
    """The body with one of its texts another."""
    if isinstance(body, dict):
        for name, value in body.items():
            if isinstance(value, str):
                yield body | {name: text}
            else:
                yield from (body | {name: changed} for changed in with_each_text(value, text))


async def test_no_hostile_text_anywhere_is_an_error_of_ours(caller: Callable) -> None:
    admin = await caller("administrator")
    openapi = (await admin.get("http://wall.test/api/openapi.json")).json()
    wrong = []
    for operation in operations(openapi):
        for text in HOSTILE:
            bodies = list(with_each_text(operation.body, text))
            if operation.method == "PATCH":
                bodies = [{"name": text}, {text: text}, {"guardian_ids": [text]}, {"person_id": text}]
            for body in bodies or [operation.body]:
                data = None if body is None else json.dumps(body)
                path = re.sub(r"\{n\}", "1", operation.path)
                for row in (NOBODY, quote(text[:200].encode("utf-8", "surrogatepass"), safe="")):
                    url = "http://wall.test" + re.sub(r"\{\w+\}", lambda _, row=row: row, path)
                    asked = {name: value if name == "from" else text[:100] for name, value in operation.query.items()}
                    query = urlencode({name: value.encode("utf-8", "surrogatepass") for name, value in asked.items()})
                    headers = {"content-type": "application/json"}
                    answer = await admin.request(operation.method, f"{url}?{query}", content=data, headers=headers)
                    if answer.status_code >= 500:
                        wrong.append(
                            f"{operation.method} {operation.path} {text[:20]!r}: {answer.status_code} {data and data[:200]}"
                        )
    assert not wrong, "\n".join(wrong)


async def test_deep_json_and_numbers_that_are_none_are_refused(caller: Callable) -> None:
    admin = await caller("administrator")
    deep = "[" * 100_000 + "]" * 100_000
    for content in (
        deep,
        f'{{"name": {deep}}}',
        f'{{"a": {deep}}}',
        '{"name": NaN}',
        '{"a": 1e999}',
        "\xff\xfe",
        "{" * 500,
    ):
        for method, path in (("POST", "/guardians"), ("PATCH", f"/guardians/{NOBODY}"), ("POST", "/safe-zones")):
            answer = await admin.request(
                method, path, content=content.encode("latin-1"), headers={"content-type": "application/json"}
            )
            assert 400 <= answer.status_code < 500, (method, content[:30], answer.text[:200])
