"""/api/docs: the OpenAPI description as one plain page, without scripts and without any other server's files."""

from functools import cache
from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import HTMLResponse, JSONResponse, Response

import haechi
from control_room.api.operations import components

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
summary { cursor: pointer; padding: .35rem .5rem; border: 1px solid #8886; border-radius: 6px; margin: .25rem 0 }
summary b { display: inline-block; width: 4.5rem; font-family: ui-monospace, monospace }
code, pre { font-family: ui-monospace, monospace; font-size: 13px }
details > div { padding: .25rem 1rem 1rem }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; vertical-align: top; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid #8883 }
"""
_INTRODUCTION = """
<p>Send <code>Authorization: Bearer TOKEN</code>; <code>haechi token create NAME --role ROLE</code> makes a token.
Errors are <code>application/problem+json</code> (RFC 9457). A change may carry <code>If-Match</code> with the
<code>ETag</code> of what it is based on. Lists answer <code>items</code> and <code>next</code>.
The machine-readable description is <a href="/api/openapi.json">/api/openapi.json</a>.</p>
"""


def add_docs(app: FastAPI) -> None:
    """Adds /api/docs and /api/openapi.json to an app made with `docs_url=None, openapi_url=None`."""

    @cache  # it costs a third of a second and everyone may ask, also who has not signed in
    def description() -> dict[str, Any]:
        """Of the API alone; the wall's own addresses beside it are nobody else's."""
        whole = get_openapi(
            title="Haechi",
            version=haechi.__version__,
            description="Administration API",
            routes=app.routes,
            separate_input_output_schemas=False,
        )
        whole["paths"] = {path: methods for path, methods in whole["paths"].items() if path.startswith("/api/v1/")}
        whole["components"]["schemas"] |= components(app.routes)
        return whole

    @cache
    def description_page() -> str:
        return page(description())

    async def openapi() -> Response:
        return JSONResponse(description())

    async def docs() -> Response:
        return HTMLResponse(description_page(), headers={"Content-Security-Policy": _POLICY})

    app.add_api_route("/api/openapi.json", openapi, include_in_schema=False)
    app.add_api_route("/api/docs", docs, include_in_schema=False)


def page(openapi: dict[str, Any]) -> str:
    """The whole description as HTML."""
    requests = [
        _request(path, method, operation)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = [_schema(name, schema) for name, schema in sorted(openapi["components"]["schemas"].items())]
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(openapi["info"]["title"])} API</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{escape(openapi['info']['title'])} {escape(openapi['info']['version'])}: administration API</h1>"
        f"{_INTRODUCTION}<h2>Requests</h2>{''.join(requests)}<h2>Shapes</h2>{''.join(schemas)}</body></html>"
    )


def _request(path: str, method: str, operation: dict[str, Any]) -> str:
    rows = [
        (f"{one['name']} ({one['in']}{', required' if one.get('required') else ''})", one["schema"], one)
        for one in operation.get("parameters", [])
    ]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    told = f"<p>Body: {_kind(body)}</p>" if body else ""
    refused = [status for status in operation["responses"] if int(status) >= 400]
    answers = "".join(
        f"<p>{status}: {escape(answer['description'])} {' or '.join(_answer_kinds(answer))}</p>"
        for status, answer in operation["responses"].items()
        if status not in refused
    )
    problems = f"<p>{', '.join(refused)}: {_kind({'$ref': '#/Problem'})}</p>" if refused else ""
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> "
        f"{escape(operation.get('summary', ''))}</summary><div>{_table(rows)}{told}{answers}{problems}</div></details>"
    )


def _answer_kinds(answer: dict[str, Any]) -> list[str]:
    return [_kind(content.get("schema")) for content in answer.get("content", {}).values()]


def _schema(name: str, schema: dict[str, Any]) -> str:
    needed = set(schema.get("required", ()))
    rows = [
        (f"{field}{' (required)' if field in needed else ''}", shape, shape)
        for field, shape in schema.get("properties", {}).items()
    ]
    words = escape(schema.get("description", ""))
    return (
        f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f"<div><p>{words}</p>{_table(rows)}</div></details>"
    )


def _table(rows: list[tuple[str, dict[str, Any], dict[str, Any]]]) -> str:
    if not rows:
        return ""
    cells = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{_kind(shape)}</td>"
        f"<td>{escape(source.get('description', ''))}</td></tr>"
        for name, shape, source in rows
    )
    return f"<table>{cells}</table>"


def _kind(shape: dict[str, Any] | None) -> str:
    """A JSON schema in a few words."""
    if not shape:
        return ""
    if "$ref" in shape:
        name = escape(shape["$ref"].rsplit("/", 1)[-1])
        return f'<a href="#{name}">{name}</a>'
    for union in ("anyOf", "oneOf"):
        if union in shape:
            return " or ".join(_kind(one) for one in shape[union])
    if "enum" in shape:
        return " | ".join(f"<code>{escape(str(one))}</code>" for one in shape["enum"])
    if "const" in shape:
        return f"<code>{escape(str(shape['const']))}</code>"
    if shape.get("type") == "array":
        inner = shape.get("items") or {"anyOf": shape.get("prefixItems", [{}])}
        return f"list of {_kind(inner)}"
    bounds = [f"{word} {shape[key]}" for key, word in _BOUNDS if key in shape]
    words = " ".join([str(shape.get("format") or shape.get("type") or "any"), *bounds])
    return escape(words)


_BOUNDS = (
    ("minimum", "from"),
    ("maximum", "to"),
    ("minLength", "at least"),
    ("maxLength", "at most"),
    ("pattern", "like"),
    ("default", "default"),
)
