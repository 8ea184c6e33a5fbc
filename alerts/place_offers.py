"""Usual places that were learned are offered to the guardians, once each; what they say is on their page."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from haechi.domain.alerting import KINDS, Alert, Because, raised
from haechi.ids import alert_id
from haechi.store.usual_places import Offer

KIND = KINDS["usual-place"]
_ONCE = datetime(1970, 1, 1, tzinfo=UTC)  # the alert of a place is the same whenever it is made


class Places(Protocol):
    """What is asked of `haechi.store.usual_places.UsualPlaces`."""

    async def unoffered(self) -> Sequence[Offer]: ...
    async def offered(self, place_ids: Sequence[str]) -> None: ...


class PlaceRounds:
    """The same places make the same alert, so they are offered once."""

    def __init__(self, places: Places, apply: Callable[[Alert], Awaitable[object]]) -> None:
        self._places = places
        self._apply = apply

    async def once(self) -> None:
        """One message a person, whatever number of places was found."""
        for found in await self._places.unoffered():
            await self._apply(offer_alert(found))
            await self._places.offered(found.place_ids)


def offer_alert(found: Offer) -> Alert:
    """That places wait for a yes or a no; where they are is on the page only, behind its look."""
    because = Because(
        rule="usual-places",
        words="places where they are again and again were learned; none is a safe zone before a guardian's yes",
        values=(("places", float(len(found.place_ids))),),
    )
    place = found.place_ids[0]
    alert = raised(KIND, found.person, place, found.district, found.now, because)
    return msgspec.structs.replace(alert, id=alert_id(KIND.name, found.person, place, _ONCE))
