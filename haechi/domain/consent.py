"""The consent ledger of a person: who gave, withdrew, paused or resumed it, and what holds by it at an instant.

A ledger is only ever added to. What it says is a fold over its entries; the end of a consent or of a pause needs no entry.
(Location Information Act, Korea: articles 18, 24 to 26.)
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from haechi.domain.people import Consent, Guardian, Person, Scope
from haechi.errors import Conflict, PermanentError

OWN_CONSENT_AGE = 14  # younger: a guardian's
WARN_DAYS = (30, 7, 1)  # before it ends
_CIVIL = ZoneInfo("Asia/Seoul")  # where birthdays are counted

EntryKind = Literal["given", "withdrawn", "paused", "resumed"]


class ConsentEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line. `at` is when it was written down, and from then on it counts; `decided_by` is whose word it is.

    given: `scopes`, `starts_at` and perhaps `ends_at`. paused: perhaps `ends_at`. `guardian` is the id of the
    guardian who decided, where it is one who is registered.
    """

    kind: EntryKind
    at: datetime
    decided_by: str
    recorded_by: str
    guardian: str | None = None
    scopes: tuple[Scope, ...] = ()
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    words: str = ""


def step(standing: Consent | None, entry: ConsentEntry) -> Consent | None:
    """What stands after the entry. A new consent replaces the old one; a pause outlasts it until it is resumed."""
    if entry.kind == "given":
        assert entry.starts_at is not None
        paused = standing is not None and standing.paused
        until = standing.paused_until if standing else None
        since = standing.paused_at if standing else None
        return Consent(entry.decided_by, entry.starts_at, entry.scopes, entry.ends_at, paused, until, since)
    if entry.kind == "withdrawn" or standing is None:
        return None
    if entry.kind == "resumed":
        return msgspec.structs.replace(standing, paused=False, paused_until=entry.at)
    since = standing.paused_at if standing.pauses(entry.at) else entry.at
    return msgspec.structs.replace(standing, paused=True, paused_until=entry.ends_at, paused_at=since)


def standing(ledger: Iterable[ConsentEntry]) -> Consent | None:
    """What stands after all entries (in order): from it follows what holds at every later instant."""
    stands = None
    for entry in ledger:
        stands = step(stands, entry)
    return stands


def possible(stands: Consent | None, entry: ConsentEntry) -> None:
    """Whether the entry can follow what stands; Conflict in words where it can't."""
    at = entry.at
    running = stands is not None and not stands.over(at)
    if entry.kind == "given":
        assert entry.starts_at is not None
        if entry.ends_at is not None and entry.ends_at <= max(entry.starts_at, at):
            raise Conflict("This consent is over before it begins to count; give it a later end.")
        if running and stands is not None and stands.given_at <= at < entry.starts_at:
            raise Conflict(
                f"{stands.given_by}'s consent holds now, and a new one replaces it at once. Give the new one from now "
                "on, or wait until the present one has ended."
            )
    elif not running:
        raise Conflict("There is no consent that could be withdrawn, paused or resumed.")
    elif entry.kind == "paused" and entry.ends_at is not None and entry.ends_at <= at:
        raise Conflict("The pause is over before it begins; give it a later end.")
    elif entry.kind == "resumed" and not (stands and stands.pauses(at)):
        raise Conflict("The consent is not paused.")


def age_on(born: date, at: datetime) -> int:
    """Whole years, by the calendar in Seoul."""
    day = at.astimezone(_CIVIL).date()
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


class NoGuardian(PermanentError):  # noqa: N818 - read as "raise NoGuardian(...)", as Conflict is
    """Whose word it is said to be is no guardian of the person."""


def check_linked(name: str, guardian_ids: Collection[str], guardian: str) -> None:
    """That the guardian is one of those of the person of that name; NoGuardian in words."""
    if guardian not in guardian_ids:
        raise NoGuardian(f"Guardian {guardian} is none of {name}'s; link the guardian first.")


def check_giver(person: Person, guardians: Sequence[Guardian], name: str, guardian: str | None, at: datetime) -> None:
    """Who may consent for the person: under 14 a guardian. `guardians` are the person's; NoGuardian in words."""
    if guardian is not None:
        check_linked(person.name, [one.id for one in guardians], guardian)
        return
    known = [one.name for one in guardians]
    if name in known or age_on(person.born, at) >= OWN_CONSENT_AGE:
        return
    raise NoGuardian(
        f"{person.name} is under {OWN_CONSENT_AGE}: a guardian must give the consent, and '{name}' is none of theirs. "
        + (
            f"Registered are {', '.join(known)}."
            if known
            else "Register the guardian first, and link them (guardian_ids) before or together with the consent."
        )
    )


class EndsSoon(msgspec.Struct, frozen=True):
    """That a consent ends in so many days, to be told since an instant that is the same whoever computes it."""

    days: int
    since: datetime


def ends_soon(consent: Consent, at: datetime) -> EndsSoon | None:
    """The newest of `WARN_DAYS` that has begun; none for a consent that is over, or was never that long."""
    if consent.expires_at is None or consent.over(at):
        return None
    begun = (EndsSoon(days, consent.expires_at - timedelta(days=days)) for days in WARN_DAYS)
    return min((one for one in begun if consent.given_at <= one.since <= at), key=lambda one: one.days, default=None)
