"""The camera tiles: which cameras there are and what is known of them. The pictures come as binary messages."""

import msgspec
from dash import html
from dash.development.base_component import Component

from control_room import describe
from control_room.live.view import View
from control_room.panels import Panel
from control_room.words import word
from haechi.domain.geo import Point


class Tile(msgspec.Struct, frozen=True):
    """A camera; `severity` and `alarm` tell of its worst open incident, 0 and "" if there is none."""

    id: str
    name: str
    point: Point
    state: str
    why: str
    severity: int
    alarm: str


class TilesModel(msgspec.Struct, frozen=True):
    """All cameras by name; the browser shows four at a time and says which."""

    cameras: tuple[Tile, ...]


def query(view: View) -> TilesModel:
    worst = {i.subject: i for i in sorted(view.incidents, key=lambda i: -i.severity)}
    tiles = []
    for camera in sorted(view.cameras, key=lambda c: c.name):
        state, incident = view.camera_states.get(camera.id), worst.get(camera.id)
        tiles.append(
            Tile(
                id=camera.id,
                name=camera.name,
                point=camera.location,
                state=state.state if state else "unreachable",
                why=state.why if state else "",
                severity=int(incident.severity) if incident else 0,
                alarm=describe.short_headline(incident, view) if incident else "",
            )
        )
    return TilesModel(tuple(tiles))


def render(_: TilesModel) -> Component:
    """The frame; `assets/tiles.js` draws the pictures."""
    return html.Section(
        [html.Div(word("tiles.loading"), id="tiles-empty", className="empty")],
        id="tiles",
        **{"aria-label": word("tiles")},
    )


PANEL = Panel("tiles", query, render)
