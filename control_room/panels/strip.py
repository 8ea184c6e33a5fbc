"""The status strip: how many of each badge, what is not live, who is on duty, what time it is."""

import msgspec
from dash import html
from dash.development.base_component import Component

from control_room.live.view import View
from control_room.panels import Panel
from control_room.words import counted, word
from haechi.domain.alerting import Severity


class StripModel(msgspec.Struct, frozen=True):
    """Open incidents by severity, and the state of what feeds the wall."""

    open: tuple[int, int, int]
    cameras: int
    cameras_away: int
    devices: int
    sensors: int
    gone: tuple[str, ...] = ()


def query(view: View) -> StripModel:
    """Counts of the moment. A camera that has never told its state is not live."""
    states = (view.camera_states.get(camera.id) for camera in view.cameras)
    away = sum(1 for state in states if state is None or state.state not in ("live", "no model"))
    return StripModel(
        open=(
            sum(i.severity is Severity.LIFE_SAFETY for i in view.incidents),
            sum(i.severity is Severity.URGENT for i in view.incidents),
            sum(i.severity is Severity.ADVISORY for i in view.incidents),
        ),
        cameras=len(view.cameras),
        cameras_away=away,
        devices=view.reporting,
        sensors=len(view.sensors),
        gone=view.gone,
    )


def render(model: StripModel) -> Component:
    """Badge, digit and word each; what is abnormal is said first."""
    badges = [
        html.Span(
            [
                html.Span(str(severity), className=f"badge s{severity} {'' if count else 'none'}"),
                _count(severity, count),
            ],
            className="count" + ("" if count else " none"),
        )
        for severity, count in enumerate(model.open, start=1)
    ]
    gone = [html.Span(word("strip.gone", names=", ".join(model.gone)), className="gone")] if model.gone else []
    return html.Div([*badges, *gone, html.Span(" · ".join(_facts(model)), className="facts")], className="counts")


def _count(severity: int, count: int) -> Component:
    return html.Span(f"{count} {word(f'severity.{severity}')}")


def _facts(model: StripModel) -> list[str]:
    if not model.cameras:
        cameras = word("strip.no-cameras")
    elif model.cameras_away:
        cameras = word("strip.camera-away", n=model.cameras_away, all=model.cameras)
    else:
        cameras = counted("strip.cameras", model.cameras)
    return [cameras, counted("strip.devices", model.devices), counted("strip.sensors", model.sensors)]


PANEL = Panel("strip", query, render, live="render")
