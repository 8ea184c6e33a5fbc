"""POST, GET, PATCH, DELETE of every resource of the registry: one set of handlers for the whole table."""

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import JsonValue, ValidationError, WithJsonSchema, create_model
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from control_room.api.access import District, Reason, in_any, the_district, the_districts
from control_room.api.errors import guardian_of_field
from control_room.api.operations import add_operation
from control_room.api.resources import Answer, Resource
from control_room.guard import principal_of
from haechi.errors import NotFound
from haechi.store.audit import Audit
from haechi.store.registry import Registry, Row, subject_of

IfMatch = Annotated[
    str | None, Header(alias="If-Match", description='The ETag that the change is based on, such as "3".')
]
Beside = Callable[[Sequence[Row[Any]]], Awaitable[dict[str, Answer]]]


async def nothing_beside(_: Sequence[Row[Any]]) -> dict[str, Answer]:
    """Answers that are the row alone."""
    return {}


def add_resource(
    router: APIRouter, resource: Resource[Any], registry: Registry, audit: Audit, beside: Beside = nothing_beside
) -> None:
    """The five requests of one resource; `beside` finds what an answer says beyond the row."""
    table, kind = resource.table, resource.path
    answer = resource.answer_model()
    answers = create_model(f"{answer.__name__}Page", items=(list[answer], ...), next=(str | None, None))  # type: ignore[valid-type]  # a type made of a value

    async def create(request: Request, body: resource.body, district: District = None) -> Response:  # type: ignore[name-defined]  # FastAPI reads the table's type when it runs
        principal = principal_of(request.scope)
        place = the_district(principal, "write registry", district)
        with _references_in_words():
            row = await registry.add(table, place, body.value(), by=principal.name)
        return await answered(row, made=True)

    async def renew(request: Request, row_id: str, district: District = None) -> Response:
        principal = principal_of(request.scope)
        places = the_districts(principal, "write registry", district)
        row = await in_any(places, lambda place: registry.renew(table, place, row_id, by=principal.name))
        return await answered(row, made=True)

    async def show_all(
        request: Request,
        district: District = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        after: Annotated[str | None, Query(max_length=64, description="`next` of the page before.")] = None,
        reason: Reason = "",
        only: str = Depends(resource.narrowed),
    ) -> Response:
        principal = principal_of(request.scope)
        place = the_district(principal, "read registry", district)
        rows = await registry.list(table, place, limit, after, only)
        if resource.personal and rows:
            await audit.looked(principal.name, [subject_of(table, row.value.id) for row in rows], place, reason)
        more = await beside(rows)
        items: list[JsonValue] = [resource.answer(row) | more.get(row.value.id, {}) for row in rows]
        body: Answer = {"items": items, "next": resource.name(rows[-1]) if len(rows) == limit else None}
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    async def show(request: Request, row_id: str, district: District = None, reason: Reason = "") -> Response:
        principal = principal_of(request.scope)
        places = the_districts(principal, "read registry", district)
        row = await in_any(places, lambda place: registry.get(table, place, row_id))
        if resource.personal:
            await audit.looked(principal.name, [subject_of(table, row_id)], row.value.district, reason)
        return await answered(row)

    async def change(
        request: Request,
        row_id: str,
        patch: Annotated[dict[str, JsonValue], WithJsonSchema(resource.patch_schema())],
        district: District = None,
        if_match: IfMatch = None,
    ) -> Response:
        principal = principal_of(request.scope)
        places = the_districts(principal, "write registry", district)
        row = await in_any(places, lambda place: registry.get(table, place, row_id))
        _check_match(if_match, row)
        try:
            value = resource.patched(row.value, patch)
        except ValidationError as error:
            raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in error.errors()]) from error
        with _references_in_words():
            changed = await registry.change(table, row.value.district, row_id, value, row.version, by=principal.name)
        return await answered(changed)

    async def remove(request: Request, row_id: str, district: District = None, if_match: IfMatch = None) -> Response:
        principal = principal_of(request.scope)
        places = the_districts(principal, "write registry", district)
        row = await in_any(places, lambda place: registry.get(table, place, row_id))
        _check_match(if_match, row)
        await registry.remove(table, row.value.district, row_id, row.version if if_match else None, by=principal.name)
        return Response(status_code=204)

    async def answered(row: Row[Any], *, made: bool = False) -> Response:
        headers = {"ETag": f'"{row.version}"', "Cache-Control": "no-store"}
        headers |= {"Location": f"/api/v1/{kind}/{resource.name(row)}"} if made else {}
        known = await beside([row])
        body = resource.answer(row, made=made) | known.get(row.value.id, {})
        return JSONResponse(body, 201 if made else 200, headers=headers)

    one, a_row = f"/{kind}/{{row_id}}", f"{'an' if resource.one[0] in 'aeiou' else 'a'} {resource.one}"
    name, every = resource.one.replace(" ", "_"), kind.replace("-", "_")
    for method, path, handler, words, called, status, model in (
        ("POST", f"/{kind}", create, f"Add {a_row}", f"add_{name}", 201, answer),
        ("GET", f"/{kind}", show_all, f"List {kind.replace('-', ' ')}", f"list_{every}", 200, answers),
        ("GET", one, show, f"Look at {a_row}", f"get_{name}", 200, answer),
        ("PATCH", one, change, f"Change {a_row}", f"change_{name}", 200, answer),
        ("DELETE", one, remove, f"Remove {a_row}", f"remove_{name}", 204, None),
    ):
        add_operation(router, method, path, handler, words, tag=kind, name=called, status=status, model=model)
    if table.secret_id:
        words, called = f"Give {a_row} a new id; the old one opens nothing any more", f"renew_{name}"
        add_operation(router, "POST", f"{one}/renewal", renew, words, tag=kind, name=called, status=201, model=answer)


@contextmanager
def _references_in_words() -> Iterator[None]:
    """The request's address is right, but what its body refers to is not there: the body is wrong, not the address."""
    try:
        with guardian_of_field("consent", "given_by"):
            yield
    except NotFound as error:
        raise HTTPException(422, f"The body refers to what is not there: {error}") from error


def _check_match(if_match: str | None, row: Row[Any]) -> None:
    """RFC 9110: 412 when the row is no longer the one that the caller has seen."""
    if if_match is None or if_match.strip() == "*":
        return
    if str(row.version) not in re.findall(r'"(\d+)"', if_match):
        raise HTTPException(
            412, f"It is at version {row.version} now, not {if_match}. Look again, then repeat the change."
        )
