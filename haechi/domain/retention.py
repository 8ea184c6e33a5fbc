"""How long it is kept where people were: the longest for everyone, shorter ones by kind of person, here or everywhere."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta, tzinfo
from typing import get_args

import msgspec

from haechi.domain.people import PersonKind
from haechi.errors import ConfigError

NIGHT = time(3)


class Shorter(msgspec.Struct, frozen=True):
    """A row of the setting: of a kind of person, in one district or (None) in every one."""

    district: str | None
    kind: PersonKind
    days: int


class Retention(msgspec.Struct, frozen=True):
    """`longest_days` for whoever no row of `shorter` names."""

    longest_days: int
    shorter: tuple[Shorter, ...] = ()

    def days_of(self, district: str, kind: PersonKind) -> int:
        """The district's own row goes before the one for every district."""
        for place in (district, None):
            for row in self.shorter:
                if (row.district, row.kind) == (place, kind):
                    return row.days
        return self.longest_days


def retention_of(longest_days: int, shorter: Iterable[str]) -> Retention:
    """`child=7` and `haneul/elder=14` as the setting has them; ConfigError in words."""
    return Retention(longest_days, tuple(_row(text, longest_days) for text in shorter))


def _row(text: str, longest_days: int) -> Shorter:
    who, equals, number = text.partition("=")
    district, _, kind = who.strip().rpartition("/")
    days = int(number) if number.strip().isdecimal() else 0
    for known in get_args(PersonKind):
        if equals and kind == known and 1 <= days <= longest_days:
            return Shorter(district or None, known, days)
    kinds = ", ".join(get_args(PersonKind))
    raise ConfigError(
        f"trail.shorter: '{text}' is no retention. Write KIND=DAYS or DISTRICT/KIND=DAYS, with {kinds} and at most the "
        f"{longest_days} days of trail.days, such as child=7."
    )


def next_night(now: datetime, zone: tzinfo) -> datetime:
    """Three o'clock, the next time that clocks show it."""
    local = now.astimezone(zone)
    night = datetime.combine(local.date(), NIGHT, zone)
    return night if night > local else datetime.combine(local.date() + timedelta(days=1), NIGHT, zone)
