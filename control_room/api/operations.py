"""How the API's operations are added: each says once, and the same way, what it takes, answers and refuses.

What a handler returns is what its operation answers: a msgspec Struct, which becomes the body and, by its type, the schema.
A handler that makes its own Response says its schema beside it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import wraps
from inspect import signature, unwrap
from typing import Any, get_args, get_type_hints

import msgspec
from fastapi import APIRouter
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel
from starlette.responses import Response
from starlette.routing import BaseRoute

from control_room.problems import Problem, ProblemResponse

REF = "#/components/schemas/{name}"
Handler = Callable[..., Awaitable[Any]]
Schema = dict[str, Any]  # a JSON schema
# Why an operation answers with a problem, by status; which of them an operation has follows from what it is.
PROBLEMS: Mapping[int, str] = {
    400: "It does not say which district.",
    401: "No token, or one that is not known.",
    403: "The right is missing, or no consent covers it.",
    404: "It is not there, or in a district that is not the caller's.",
    409: "It does not fit what is there now.",
    412: "`If-Match` names another version than the one that is there.",
    422: "A field or parameter is missing or wrong; `errors` names each.",
    503: "A store is away; try again after `Retry-After` seconds.",
}


def add_operation(
    router: APIRouter,
    method: str,
    path: str,
    handler: Handler,
    summary: str,
    *,
    tag: str,
    name: str = "",
    status: int = 200,
    model: type[BaseModel] | None = None,
    schema: Schema | None = None,
    description: str | None = None,
    example: Mapping[str, object] | None = None,
) -> None:
    """Adds a request; `name` (the handler's, unless given) is its operation id. `model` or `schema` describe the answer of a
    handler that makes its own Response."""
    answers = _structs(handler)
    responses: dict[int | str, Any] = {code: _problem(words) for code, words in _refusals(method, path, handler)}
    content: Schema = {_media(one): {"schema": {"$ref": REF.format(name=one.__name__)}} for one in answers}
    if schema is not None:
        content = {"application/json": {"schema": schema}}
    if content:
        responses[status] = {"content": content}
    if example is not None:
        content["application/json"]["example"] = dict(example)
    router.add_api_route(
        path,
        _sending(handler, status) if answers else handler,
        methods=[method],
        name=name or handler.__name__,
        status_code=status,
        response_model=model,
        summary=summary,
        description=description,
        tags=[tag],
        responses=responses,
    )


def components(routes: Sequence[BaseRoute]) -> Schema:
    """The schemas of what the operations answer with, and of a problem, by name."""
    ours = [one for context in iter_route_contexts(routes) if isinstance(one := context.original_route, APIRoute)]
    answers = {answer for one in ours for answer in _structs(unwrap(one.endpoint))}
    ordered = sorted(answers, key=lambda one: one.__name__)
    schemas: Schema = msgspec.json.schema_components(ordered, ref_template=REF)[1]
    problem: Schema = Problem.model_json_schema(ref_template=REF.replace("{name}", "{model}"))
    parts: Schema = problem.pop("$defs")
    return schemas | parts | {Problem.__name__: problem}


def _sending(handler: Handler, status: int) -> Handler:
    @wraps(handler)
    async def sending(*args: Any, **kwargs: Any) -> Response:
        answer = await handler(*args, **kwargs)
        headers = {"Cache-Control": "no-store"}
        return Response(msgspec.json.encode(answer), status, headers, media_type=_media(type(answer)))

    return sending


def _structs(handler: Handler) -> tuple[type[msgspec.Struct], ...]:
    """What it returns, of a union each."""
    returned = get_type_hints(handler).get("return")
    return tuple(
        one for one in get_args(returned) or (returned,) if isinstance(one, type) and issubclass(one, msgspec.Struct)
    )


def _media(answer: type) -> str:
    return getattr(answer, "media_type", "application/json")


def _refusals(method: str, path: str, handler: Handler) -> list[tuple[int, str]]:
    parameters = signature(handler).parameters
    without = {400} if "{" in path else set()
    without |= set() if method != "GET" else {409}
    without |= set() if "if_match" in parameters else {412}
    return [(code, words) for code, words in PROBLEMS.items() if code not in without]


def _problem(words: str) -> Schema:
    shape = {"schema": {"$ref": REF.format(name=Problem.__name__)}}
    return {"description": words, "content": {ProblemResponse.media_type: shape}}
