"""Cancels that come before what they cancel: either may be quicker, each on two roads. What was kept is shown with the raise.

A cancel says not of what, so it is kept once for each kind of call, and waits for the raises of all of them.
"""

from datetime import timedelta
from typing import Any

import msgspec

from haechi.domain.alerting import CALLS, Alert
from haechi.domain.drills import of_test

_KEPT = timedelta(days=1)
_KEEP = """
INSERT INTO early_cancels (subject, kind, at, alert) VALUES ($1, $2, $3, $4)
ON CONFLICT (subject, kind) DO UPDATE SET at = EXCLUDED.at, kept_at = clock_timestamp(), alert = EXCLUDED.alert
WHERE early_cancels.at <= EXCLUDED.at"""
# A cancel from before the raise was of another.
_TAKE = "DELETE FROM early_cancels WHERE subject = $1 AND kind = $2 AND at >= $3 RETURNING alert"

_alert = msgspec.json.Decoder(Alert)


async def keep(connection: Any, alert: Alert) -> None:  # asyncpg has no types
    """Without where it came from: that is the raise's to say."""
    because = msgspec.structs.replace(alert.because, fixes=())
    bare = msgspec.structs.replace(alert, point=None, accuracy_m=None, call=None, because=because)
    await connection.execute("DELETE FROM early_cancels WHERE kept_at < clock_timestamp() - $1::interval", _KEPT)
    await connection.execute(_KEEP, alert.subject, alert.kind, alert.starts_at, msgspec.json.encode(bare).decode())


async def take(connection: Any, call: Alert) -> Alert | None:  # asyncpg has no types
    """The cancel of this call for help, if it came already; it is kept no longer. Of a test it is the test's."""
    if call.kind not in CALLS:
        return None
    found = await connection.fetchval(_TAKE, call.subject, call.kind, call.starts_at)
    if found is None:
        return None
    cancel = _alert.decode(found)
    return of_test(cancel) if call.status == "Test" else cancel
