"""What tag readers at gates and bus stops saw, `POST /v1/tags` (docs/device-api.md): a tag, the reader, the time."""

from datetime import datetime
from typing import Any

import msgspec

from haechi.domain.people import Reader
from ingest.devices.report import Fields, Posted, Report, device_of
from ingest.refusal import Refused, unreadable, wrong

MOST_ITEMS = 1000


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
    try:
        items = _json.decode(posted.body).readings
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(f"The JSON cannot be read: {error}.") from error
    if items is None:
        items = [msgspec.Raw(posted.body)]
    if len(items) > MOST_ITEMS:
        raise wrong("readings", f"holds {len(items)} items; at most {MOST_ITEMS} go into one request")
    return [_read(item, posted) for item in items]


def _read(data: msgspec.Raw, posted: Posted) -> Sighted | Refused:
    try:
        item = _item.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return unreadable(f"The item cannot be read: {error}.")
    read = Fields()
    try:
        sighted = Sighted(
            device_of(item.reader, "reader"), device_of(item.tag, "tag"), read.time("at", item.at, posted.received_at)
        )
        read.refuse_unless(None)
    except Refused as refusal:
        return refusal
    return sighted
