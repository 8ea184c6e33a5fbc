"""One zone of 150,000 is changed: how long the event loop of `analytics.positions` stands still until all eight partitions
have taken it in, against a book made anew."""

import statistics
import time
from collections.abc import Callable
from datetime import timedelta

import msgspec
from prometheus_client import CollectorRegistry

from analytics import agents
from analytics.positions import PositionMetrics
from analytics.zone_book import ZoneBook
from benchmarks.positions_outlook import outlook
from benchmarks.positions_people import BEGIN, EVERY_S, GATEWAY, PEOPLE, stream, zones
from benchmarks.result import Options, Peer, Result
from haechi import topics
from haechi.domain.people import PositionBatch, SafeZone
from haechi.domain.time import Tick


def run(options: Options) -> Result:
    """CPU milliseconds: the median of several changes of one zone, everybody being known."""
    town = Town(zones())
    changed = [town.takes(town.newest.changed) for _ in range(5 if options.quick else 20)]
    anew = [town.takes(town.anew) for _ in range(2)]
    value, peer = statistics.median(changed), statistics.median(anew)
    peers = (Peer("a book of zones made anew", round(peer), round(peer / value, 1)),)
    more: dict[str, float | int | str | list[float] | dict[str, float]] = {"zones": 3 * PEOPLE, "slowest": max(changed)}
    return Result("zone_change", round(value, 1), "ms of CPU until a changed zone holds", peers, more)


class Town:
    """Eight partitions that know everybody, and the newest book of their zones."""

    def __init__(self, them: list[SafeZone]) -> None:
        self.zones = {zone.id: zone for zone in them}
        self.newest = ZoneBook(them)
        view = outlook(lambda: self.newest)
        metrics = PositionMetrics(CollectorRegistry())
        self._partitions = [agents.Positions(view, metrics) for _ in range(topics.PARTITIONS)]
        self._version = 1
        for offset, (partition, message) in enumerate(stream(PEOPLE, PEOPLE, 500)):
            if isinstance(message, PositionBatch):
                self._partitions[partition].apply(offset, message)
        self._tick()

    def takes(self, change: Callable[[dict[str, SafeZone | None]], ZoneBook]) -> float:
        """CPU milliseconds of changing one zone, and of the tick after it."""
        self._version += 1
        zone = msgspec.structs.replace(self.zones[f"home-{self._version * 97:05d}"], version=self._version)
        self.zones[zone.id] = zone
        began = time.process_time()
        self.newest = change({zone.id: zone})
        self._tick()
        return round((time.process_time() - began) * 1000, 1)

    def anew(self, _change: dict[str, SafeZone | None]) -> ZoneBook:
        """The whole book."""
        return ZoneBook(self.zones.values())

    def _tick(self) -> None:
        tick = Tick(GATEWAY, BEGIN + timedelta(seconds=EVERY_S + self._version), spool_empty=True)
        for partition in self._partitions:
            partition.apply(PEOPLE + self._version, tick)
