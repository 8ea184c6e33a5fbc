"""The wall's server: Dash on FastAPI, the live socket, the wall's own routes, the API; the guard in front of it all."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import dash
from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from control_room.api import add_docs, add_error_handlers
from control_room.headers import Headers, Squeeze, policy
from control_room.live.view import View
from control_room.pages import wall
from control_room.words import word
from haechi.clock import Clock

_INDEX = """<!DOCTYPE html>
<html lang="en" data-theme="dark">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{%title%}</title>
<link rel="icon" href="/assets/mark.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/wall.css">
{%css%}
</head>
<body>
{%app_entry%}
<footer hidden>{%config%}{%scripts%}{%renderer%}</footer>
<script type="module" src="/assets/wall.js"></script>
</body>
</html>"""
_OWN_POLICY = ("/api/docs",)  # the documentation page brings its own scripts

Guard = Callable[[ASGIApp], ASGIApp]


def make_app(
    *,
    routers: Sequence[APIRouter],
    routes: Sequence[BaseRoute],
    live: Callable[[WebSocket], Awaitable[None]],
    guard: Guard,
    clock: Clock,
) -> ASGIApp:
    """The whole application; its layers are the literal list below, the outermost first."""
    server = FastAPI(title="Haechi", docs_url=None, redoc_url=None, openapi_url=None)
    for router in routers:
        server.include_router(router)
    server.router.routes.extend(routes)
    server.add_api_websocket_route("/live", live)
    add_error_handlers(server)
    add_docs(server)
    page = _dash(server, clock)
    layers: tuple[Callable[[ASGIApp], ASGIApp], ...] = (
        lambda inner: Headers(inner, policy(page.csp_hashes()), skip=_OWN_POLICY),
        guard,
        Squeeze,
    )
    app: ASGIApp = server
    for layer in reversed(layers):
        app = layer(app)
    return app


def _dash(server: FastAPI, clock: Clock) -> dash.Dash:
    page = dash.Dash(
        "control_room",
        server=server,
        assets_folder=str(Path(__file__).parent / "assets"),
        include_assets_files=False,  # our scripts are modules, started by the index
        title=word("product"),
        update_title=None,  # or callbacks blank the count in the title
        index_string=_INDEX,
        compress=False,  # Squeeze does it once
        enable_mcp=False,
        add_log_handler=False,
        use_pages=False,
    )
    page.backend.websocket_capability = False  # its route stays, guarded; but no browser opens a second socket
    page.layout = lambda: wall.layout(View(clock()))
    page.config.suppress_callback_exceptions = True
    page._setup_server()  # noqa: SLF001 - else the first request does it, and callbacks are unknown until then
    return page
