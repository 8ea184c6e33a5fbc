"""Requests that hold many items: each is read by itself, and one that is refused takes no other with it."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from ingest.refusal import Refused, wrong

MOST_ITEMS = 1000
T = TypeVar("T")


def read_each(field: str, items: Sequence[msgspec.Raw], read: Callable[[msgspec.Raw], T]) -> list[T | Refused]:
    """Each item as it was read, or why it was not, in their order. Raises Refused where `field` holds too many."""
    if len(items) > MOST_ITEMS:
        raise wrong(field, f"holds {len(items)} items; at most {MOST_ITEMS} go into one request")

    def one(item: msgspec.Raw) -> T | Refused:
        try:
            return read(item)
        except Refused as refusal:
            return refusal

    return [one(item) for item in items]
