"""The wall's panels, one file each: `query(view)` makes the model, `render(model)` its frame on the page.

How a model reaches the screen: a panel with `live="render"` is drawn by Python, its rendered component is sent when
the model changes; one with `live="paint"` sends the model itself, and `assets/<name>.js` paints it.
"""

from collections.abc import Callable
from typing import Any, Generic, Literal, TypeVar

import msgspec
from dash.development.base_component import Component

from control_room.live.view import View

M = TypeVar("M", bound=msgspec.Struct)


class Panel(msgspec.Struct, Generic[M], frozen=True):
    """One panel of a page."""

    name: str
    query: Callable[[View], M]
    render: Callable[[M], Component]
    live: Literal["render", "paint"] = "paint"


AnyPanel = Panel[Any]  # a page lists panels of different models
