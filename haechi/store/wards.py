"""What an incident must know of its subject: whose device called, whether a consent covers a call, and who is barred."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from haechi.domain.alerting import CALLS, STRANGER, WITHOUT_CONSENT, Alert, urgent_alert
from haechi.domain.deliveries import Recipient
from haechi.domain.people import Consent
from haechi.ids import is_uuid
from haechi.store.audit import write_entry
from haechi.store.bars import barred_from

ALL_THE_SAME = "a call for help is processed all the same"
NO_CONSENT = f"no valid consent; {ALL_THE_SAME}"
NOBODYS = f"from a device that nobody registered; {ALL_THE_SAME}"


# A serial is no credential: it names a device only where a server or reader of the device's district has said it.
_DEVICE = """
SELECT id, person_id::text AS person, district FROM devices
WHERE deleted_at IS NULL AND (($2 AND district = $3 AND serial = $1) OR (id = $1 AND (NOT $2 OR district = $3)))
ORDER BY serial = $1 DESC NULLS LAST LIMIT 1
"""


class Ward(msgspec.Struct, frozen=True):
    """The subject of an alert, as far as it is a person (`known`: one of ours)."""

    consent: Consent | None = None
    barred: frozenset[str] = frozenset()
    known: bool = False

    def hidden(self, alert: Alert, at: datetime) -> bool:
        """Whether no guardian may be told of it any more: it says where somebody is, and was decided before the consent
        ended."""
        told_anyhow = alert.kind in WITHOUT_CONSENT or alert.status != "Actual"
        return self.known and not told_anyhow and not (self.consent and self.consent.allows("position", at))

    def tellable(self, recipients: Sequence[Recipient]) -> list[Recipient]:
        """Without the guardians who are barred, also where the process that routes does not know of it yet."""
        return [one for one in recipients if one.kind != "guardian" or one.id not in self.barred]


async def ward_of(connection: Any, subject: str) -> Ward:  # asyncpg has no types
    """Held until the end of the transaction: a bar or a withdrawal comes wholly before the alert, or wholly after it."""
    row = is_uuid(subject) and await connection.fetchrow(
        "SELECT consent FROM people WHERE id = $1 AND deleted_at IS NULL FOR SHARE", subject
    )
    if not row:
        return Ward()
    consent = None if row["consent"] is None else msgspec.json.decode(row["consent"], type=Consent)
    return Ward(consent, await barred_from(connection, subject), known=True)


async def identified(connection: Any, alert: Alert) -> Alert:  # asyncpg has no types
    """The alert as it would be had the door known the device, where the registry knows it: then it is the same press as
    one that another door, or the next try of the device, tells of with its person."""
    if (call := alert.call) is None:
        return alert
    row = await connection.fetchrow(_DEVICE, call.device, call.on_behalf, call.district)
    if row is None:
        return alert
    known = msgspec.structs.replace(
        call, device=row["id"], person=row["person"], district=row["district"], source=None, on_behalf=False
    )
    return urgent_alert(known, alert.decided_at, alert.kind)


async def marked(connection: Any, alert: Alert, ward: Ward, at: datetime) -> Alert:  # asyncpg has no types
    """A call for help that no consent covers says so in its words, and is an audit entry."""
    if alert.kind not in CALLS or alert.action == "clear":
        return alert
    unknown = alert.subject.startswith(STRANGER)
    if not unknown and (not is_uuid(alert.subject) or (ward.consent and ward.consent.allows("sos", at))):
        return alert
    words = NOBODYS if unknown else NO_CONSENT
    subject = alert.subject if unknown else f"people:{alert.subject}"
    what = "processed a call without consent"
    await write_entry(connection, "system", what, subject, alert.district, f"{alert.kind}: {words}")
    because = msgspec.structs.replace(
        alert.because, words=f"{alert.because.words}; {ALL_THE_SAME if unknown else words}"
    )
    return msgspec.structs.replace(alert, because=because)
