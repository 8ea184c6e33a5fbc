"""Cancels that come before their press: either may be quicker, each on two roads. What was kept is shown with the press."""

from datetime import timedelta
from typing import Any

import msgspec

from haechi.domain.alerting import Alert

_KEPT = timedelta(days=1)
_KEEP = """
INSERT INTO early_cancels (subject, at, alert) VALUES ($1, $2, $3)
ON CONFLICT (subject) DO UPDATE SET at = EXCLUDED.at, kept_at = clock_timestamp(), alert = EXCLUDED.alert
WHERE early_cancels.at <= EXCLUDED.at"""
# A cancel from before the press was of another press.
_TAKE = "DELETE FROM early_cancels WHERE subject = $1 AND at >= $2 RETURNING alert"

_alert = msgspec.json.Decoder(Alert)


async def keep(connection: Any, alert: Alert) -> None:  # asyncpg has no types
    """Without where it came from: that is the press's to say."""
    because = msgspec.structs.replace(alert.because, fixes=())
    bare = msgspec.structs.replace(alert, point=None, accuracy_m=None, call=None, because=because)
    await connection.execute("DELETE FROM early_cancels WHERE kept_at < clock_timestamp() - $1::interval", _KEPT)
    await connection.execute(_KEEP, alert.subject, alert.starts_at, msgspec.json.encode(bare).decode())


async def take(connection: Any, press: Alert) -> Alert | None:  # asyncpg has no types
    """The cancel of this press, if it came already; it is kept no longer."""
    if press.kind != "sos":
        return None
    found = await connection.fetchval(_TAKE, press.subject, press.starts_at)
    return None if found is None else _alert.decode(found)
