"""Incidents: the only way they change. One transaction writes the incident, its trail and its outbox."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid5

import msgspec

from haechi.domain.alerting import CALLS, STRANGER, Alert, Severity, hold_of
from haechi.domain.deliveries import NO_CHANNEL, DeliveryView, Recipient
from haechi.domain.incidents import (
    Close,
    Command,
    EndTest,
    Incident,
    IncidentEvent,
    Step,
    apply_alert,
    apply_command,
    as_another,
    is_another_press,
    open_incident,
)
from haechi.domain.scene import Scene
from haechi.errors import NotFound
from haechi.failpoints import failpoint
from haechi.ids import is_uuid, new_id
from haechi.store import drills, early_cancels, wards
from haechi.store.postgres import Pool, translate_errors

Route = Callable[[Incident], Sequence[Recipient]]


class Applied(msgspec.Struct, frozen=True):
    """What an alert did; `ignored` has no incident when there is none that it belongs to. `kept` is a device's cancel
    of what has not come yet."""

    incident: Incident | None
    outcome: Literal["opened", "changed", "same", "kept", "ignored"]


TRAIL_LINES = 1000


class Incidents:
    """The incident table."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def identified(self, alert: Alert) -> Alert:
        """The alert with its person, where a call came from a device that its door did not know, and the registry does."""
        if alert.call is None:
            return alert
        with translate_errors():
            return await wards.identified(self._pool, alert)

    async def apply_alert(
        self, alert: Alert, route: Route, at: datetime | None = None, scene: Scene | None = None
    ) -> Applied:
        """Open, change or leave the incident that the alert belongs to; `at` None is the database's clock.

        A repeated alert (also of a closed incident, but for `is_another_press`) is `same`; a clear or update without an
        open incident `ignored`, but a cancel is `kept` for a call for help that it has overtaken.
        """
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                # One at a time per key: the second of two concurrent raises finds the incident of the first.
                await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", _key(alert))
                ward = await wards.ward_of(connection, alert.subject)
                told, itself = await _applied_before(connection, alert)
                if told is not None and not itself and is_another_press(told, alert):
                    alert = as_another(alert)
                    told, itself = await _applied_before(connection, alert)
                if told is not None:
                    if not itself and alert.kind in CALLS:
                        # Or its slower road would be taken for another press, once the incident is closed.
                        await _note_applied(connection, told, alert)
                    return Applied(told, "same")
                alert = await drills.as_test_or_real(connection, alert)
                applied = [alert]
                incident = await _open(connection, alert)
                moment: datetime = at or await connection.fetchval("SELECT clock_timestamp()")
                if incident is None and alert.action != "raise":
                    if alert.action == "update" and alert.kind in CALLS:
                        await early_cancels.keep(connection, alert)
                        return Applied(None, "kept")
                    return Applied(None, "ignored")
                alert = await wards.marked(connection, alert, ward, moment)
                if incident is None:
                    step = await _first_step(connection, alert, moment, scene)
                    if (cancel := await early_cancels.take(connection, alert)) is not None:
                        cancel = await wards.marked(connection, cancel, ward, moment)
                        applied.append(cancel)
                        step = _then(step, apply_alert(step.incident, cancel, moment))
                    await _insert(connection, step.incident)
                else:
                    step = apply_alert(incident, alert, moment, scene)
                    if not step.events:
                        return Applied(incident, "same")
                    await _update(connection, step.incident)
                await _note_applied(connection, step.incident, *applied)
                await _add_events(connection, step)
                hidden = ward.hidden(alert, moment)
                if step.tell:
                    tellable, hold = ward.tellable(route(step.incident)), hold_of(alert)
                    await _add_deliveries(connection, step, tellable, hidden=hidden, hold=hold)
                elif step.tell_end:
                    heard = await _guardians_who_heard(connection, step.incident)
                    hear = [one for one in ward.tellable(route(step.incident)) if one.id in heard]
                    await _add_deliveries(connection, step, hear, hidden=hidden)
                await connection.execute("SELECT pg_notify('incidents', $1)", step.incident.id)
                failpoint("incidents.before_commit")
        failpoint("incidents.after_commit")
        if incident is None:
            return Applied(step.incident, "opened")
        return Applied(step.incident, "ignored" if step.incident == incident else "changed")

    async def apply_command(self, incident_id: str, district: str, command: Command) -> Incident:
        """What a person does. NotFound; Conflict in words when the step is not possible.

        Closing cancels what is still being retried; acknowledging cancels nothing, and what was never tried goes out.
        """
        with translate_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                incident = await self._fetch(connection, incident_id, district, "FOR UPDATE")
                step = apply_command(incident, command)
                if step.events:
                    await _update(connection, step.incident)
                    await _add_events(connection, step)
                    await connection.execute("SELECT pg_notify('incidents', $1)", incident_id)
                if isinstance(command, Close | EndTest):
                    await connection.execute(
                        "UPDATE deliveries SET state = 'cancelled', finished_at = clock_timestamp(), "
                        "changed = pg_current_xact_id() "
                        "WHERE incident_id = $1 AND state = 'pending' AND first_attempt_at IS NOT NULL",
                        incident_id,
                    )
                return step.incident

    async def applied(self, alert_ids: Sequence[str]) -> frozenset[str]:
        """Those of the alerts that were applied already."""
        with translate_errors():
            rows = await self._pool.fetch("SELECT alert_id FROM applied_alerts WHERE alert_id = ANY($1)", alert_ids)
        return frozenset(row["alert_id"] for row in rows)

    async def get(self, incident_id: str, district: str) -> Incident:
        """NotFound if there is none in the district."""
        with translate_errors():
            return await self._fetch(self._pool, incident_id, district)

    async def find(self, name: str) -> Incident:
        """By its number, its id, or the id of an alert that opened or changed it; in any district. NotFound."""
        condition, value = "i.number = $1", int(name) if name.isdecimal() and len(name) < 19 else None
        if is_uuid(name):
            applied = "SELECT incident_id FROM applied_alerts WHERE alert_id = $1"
            condition, value = f"i.id = $1 OR i.id IN ({applied})", name  # type: ignore[assignment]  # a uuid is text here
        with translate_errors():
            body = value and await self._pool.fetchval(
                f"SELECT i.body FROM incidents i WHERE {condition} LIMIT 1",  # noqa: S608 - one of two literals
                value,
            )
        if not body:
            raise NotFound(
                f"There is no incident '{name}': give the number that the wall shows, or an incident's or alert's id."
            )
        return decode_incident(body)

    async def trail(self, incident_id: str) -> list[IncidentEvent]:
        """In order, the newest thousand lines."""
        with translate_errors():
            rows = await self._pool.fetch(
                "SELECT kind, at, by, words FROM incident_events WHERE incident_id = $1 ORDER BY id DESC LIMIT $2",
                incident_id,
                TRAIL_LINES,
            )
        return [IncidentEvent(*row) for row in reversed(rows)]

    async def deliveries(self, incident_id: str) -> list[DeliveryView]:
        """In order of creation."""
        with translate_errors():
            rows = await self._pool.fetch(
                "SELECT id, recipient, reason, state, attempts, created_at, due_at, first_attempt_at, finished_at, "
                "last_error FROM deliveries WHERE incident_id = $1 ORDER BY created_at, id",
                incident_id,
            )
        return [_view(row) for row in rows]

    async def recent(
        self, district: str, *, open_only: bool = False, limit: int = 100, before: datetime | None = None
    ) -> list[Incident]:
        """Newest first, those opened before `before`."""
        with translate_errors():
            rows = await self._pool.fetch(
                "SELECT body FROM incidents WHERE district = $1 AND ($2::timestamptz IS NULL OR opened_at < $2) "
                "AND (NOT $3 OR state <> 'closed') ORDER BY opened_at DESC, number DESC LIMIT $4",
                district,
                before,
                open_only,
                limit,
            )
        return [decode_incident(row["body"]) for row in rows]

    async def most_urgent(self, district: str, limit: int) -> list[Incident]:
        """Open ones in the order of `Incident.rank`, then the newest first."""
        with translate_errors():
            rows = await self._pool.fetch(
                "SELECT body FROM incidents WHERE district = $1 AND state <> 'closed' "
                "ORDER BY severity, starts_with(subject, $2), opened_at DESC, number DESC LIMIT $3",
                district,
                STRANGER,
                limit,
            )
        return [decode_incident(row["body"]) for row in rows]

    async def _fetch(self, source: Any, incident_id: str, district: str, lock: str = "") -> Incident:
        body = is_uuid(incident_id) and await source.fetchval(
            f"SELECT body FROM incidents WHERE id = $1 AND district = $2 {lock}",  # noqa: S608 - lock is ours
            incident_id,
            district,
        )
        if not body:
            raise NotFound(f"There is no incident {incident_id}.")
        return decode_incident(body)


def decode_incident(body: str) -> Incident:
    """The incident in a `body` column."""
    return msgspec.json.decode(body, type=Incident)


def _key(alert: Alert) -> str:
    return f"{alert.kind}\x1f{alert.subject}\x1f{alert.place}"


async def _applied_before(connection: Any, alert: Alert) -> tuple[Incident | None, bool]:
    """The incident that this very alert was applied to: a raise by its id, the updates of an episode by their time. And
    whether it was this one itself, by whichever road, and not one of the same id that was received at another time."""
    row = await connection.fetchrow(
        "SELECT i.body, a.received_at = $3 AS itself FROM applied_alerts a JOIN incidents i ON i.id = a.incident_id "
        "WHERE a.alert_id = $1 AND a.action = $2 AND ($2 = 'raise' OR a.received_at = $3) ORDER BY itself DESC LIMIT 1",
        alert.id,
        alert.action,
        alert.received_at,
    )
    return (None, False) if row is None else (decode_incident(row["body"]), row["itself"])


async def _note_applied(connection: Any, incident: Incident, *alerts: Alert) -> None:
    await connection.executemany(
        "INSERT INTO applied_alerts (alert_id, action, received_at, incident_id) VALUES ($1, $2, $3, $4)",
        [(one.id, one.action, one.received_at, incident.id) for one in alerts],
    )


async def _open(connection: Any, alert: Alert) -> Incident | None:
    body = await connection.fetchval(
        "SELECT body FROM incidents WHERE kind = $1 AND subject = $2 AND place = $3 AND state <> 'closed' FOR UPDATE",
        alert.kind,
        alert.subject,
        alert.place,
    )
    return None if body is None else decode_incident(body)


async def _first_step(connection: Any, alert: Alert, at: datetime, scene: Scene | None) -> Step:
    # An alert of a district that nobody made yet must not be lost for it.
    await connection.execute(
        "INSERT INTO districts (id, name) VALUES ($1, $1) ON CONFLICT (id) DO NOTHING", alert.district
    )
    number = await connection.fetchval("SELECT nextval('incident_numbers')")
    previous = await connection.fetchval(
        "SELECT id FROM incidents WHERE kind = $1 AND subject = $2 AND place = $3 ORDER BY opened_at DESC LIMIT 1",
        alert.kind,
        alert.subject,
        alert.place,
    )
    return open_incident(alert, new_id(), number, at, previous, scene)


def _then(first: Step, second: Step) -> Step:
    """Both as one; what the first tells is told of what the second made of it."""
    return Step(second.incident, first.events + second.events, tell=first.tell or second.tell)


async def _insert(connection: Any, incident: Incident) -> None:
    await connection.execute(
        "INSERT INTO incidents (id, number, alert_id, district, kind, subject, place, state, severity, opened_at, "
        "version, body, closed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        incident.id,
        incident.number,
        incident.alert_id,
        incident.district,
        incident.kind,
        incident.subject,
        incident.place,
        incident.state,
        incident.severity,
        incident.opened_at,
        incident.version,
        msgspec.json.encode(incident).decode(),
        incident.closed_at,
    )
    await _hold_evidence(connection, incident)


async def _hold_evidence(connection: Any, incident: Incident) -> None:
    """An incident's picture outlasts the camera's own time for it: no end is set."""
    if incident.evidence is not None:
        await connection.execute(
            "INSERT INTO evidence_references (sha256, owner) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            incident.evidence,
            f"incident:{incident.id}",
        )


async def _update(connection: Any, incident: Incident) -> None:
    """Also for an unchanged incident with a new line in its trail: the feed must show it."""
    await connection.execute(
        "UPDATE incidents SET state = $2, severity = $3, closed_at = $4, version = $5, body = $6, "
        "changed = pg_current_xact_id() WHERE id = $1",
        incident.id,
        incident.state,
        incident.severity,
        incident.closed_at,
        incident.version,
        msgspec.json.encode(incident).decode(),
    )
    await _hold_evidence(connection, incident)


async def _add_events(connection: Any, step: Step) -> None:
    await connection.executemany(
        "INSERT INTO incident_events (incident_id, at, kind, by, words) VALUES ($1, $2, $3, $4, $5)",
        [(step.incident.id, event.at, event.kind, event.by, event.words) for event in step.events],
    )


async def _add_deliveries(
    connection: Any, step: Step, recipients: Sequence[Recipient], *, hidden: bool, hold: timedelta = timedelta(0)
) -> None:
    """One row per recipient, due after `hold`; its id is the webhook-id, the same however often this step is computed.

    Who cannot be told has failed from the start, and a guardian from whom it is `hidden` is cancelled from the start, so
    that everybody who looks at the incident sees it.
    """

    def outcome(recipient: Recipient) -> tuple[str, str | None]:
        if hidden and recipient.kind == "guardian":
            return "cancelled", "no consent"
        if recipient.channel == NO_CHANNEL:
            return "failed", recipient.address
        return "pending", None

    incident, reason = step.incident, step.events[0].kind
    urgency = Severity.ADVISORY if step.tell_end else incident.severity
    await connection.executemany(
        "INSERT INTO deliveries "
        "(id, incident_id, recipient, reason, severity, state, finished_at, last_error, due_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $6 <> 'pending' THEN clock_timestamp() END, $7, "
        "clock_timestamp() + $8) "
        "ON CONFLICT (id) DO NOTHING",
        [
            (
                delivery_id(incident, recipient, reason),
                incident.id,
                msgspec.json.encode(recipient).decode(),
                reason,
                urgency,
                *outcome(recipient),
                hold,
            )
            for recipient in recipients
        ],
    )
    await connection.execute("SELECT pg_notify('outbox', '')")


async def _guardians_who_heard(connection: Any, incident: Incident) -> frozenset[str]:
    """Whose message was on its way: whoever's was not will read in it that it is over."""
    rows = await connection.fetch(
        "SELECT DISTINCT recipient->>'id' AS id FROM deliveries "
        "WHERE incident_id = $1 AND recipient->>'kind' = 'guardian' AND first_attempt_at IS NOT NULL",
        incident.id,
    )
    return frozenset(row["id"] for row in rows)


def delivery_id(incident: Incident, recipient: Recipient, reason: str) -> str:
    """Deterministic: incident, its version, why, to whom and by which channel."""
    parts = (reason, str(incident.version), recipient.kind, recipient.id, recipient.channel)
    return str(uuid5(UUID(incident.id), "\x1f".join(parts)))


def _view(row: Any) -> DeliveryView:
    fields = dict(row) | {"recipient": msgspec.json.decode(row["recipient"])}
    return msgspec.convert(fields, DeliveryView)
