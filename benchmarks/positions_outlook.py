"""What the watches are given in the benchmarks of positions; apart from the people, so that no peer imports what it does not need."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime

from analytics.agents import Outlook
from analytics.zone_book import ZoneBook
from benchmarks.positions_people import DEVICES, PEOPLE, PERSONS, SHARDS
from haechi.domain.people import Consent, Device
from haechi.store.registry import DeviceEntry


def outlook(book: Callable[[], ZoneBook], people: int = PEOPLE) -> Outlook:
    """As the process is given it. Everyone has consented, so that silence, batteries and arrivals are watched, too."""
    consent = Consent("a guardian", datetime(2026, 1, 1, tzinfo=UTC), ("position",))
    entries: dict[str, DeviceEntry] = {}
    worn: dict[int, dict[str, list[str]]] = defaultdict(dict)
    for device, person, shard in zip(DEVICES[:people], PERSONS, SHARDS.tolist(), strict=False):
        entries[device] = DeviceEntry(Device(device, "haneul", person, "phone"), consent)
        worn[shard][person] = [device]
    return Outlook(book=book, entry_of=entries.get, wearers=lambda shard: worn[shard], district="haneul")
