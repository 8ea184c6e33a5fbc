"""The wall: strip, queue, map, incident, tiles. A new panel is one file in `panels/` and one entry here."""

import json
from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from control_room.live.view import View
from control_room.panels import AnyPanel, incident, queue, strip, tiles
from control_room.panels import map as map_panel
from control_room.words import ENGLISH, word

PANELS: tuple[AnyPanel, ...] = (strip.PANEL, queue.PANEL, map_panel.PANEL, incident.PANEL, tiles.PANEL)

KEYS = (
    ("N", "key.n"),
    ("J K ↑ ↓", "key.jk"),
    ("Enter", "key.enter"),
    ("A", "key.a"),
    ("M", "key.m"),
    ("C", "key.c"),
    ("X", "key.x"),
    ("F", "key.f"),
    ("S", "key.s"),
    ("W", "key.w"),
    ("T", "key.t"),
    ("Q", "key.q"),
    ("?", "key.help"),
    ("Esc", "key.esc"),
)


def layout(nothing: View, panels: Sequence[AnyPanel] = PANELS) -> Component:
    """The page before anything is known: frames that say that they load. What is live comes by the socket only.

    So nothing of a district is in what Dash serves to whoever asks for a layout.
    """
    return html.Div(
        [
            html.Header(
                [
                    html.H1(word("product")),
                    html.Div(word("strip.loading"), id="strip"),
                    html.Div(
                        [
                            html.Button(word("sound.off"), id="sound-off", hidden=True, type="button"),
                            html.Span(id="duty"),
                            html.Span(id="clock", role="timer"),
                            html.Button("?", id="help-open", className="tool", type="button", title=word("help.title")),
                        ],
                        id="strip-right",
                    ),
                ],
                id="head",
            ),
            html.Div(id="stale", hidden=True, role="status"),
            *(_frame(panel, nothing) for panel in panels if panel.name != "strip"),
            html.Div(id="urgent-said", className="unseen", role="alert"),
            html.Div(id="said", className="unseen", role="status"),
            html.Div(id="toast", hidden=True),
            html.Dialog(_help(), id="help"),
            html.Dialog(
                [
                    html.Div(id="why-text"),
                    html.Div(html.Button(word("help.close"), id="why-close", type="button"), className="buttons"),
                ],
                id="why",
                **{"aria-label": word("act.why")},
            ),
        ],
        id="wall",
        **{"data-words": json.dumps(dict(ENGLISH), ensure_ascii=False)},
    )


def _frame(panel: AnyPanel, nothing: View) -> Component:
    """A panel's own element; of one that Python draws, the content of an element by its name, which is drawn anew."""
    drawn = panel.render(panel.query(nothing))
    return drawn if panel.live == "paint" else html.Section(drawn, id=panel.name)


def _help() -> list[Component]:
    return [
        html.H2(word("help.title")),
        html.Dl([item for key, meaning in KEYS for item in (html.Dt(key), html.Dd(word(meaning)))]),
        html.P(word("help.more")),
        html.Div(
            [
                html.Button(word("help.keys"), id="set-keys", type="button"),
                html.Button(word("help.theme"), id="set-theme", type="button"),
                html.Button([word("help.size"), " −"], id="set-smaller", type="button"),
                html.Button([word("help.size"), " +"], id="set-larger", type="button"),
                html.Button(word("help.test"), id="set-sound", type="button"),
                html.Button(word("sign-out"), id="sign-out", type="button"),
                html.Button(word("help.close"), id="help-close", type="button"),
            ],
            className="buttons",
        ),
    ]
