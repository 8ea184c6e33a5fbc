"""The scenario: read from its file, and compared with what the receivers got. Pure: no clock, no network."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from haechi.errors import ConfigError

FILE = Path(__file__).with_name("scenario.yaml")
TZ = "Asia/Seoul"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Press(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person presses the button."""

    press: str


class Leave(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person walks out of their safe zone (the zone of `zone`), towards a point in metres."""

    leave: str
    zone: str
    towards: tuple[float, float]


class Trespass(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A camera sees somebody where nobody may be."""

    trespass: str


class Reads(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sensor reports a value."""

    sensor: str
    reads: float


Deed = Press | Leave | Trespass | Reads
_DEEDS: tuple[type[Press | Leave | Trespass | Reads], ...] = (Press, Leave, Trespass, Reads)


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The incident, who must be told of it within `within_s` seconds, and who must not."""

    kind: str
    told: tuple[str, ...]
    not_told: tuple[str, ...]
    within_s: float


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that happens, `at_s` seconds into the play."""

    name: str
    at_s: float
    do: dict[str, object]
    expect: Expected

    @property
    def deed(self) -> Deed:
        """What is done; ConfigError where it is nothing that can be."""
        for deed in _DEEDS:
            if deed.__struct_fields__[0] in self.do:
                try:
                    return msgspec.convert(self.do, deed)
                except msgspec.ValidationError as error:
                    raise ConfigError(f"scenario: step '{self.name}': {error}") from error
        raise ConfigError(f"scenario: step '{self.name}': `do` is none of press, leave, trespass, sensor.")


class _File(msgspec.Struct, forbid_unknown_fields=True):
    steps: tuple[Step, ...]


def read(file: Path = FILE) -> tuple[Step, ...]:
    """The steps of a file; ConfigError says what is wrong with it."""
    try:
        steps = msgspec.yaml.decode(file.read_bytes(), type=_File).steps
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(f"{file}: the scenario cannot be read: {error}") from error
    for step in steps:
        _ = step.deed
        both = set(step.expect.told) & set(step.expect.not_told)
        if both:
            raise ConfigError(f"{file}: step '{step.name}': {', '.join(sorted(both))}: told and not told at once.")
    return steps


class Receipt(msgspec.Struct, frozen=True):
    """One webhook as a receiver got it. `ms` is from the event to its arrival; `genuine`: the signature is right."""

    receiver: str
    role: str
    arrived_at: datetime
    genuine: bool
    webhook_id: str
    incident: str
    kind: str
    status: str
    title: str
    starts_at: datetime
    ms: float
    number: int = 0
    link: str | None = None
    reply_to: str | None = None


class Told(msgspec.Struct, frozen=True):
    """A receiver that was told: ms after the event, and after the moment the scenario acted."""

    receiver: str
    ms: float
    ms_since_deed: float


class Outcome(msgspec.Struct, frozen=True):
    """How a step went."""

    incident: str | None
    told: tuple[Told, ...]
    missing: tuple[str, ...]
    late: tuple[str, ...]
    wrongly_told: tuple[str, ...]
    not_genuine: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return self.incident is not None and not (self.missing or self.late or self.wrongly_told or self.not_genuine)


def judge(step: Step, did_at: datetime, receipts: Iterable[Receipt]) -> Outcome:
    """What the receivers got of a step done at `did_at`. Whoever is not in `told` should not have been."""
    expect = step.expect
    earliest = did_at - timedelta(seconds=1)  # a phone's clock may round to the second
    mine = [r for r in receipts if r.kind == expect.kind and r.starts_at >= earliest]
    first: dict[str, Receipt] = {}
    for receipt in mine:
        first.setdefault(receipt.receiver, receipt)
    told = tuple(
        Told(slug, round(r.ms, 1), round((r.arrived_at - did_at).total_seconds() * 1000, 1))
        for slug, r in first.items()
        if slug in expect.told
    )
    return Outcome(
        incident=mine[0].incident if mine else None,
        told=told,
        missing=tuple(slug for slug in expect.told if slug not in first),
        late=tuple(t.receiver for t in told if t.ms_since_deed > expect.within_s * 1000),
        wrongly_told=tuple(slug for slug in first if slug not in expect.told),
        not_genuine=tuple(r.receiver for r in mine if not r.genuine or r.status != "Actual"),
    )


def window_around(now: datetime, minutes: int = 20) -> list[dict[str, object]]:
    """A schedule of the API that holds from a minute ago, for so many minutes, by the district's clock."""
    local = now.astimezone(ZoneInfo(TZ))
    start, end = local - timedelta(minutes=1), local + timedelta(minutes=minutes)
    days = sorted({_DAYS[start.weekday()], _DAYS[end.weekday()]}, key=_DAYS.index)
    return [{"tz": TZ, "days": days, "from": f"{start:%H:%M}", "to": f"{end:%H:%M}"}]
