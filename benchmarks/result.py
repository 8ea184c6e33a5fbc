"""What a benchmark is asked and what it answers, printed as one JSON line."""

from pathlib import Path

import msgspec


class Options(msgspec.Struct, frozen=True):
    """`quick` is under a minute; `peer` is a path or name of what to compare with, where a benchmark takes one.

    `noise` is another noise table and `seed` another scoring seed, for `geofence_truth`.
    """

    quick: bool = False
    full: bool = False
    peer: Path | None = None
    noise: Path | None = None
    seed: int | None = None


class Peer(msgspec.Struct, frozen=True):
    """Something measured in the same run, or a limit; `ratio` above 1 means that ours is better."""

    name: str
    value: float
    ratio: float


class Result(msgspec.Struct, frozen=True):
    """`ratio` is against the first peer. `more` is what else is worth keeping, by name."""

    name: str
    value: float
    unit: str
    peers: tuple[Peer, ...] = ()
    more: dict[str, float | int | str | list[float] | dict[str, float]] = {}

    @property
    def ratio(self) -> float | None:
        return self.peers[0].ratio if self.peers else None

    def line(self) -> str:
        """One JSON line."""
        front = {"name": self.name, "value": self.value, "unit": self.unit, "ratio": self.ratio, "peers": self.peers}
        return msgspec.json.encode(front | self.more).decode()
