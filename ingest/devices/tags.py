"""What tag readers at gates and bus stops saw, `POST /v1/tags` (docs/device-api.md): a tag, the reader, the time."""

from datetime import datetime
from typing import Any

import msgspec

from haechi.domain.people import Reader
from ingest.devices.items import read_each
from ingest.devices.report import Fields, Posted, Report, decoded, device_of
from ingest.refusal import Refused


class Sighted(msgspec.Struct, frozen=True):
    """A tag was seen by a reader. `tag` is its number, `reader` the reader's id."""

    reader: str
    tag: str
    at: datetime

    def report(self, reader: Reader) -> Report:
        """The tag was somewhere around the reader."""
        return Report(self.tag, self.at, reader.location, reader.radius_m)


class _Item(msgspec.Struct):
    reader: Any = None
    tag: Any = None
    at: Any = None


class _Batch(msgspec.Struct):
    readings: list[msgspec.Raw] | None = None


_json = msgspec.json.Decoder(_Batch)
_item = msgspec.json.Decoder(_Item)


def parse(posted: Posted) -> list[Sighted | Refused]:
    """Each reading, or why it is none, in their order; a single reading may stand without the list. Raises Refused."""
    items = decoded(_json, posted.body).readings
    if items is None:
        items = [msgspec.Raw(posted.body)]
    return read_each("readings", items, lambda item: _sighted(decoded(_item, item), posted))


def _sighted(item: _Item, posted: Posted) -> Sighted:
    read = Fields()
    sighted = Sighted(
        device_of(item.reader, "reader"), device_of(item.tag, "tag"), read.time("at", item.at, posted.received_at)
    )
    read.refuse_unless(None)
    return sighted
