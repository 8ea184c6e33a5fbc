"""People of a simulated day: where they live, what happens to each, and what must be told of it. No clock, no server.

Times are minutes since the day began. Whatever happens to somebody, the truth is exact: who is not said to leave stays
within 70 m of the middle of a zone of 150 m, whatever their device says.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec
import numpy as np

from haechi.domain.geo import Circle, LocalPlane, Point
from haechi.domain.people import Consent, Device, Person, SafeZone
from haechi.domain.time import instant_of

DISTRICT = "haneul"
CENTRE = Point(126.9227, 37.6186)
PLANE = LocalPlane(CENTRE)
RADIUS_M = 150.0
CADENCE_S = 60
DAY = 24 * 60
AT = 1_709_510_400_000_000  # 4 March 2024, 0:00 UTC: the first minute of the first day, microseconds

Random = np.random.Generator


class Span(NamedTuple):
    """From a minute on, up to but without another."""

    start: int
    end: int

    def has(self, minute: float, slack: float = 0) -> bool:
        return self.start - slack <= minute <= self.end + slack


class Life(msgspec.Struct, frozen=True):
    """What happens to one person.

    `leaves`: they are outside their zone. `presses`: of the button. `off`: the device makes no fixes. `offline`: it
    keeps what it makes, and delivers it at the end, `newest_first` perhaps. `low`: its battery is. `ahead_s`: its clock
    is so far ahead, seconds. `doubled`: it sends everything twice.
    """

    leaves: tuple[Span, ...] = ()
    presses: tuple[int, ...] = ()
    off: tuple[Span, ...] = ()
    offline: tuple[Span, ...] = ()
    newest_first: bool = False
    low: tuple[Span, ...] = ()
    ahead_s: int = 0
    doubled: bool = False


class Someone(msgspec.Struct, frozen=True):
    """A person with one device and one zone; `home` is metres east and north of CENTRE."""

    person: str
    device: str
    home: tuple[float, float]
    life: Life

    @property
    def zone(self) -> str:
        return str(UUID(int=UUID(self.person).int + 1))

    def rows(self) -> tuple[Person, Device, SafeZone]:
        """As the registry has them."""
        lon, lat = PLANE.to_degrees(np.array([self.home[0]]), np.array([self.home[1]]))
        born = instant_of(AT).date().replace(year=1940)
        consent = Consent("Kim Minji", instant_of(AT).replace(year=2020), ("position", "sos"))
        area = Circle(Point(float(lon[0]), float(lat[0])), RADIUS_M)
        return (
            Person(self.person, DISTRICT, f"Person {self.device}", born, "elder", (), consent),
            Device(self.device, DISTRICT, self.person, "watch", CADENCE_S),
            SafeZone(self.zone, DISTRICT, self.person, "home", area, ()),
        )


class Truth(NamedTuple):
    """What must be told, once: the kind, of whom, when it began and when it was over (`ends` None: it is never)."""

    kind: str
    person: str
    begins: Span
    ends: Span | None


def truth_of(someone: Someone) -> list[Truth]:
    """All that must be told of a person; the spans are as wide as the way out and the way home."""
    life, person = someone.life, someone.person
    told = [Truth("zone-exit", person, Span(a, b), Span(b - 15, b + 2)) for a, b in life.leaves]
    told += [Truth("sos", person, Span(at, at + 1), None) for at in life.presses]
    told += [
        Truth("silent", person, Span(a - 2, a + 1), Span(b - 1, b + 2))
        for a, b in (*life.off, *life.offline)
        if b - a > _UNNOTICED
    ]
    told += [Truth("battery-low", person, Span(a - 1, a + 2), Span(b - 1, b + 2)) for a, b in life.low]
    return told


_UNNOTICED = 3  # minutes offline that a cadence of one minute allows
Story = Callable[[Random, Span], Life]


def _some(random: Random, within: Span, least: int = 45, most: int = 75) -> Span:
    """A span of `least` to `most` minutes, well within another."""
    length = int(random.integers(least, most + 1))
    start = int(random.integers(within.start + 20, within.end - length - 20))
    return Span(start, start + length)


def _twice(within: Span) -> tuple[Span, Span]:
    half = (within.start + within.end) // 2
    return Span(within.start, half), Span(half, within.end)


def _while_offline(random: Random, day: Span) -> Life:
    out = _some(random, day)
    return Life(leaves=(out,), offline=(Span(out.start - 7, out.end + 7),), newest_first=True)


def _still_out(random: Random, day: Span) -> Life:
    out = _some(random, day, 60)
    return Life(leaves=(out,), offline=(Span(out.start - 7, out.start + 35),))


STORIES: tuple[Story, ...] = (
    lambda random, day: Life(leaves=(_some(random, day),)),
    lambda random, day: Life(leaves=tuple(_some(random, half) for half in _twice(day))),
    lambda random, day: Life(presses=(_some(random, day).start,)),
    lambda random, day: Life(presses=_some(random, day)),
    lambda random, day: Life(leaves=(out := _some(random, day),), presses=(out.start + 20,)),
    lambda random, day: Life(off=(_some(random, day),)),
    lambda random, day: Life(low=(_some(random, day),)),
    lambda random, day: Life(offline=(Span(at := _some(random, day).start, at + 2), Span(at + 9, at + 11))),
    lambda random, day: Life(offline=(_some(random, day),)),
    _while_offline,
    _still_out,
    lambda random, day: Life(ahead_s=3600),
    lambda random, day: Life(leaves=(_some(random, day),), doubled=True),
)


def settle(count: int, minutes: int = DAY, *, eventful: float = 0.25, seed: int = 1, born: int = 0) -> list[Someone]:
    """`count` people with a life of `minutes`, at least 200; a share of them with one of STORIES, all others calm.

    `born` counts those who were made before, so that nobody has the id of another.
    """
    random = np.random.default_rng([seed, born])
    homes = random.uniform(-2500, 2500, (count, 2)).tolist()
    storied = round(count * eventful)
    lives = [STORIES[n % len(STORIES)](random, Span(0, minutes)) if n < storied else Life() for n in range(count)]
    return [
        Someone(str(UUID(int=(0xDA1 << 100) + (born + n) * 2)), f"watch-{born + n:06d}", (x, y), lives[n])
        for n, (x, y) in enumerate(homes)
    ]


def retold(people: Sequence[Someone], minutes: int = DAY, *, eventful: float = 0.25, seed: int = 2) -> list[Someone]:
    """The same people on another day: what happens, happens to others."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(people)).tolist()
    storied = round(len(people) * eventful)
    lives = {
        who: STORIES[n % len(STORIES)](random, Span(0, minutes)) if n < storied else Life()
        for n, who in enumerate(order)
    }
    return [msgspec.structs.replace(one, life=lives[n]) for n, one in enumerate(people)]
