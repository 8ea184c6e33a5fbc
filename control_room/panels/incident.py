"""The incident on the right: asked for when it is opened (`control_room.details`), because looking is audited."""

import msgspec
from dash import html
from dash.development.base_component import Component

from control_room.live.view import View
from control_room.panels import Panel
from control_room.words import word


class IncidentModel(msgspec.Struct, frozen=True):
    """How many incidents could be opened."""

    open: int


def query(view: View) -> IncidentModel:
    return IncidentModel(len(view.incidents))


def render(_: IncidentModel) -> Component:
    """The frame; `assets/incident.js` fills it."""
    return html.Section(
        [
            html.Div(
                [html.B(word("incident.none")), html.Span(word("incident.none-more"))],
                id="incident-empty",
                className="empty",
            ),
            html.Div(id="incident-body", hidden=True),
        ],
        id="incident",
        **{"aria-label": word("incident")},
    )


PANEL = Panel("incident", query, render)
