"""The queue: one row for each incident that still needs a person, the most urgent first."""

from datetime import datetime

import msgspec
from dash import html
from dash.development.base_component import Component

from control_room import describe
from control_room.live.view import View
from control_room.panels import Panel
from control_room.words import word
from haechi.domain.alerting import Status
from haechi.domain.incidents import Incident, IncidentState
from haechi.domain.signatures import in_words

ROWS = 60  # a person works on three at most; more rows cost every update and help nobody


class Row(msgspec.Struct, frozen=True):
    """One incident. `version` and `touched` tell an open panel to ask again."""

    id: str
    number: int
    version: int
    touched: int
    severity: int
    status: Status
    state: IncidentState
    title: str
    who: str
    place: str
    standing: str
    opened_at: datetime
    owner: str | None
    over: bool


class QueueModel(msgspec.Struct, frozen=True):
    """The rows that are sent, and how many less urgent ones are not."""

    rows: tuple[Row, ...]
    more: int


def query(view: View) -> QueueModel:
    """By severity, strangers last, then the newest first; what is beyond the cap is the least of these, and is counted."""
    ordered = sorted(view.incidents, key=lambda i: (*i.rank, -i.opened_at.timestamp()))
    return QueueModel(tuple(_row(i, view) for i in ordered[:ROWS]), max(0, len(ordered) - ROWS))


def _row(incident: Incident, view: View) -> Row:
    return Row(
        id=incident.id,
        number=incident.number,
        version=incident.version,
        touched=view.touched.get(incident.id, 0),
        severity=int(incident.severity),
        status=incident.status,
        state=incident.state,
        title=describe.short_headline(incident, view),
        who=describe.who(incident, view),
        place=describe.where(incident, view),
        standing=describe.standing(incident, view),
        opened_at=incident.opened_at,
        owner=None if incident.owner is None else in_words(incident.owner),
        over=incident.ends_at is not None and not incident.moot,
    )


def render(_: QueueModel) -> Component:
    """The frame; `assets/queue.js` paints the rows."""
    return html.Section(
        [
            html.Button(id="queue-waiting", hidden=True, className="waiting"),
            html.Ul(id="queue-rows"),
            html.Div(word("queue.loading"), id="queue-empty", className="empty"),
            html.Div(id="queue-more", hidden=True),
        ],
        id="queue",
        **{"aria-label": word("queue")},
    )


PANEL = Panel("queue", query, render)
