"""The formats in which devices report: one file each, and a row here."""

from collections.abc import Callable

import msgspec

from ingest.devices import osmand, owntracks, traccar
from ingest.devices.report import Goodbye, NoFix, Posted, Report


class DeviceFormat(msgspec.Struct, frozen=True):
    """A format: where it is posted, how it is read (None: understood, nothing in it for us), what it hears back.

    `by_reporter`: a server sends it on behalf of its devices, with its token.
    """

    name: str
    paths: tuple[str, ...]
    methods: tuple[str, ...]
    parse: Callable[[Posted], Report | Goodbye | NoFix | None]
    answer: bytes = b""
    by_reporter: bool = False


FORMATS: tuple[DeviceFormat, ...] = (
    DeviceFormat("osmand", ("/",), ("GET", "POST"), osmand.parse),
    DeviceFormat("owntracks", ("/owntracks", "/owntracks/{user}/{device}"), ("POST",), owntracks.parse, b"[]"),
    DeviceFormat("traccar-position", ("/traccar/positions",), ("POST",), traccar.parse_position, by_reporter=True),
    DeviceFormat("traccar-event", ("/traccar/events",), ("POST",), traccar.parse_event, by_reporter=True),
)
