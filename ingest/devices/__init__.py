"""The formats in which devices report: one file each, and a row here."""

from collections.abc import Callable

import msgspec

from ingest.devices import osmand, owntracks
from ingest.devices.report import Posted, Report


class DeviceFormat(msgspec.Struct, frozen=True):
    """A format: where it is posted, how it is read (None: understood, nothing in it for us), what it hears back."""

    name: str
    paths: tuple[str, ...]
    methods: tuple[str, ...]
    parse: Callable[[Posted], Report | None]
    answer: bytes = b""


FORMATS: tuple[DeviceFormat, ...] = (
    DeviceFormat("osmand", ("/",), ("GET", "POST"), osmand.parse),
    DeviceFormat("owntracks", ("/owntracks", "/owntracks/{user}/{device}"), ("POST",), owntracks.parse, b"[]"),
)
