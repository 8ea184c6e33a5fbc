"""What every device format comes down to, and how its fields are read."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec

from haechi.domain.geo import Point
from haechi.domain.people import UrgentKind
from ingest.refusal import Refused, missing, unreadable, wrong

T = TypeVar("T")

LONGEST_ID = 128
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=1)  # a wrong clock or time zone still reports; beyond, the field itself is wrong
_SECONDS_BELOW = 1e11  # as seconds the year 5138, as milliseconds 1973: what is larger counts milliseconds

# The alarms of OsmAnd and Traccar trackers (Traccar's `Position.ALARM_*`, in lower case) that call for help, the most
# urgent first.
URGENT_ALARMS: dict[str, UrgentKind] = {
    "sos": "sos",
    "falldown": "man-down",
    "man-down": "man-down",
    "removing": "strap-cut",
    "strap-cut": "strap-cut",
    "tampering": "tamper",
    "tamper": "tamper",
    "cancel": "cancel",
}


KeyOf = Callable[[str], str | None]


def no_key(_device: str) -> None:
    """Where nothing that is encrypted is expected."""


class Posted(msgspec.Struct, frozen=True):
    """What a device sent, by whichever road. `user` is the HTTP Basic user, X-Limit-U or the topic's user;
    `key_of` finds the phrase with which a device encrypts.
    """

    query: bytes
    body: bytes
    received_at: datetime
    user: str | None = None
    key_of: KeyOf = no_key


class Report(msgspec.Struct, frozen=True):
    """One message of one device: event time, WGS84, metres, m/s, degrees, percent; None is unknown.

    Only an urgent one may come without its point, or with one of another time than its own (`fixed_at`). `retained` as of
    `haechi.domain.people.UrgentCall`.
    """

    device: str
    at: datetime
    point: Point | None
    accuracy_m: float | None = None
    speed: float | None = None
    course: float | None = None
    battery: float | None = None
    urgent: UrgentKind | None = None
    fixed_at: datetime | None = None
    retained: bool = False


class Goodbye(msgspec.Struct, frozen=True):
    """The broker has lost the device: it was switched off, or is out of reach."""

    device: str


class NoFix(msgspec.Struct, frozen=True):
    """The device speaks and says that it does not know where it is: nothing to keep, but it must be one of ours."""

    device: str


def decoded(decoder: msgspec.json.Decoder[T], body: bytes | msgspec.Raw) -> T:
    """What the JSON holds. Raises Refused where it cannot be read."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(f"The JSON cannot be read: {error}.") from error


class Fields:
    """Reads one report's fields and remembers what was wrong: an SOS goes on without the field, all else is refused."""

    __slots__ = ("_first",)

    def __init__(self) -> None:
        self._first: Refused | None = None

    def refuse_unless(self, urgent: UrgentKind | None) -> None:
        """Raises Refused for the first wrong field, unless the report calls for help."""
        if self._first is not None and urgent is None:
            raise self._first

    def number(self, field: str, value: object, minimum: float, maximum: float, scale: float = 1.0) -> float | None:
        """`value` times `scale`, finite and within the bounds (of the result); None where there is none."""
        if value is None or value == "":
            return None
        number = _float(value)
        if number is None:
            self._wrong(field, "is not a number")
            return None
        if not minimum <= number * scale <= maximum:
            most = f"{maximum / scale:g}"  # in the sender's unit
            self._wrong(
                field,
                f"is {number:g}, "
                + (f"more than {most}" if minimum == -math.inf else f"outside {minimum / scale:g} to {most}"),
            )
            return None
        return number * scale

    def positive(self, field: str, value: object, maximum: float, scale: float = 1.0) -> float | None:
        """As `number` from 0, where devices write something negative for unknown."""
        number = self.number(field, value, -math.inf, maximum, scale)
        return None if number is None or number < 0 else number

    def accuracy(self, field: str, value: object) -> float | None:
        """Metres; 0 is what devices write that do not know it."""
        return self.positive(field, value, 1_000_000) or None

    def point(self, lon: object, lat: object, fields: tuple[str, str] = ("lon", "lat")) -> Point | None:
        """Both coordinates or none; remembered as wrong when one is missing. `fields` are the sender's names of them."""
        east, north = self.number(fields[0], lon, -180, 180), self.number(fields[1], lat, -90, 90)
        if east is None or north is None:
            self._first = self._first or missing(fields[1] if north is None else fields[0])
            return None
        if null_island(east, north):
            self._wrong(fields[1], f"and '{fields[0]}' are 0, which a tracker says that does not know its place")
            return None
        return Point(east, north)

    def time(self, field: str, value: object, received_at: datetime) -> datetime:
        """Seconds, milliseconds or ISO 8601 (without an offset: UTC); what is missing happened when it came."""
        if value is None or value == "":
            return received_at
        at = _instant(value)
        if at is None:
            self._wrong(field, "is neither seconds, milliseconds nor an ISO 8601 time")
            return received_at
        if not _EARLIEST <= at <= received_at + _AHEAD:
            self._wrong(field, f"is {at.isoformat()}, before 2000 or more than a day ahead")
            return received_at
        return at

    def _wrong(self, field: str, words: str) -> None:
        self._first = self._first or wrong(field, words)


def device_of(value: object, field: str = "id") -> str:
    """The id that a device reports under; raises Refused naming the field where there is none that could be."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value:
        raise missing(field)
    if len(value) > LONGEST_ID or not value.isprintable():
        raise wrong(field, f"must be at most {LONGEST_ID} printable characters")
    return value


def urgent_of(value: object) -> UrgentKind | None:
    """The call for help that an alarm field means; any other alarm (low battery, overspeed) is a plain position.

    Traccar writes several alarms with commas between them: the most urgent one counts.
    """
    if not isinstance(value, str) or not value:
        return None
    alarms = {alarm.strip() for alarm in value.lower().split(",")}
    return next((kind for alarm, kind in URGENT_ALARMS.items() if alarm in alarms), None)


def null_island(lon: object, lat: object) -> bool:
    """Whether it is 0/0, in the Gulf of Guinea: what many trackers write while they have no fix."""
    return _float(lon) == 0 and _float(lat) == 0


_NUMBERS = (str, int, float)


def _float(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, _NUMBERS):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _instant(value: object) -> datetime | None:
    try:
        number = _float(value)
        if number is not None:
            return datetime.fromtimestamp(number if abs(number) < _SECONDS_BELOW else number / 1000, UTC)
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
            return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None
