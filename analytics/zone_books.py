"""The newest book of zones, as the registry is followed."""

from collections.abc import Callable

from analytics.zone_book import ZoneBook
from haechi.domain.people import SafeZone
from haechi.store.following import Change, OnChange
from haechi.store.registry import SAFE_ZONES
from haechi.store.slices import SafeZonesSlice


class Books:
    """`zones` is the slice, opened by `open_slice` with what tells us of a change. The next book is made when it is asked
    for, of what changed since the last."""

    def __init__(self, open_slice: Callable[[OnChange], SafeZonesSlice]) -> None:
        self.zones = open_slice(self._note)
        self._book = ZoneBook((), district_of=self.zones.district_of)
        self._changed: dict[str, SafeZone | None] = {}
        self._people: set[str] = set()

    def newest(self) -> ZoneBook:
        """The book itself where nothing has changed."""
        if self._changed or self._people:
            self._book = self._book.changed(self._changed, self._people)
            self._changed, self._people = {}, set()
        return self._book

    def _note(self, change: Change) -> None:
        """A zone was changed, added or removed; or a person, who may be in another district now."""
        if change.kind == SAFE_ZONES.kind:
            self._changed[change.id] = change.value if isinstance(change.value, SafeZone) else None
        else:
            self._people.add(change.id)
