"""The map: incidents, their subjects' trails and zones, cameras, sensors, and people only as counts of five or more."""

from typing import Literal

import msgspec
from dash import html
from dash.development.base_component import Component

from control_room import describe
from control_room.live.view import Cell, Spot, View
from control_room.panels import Panel
from control_room.words import word
from haechi.domain.geo import Circle, Corridor, Point, Polygon, outline
from haechi.domain.incidents import Incident
from haechi.domain.people import SafeZone


class Mark(msgspec.Struct, frozen=True):
    """An incident's place; `trail` is where its subject was (oldest first), `zone` the rings of its safe zone."""

    id: str
    severity: int
    new: bool
    label: str
    point: Point
    accuracy_m: float | None
    trail: tuple[Point, ...]
    zone: tuple[tuple[Point, ...], ...]
    circle: Circle | None
    zone_name: str
    zone_kind: Literal["safe", "forbidden", "corridor"] = "safe"


class Thing(msgspec.Struct, frozen=True):
    """A camera or a sensor."""

    id: str
    name: str
    point: Point
    live: bool


class MapModel(msgspec.Struct, frozen=True):
    """Everything over the base map."""

    marks: tuple[Mark, ...]
    cameras: tuple[Thing, ...]
    sensors: tuple[Thing, ...]
    counts: tuple[Cell, ...]


def query(view: View) -> MapModel:
    """The worst incident last, so that it is drawn on top."""
    ordered = sorted(view.incidents, key=lambda i: (*i.rank, -i.opened_at.timestamp()), reverse=True)
    marks = (_mark(i, view) for i in ordered)
    return MapModel(
        marks=tuple(mark for mark in marks if mark is not None),
        cameras=tuple(Thing(c.id, c.name, c.location, _live(view, c.id)) for c in view.cameras),
        sensors=tuple(Thing(s.id, s.name, s.location, live=True) for s in view.sensors),
        counts=view.counts,
    )


def _live(view: View, camera: str) -> bool:
    state = view.camera_states.get(camera)
    return state is not None and state.state in ("live", "no model")


def _mark(incident: Incident, view: View) -> Mark | None:
    spots: tuple[Spot, ...] = view.trails.get(incident.id, ())
    camera, sensor = view.camera(incident.subject), view.sensor(incident.subject)
    fixed = camera or sensor
    point = spots[-1].point if spots else incident.point or (fixed.location if fixed else None)
    if point is None:
        return None
    zone = view.zones.get(incident.because.zone or incident.place)
    area = zone.area if zone else None
    return Mark(
        id=incident.id,
        severity=int(incident.severity),
        new=incident.acknowledged_at is None,
        label=" · ".join(filter(None, (describe.short_headline(incident, view), describe.who(incident, view)))),
        point=point,
        accuracy_m=spots[-1].accuracy_m if spots else incident.accuracy_m,
        trail=tuple(spot.point for spot in spots),
        zone=outline(area) if isinstance(area, Polygon | Corridor) else (),
        circle=area if isinstance(area, Circle) else None,
        zone_name=zone.name if zone else "",
        zone_kind=zone_kind(zone),
    )


def zone_kind(zone: SafeZone | None) -> Literal["safe", "forbidden", "corridor"]:
    """How it is drawn: forbidden ones filled within a solid line, corridors finely dotted, others dashed."""
    if zone is not None and zone.kind == "forbidden":
        return "forbidden"
    return "corridor" if zone is not None and isinstance(zone.area, Corridor) else "safe"


def render(_: MapModel) -> Component:
    """The frame; `assets/map.js` draws into the two canvases."""
    button = {"type": "button", "className": "tool"}
    return html.Section(
        [
            html.Canvas(id="map-base", **{"aria-hidden": "true"}),
            html.Canvas(id="map-names", **{"aria-hidden": "true"}),
            html.Canvas(id="map-live", **{"aria-hidden": "true"}),
            html.Div(word("map.loading"), id="map-empty", className="empty"),
            html.Div(
                [
                    html.Button("+", id="map-in", title=word("map.in"), **button),
                    html.Button("−", id="map-out", title=word("map.out"), **button),
                    html.Button("⤢", id="map-fit", title=word("map.fit"), **button),
                ],
                id="map-tools",
            ),
            html.Div([html.Span(word("map.legend")), html.Span(id="map-scale")], id="map-foot"),
        ],
        id="map",
        **{"aria-label": word("map")},
    )


PANEL = Panel("map", query, render)
