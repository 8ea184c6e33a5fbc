"""Who must never be told: a barred guardian, wherever the message is at that moment; and calls that no consent covers."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest
from prometheus_client import CollectorRegistry

from alerts.breaker import FAILURES_TO_OPEN, Breaker
from alerts.channels import DeliveryError, Receipt
from alerts.metrics import SenderMetrics
from alerts.sender import Sender
from haechi.domain.alerting import CALLS, urgent_alert
from haechi.domain.deliveries import Delivery
from haechi.store.audit import Audit
from haechi.store.bars import Bars
from haechi.store.consents import Consents, Decision, Given
from haechi.store.outbox import Outbox
from haechi.store.wards import NO_CONSENT, NOBODYS
from tests.alerts.receivers import Receivers, until
from tests.alerts.test_callbacks import http, page_of  # noqa: F401 - a fixture
from tests.alerts.test_sender import delivered, raise_alert, sending
from tests.alerts.town import DISTRICT, Town

ORDER = "order of the family court"


async def bar_the_father(town: Town) -> None:
    await Bars(town.pool).bar(DISTRICT, town.child, town.ids["father"], ORDER, by="clerk")


async def test_a_barred_guardian_is_not_told_even_by_a_process_that_does_not_know_of_it_yet(
    town: Town, receivers: Receivers
) -> None:
    await bar_the_father(town)
    assert town.ids["father"] in {one.id for one in town.people.guardians_of(town.child)}, "the slice is older"
    await raise_alert(town)
    async with sending(town):
        await delivered(town, "mother", "police", "fire", "desk")
    assert "father" not in await town.states()
    assert not receivers.posts["father"]


async def test_what_waits_for_a_guardian_at_the_time_of_the_bar_is_never_sent(town: Town, receivers: Receivers) -> None:
    await raise_alert(town)
    await bar_the_father(town)
    async with sending(town):
        await delivered(town, "mother", "police", "fire", "desk")
    assert (await town.states())["father"] == "cancelled"
    assert not receivers.posts["father"]


class Endless:
    """A channel whose attempts end only when somebody ends them."""

    def __init__(self) -> None:
        self.under_way: set[str] = set()

    def endpoint(self, delivery: Delivery) -> str:
        return delivery.recipient.name

    async def send(self, delivery: Delivery) -> Receipt:
        self.under_way.add(delivery.recipient.name)
        try:
            await asyncio.Event().wait()
        finally:
            self.under_way.discard(delivery.recipient.name)
        raise AssertionError


async def unheard(_: Delivery, error: DeliveryError) -> None:
    raise error


async def test_what_a_sender_has_in_hand_for_a_barred_guardian_is_dropped(town: Town) -> None:
    await raise_alert(town)
    endless = Endless()

    metrics = SenderMetrics(CollectorRegistry())
    sender = Sender(Outbox(town.pool), {"webhook": endless}, unheard, metrics, worker="w", slots=64)
    sends = asyncio.create_task(sender.run())
    await until(lambda: endless.under_way == {"mother", "father", "police", "fire", "desk"})
    await bar_the_father(town)
    await until(lambda: endless.under_way == {"mother", "police", "fire", "desk"})
    sends.cancel()
    assert (await town.states())["father"] == "cancelled"


class Gateway(Endless):
    """One for all guardians, as of an operator of texts; the father's never come to an end."""

    def endpoint(self, delivery: Delivery) -> str:
        return "gateway" if delivery.recipient.kind == "guardian" else delivery.recipient.name

    async def send(self, delivery: Delivery) -> Receipt:
        return await super().send(delivery) if delivery.recipient.name == "father" else Receipt("taken")


async def test_an_attempt_that_a_bar_ends_is_no_failure_of_the_gateway_that_others_are_told_by(town: Town) -> None:
    gateway, metrics = Gateway(), SenderMetrics(CollectorRegistry())
    sender = Sender(Outbox(town.pool), {"webhook": gateway}, unheard, metrics, worker="w", slots=64)
    sends = asyncio.create_task(sender.run())
    for kind in CALLS[:FAILURES_TO_OPEN]:
        await raise_alert(town, kind)

    async def hang() -> bool:
        waiting = "SELECT count(*) FROM deliveries WHERE recipient->>'name' = 'father' AND first_attempt_at IS NOT NULL"
        return bool(await town.pool.fetchval(waiting) == FAILURES_TO_OPEN)

    await until(hang)
    await delivered(town, "mother")
    await bar_the_father(town)
    await until(lambda: not gateway.under_way)
    assert sender._endpoints.of("gateway", "").breaker == Breaker()
    sends.cancel()


async def test_a_link_that_was_sent_before_the_bar_shows_nothing_after_it(town: Town, http: httpx.AsyncClient) -> None:  # noqa: F811 - a fixture
    follows = asyncio.create_task(town.people.follow())
    applied = await town.intake.apply(town.alert())
    assert applied.incident is not None
    his, hers = page_of(town, applied.incident, "father"), page_of(town, applied.incident, "mother")
    assert (await http.get(his)).status_code == 200
    await bar_the_father(town)

    async def closed() -> bool:
        return (await http.get(his)).status_code == 404

    await until(closed)
    follows.cancel()
    assert "37.56650" not in (await http.get(his)).text
    for act in ("on-it", "statement"):
        assert (await http.post(f"{his}/{act}")).status_code == 404
    assert (await town.incidents.get(applied.incident.id, DISTRICT)).acknowledged_at is None
    assert (await http.get(hers)).status_code == 200


@pytest.mark.parametrize("consent", ["none", "withdrawn", "paused", "over", "of other things"])
async def test_a_call_for_help_without_a_valid_consent_is_processed_marked_and_audited(
    town: Town, consent: str
) -> None:
    consents, mother = Consents(town.pool), Decision("mother")
    if consent != "none":
        scopes = ("position",) if consent == "of other things" else ("position", "sos")
        await consents.give(DISTRICT, town.child, Given(scopes, "mother"), by="clerk")  # type: ignore[arg-type]  # scopes
    if consent in ("none", "withdrawn"):
        await consents.withdraw(DISTRICT, town.child, mother, by="clerk")
    elif consent == "paused":
        await consents.pause(DISTRICT, town.child, mother, by="clerk")
    elif consent == "over":
        await town.pool.execute('UPDATE people SET consent = consent || \'{"expires_at": "2026-01-02T00:00:00Z"}\'')
    applied = await town.intake.apply(urgent_alert(town.call(), datetime.now(UTC)))
    assert applied.outcome == "opened"
    assert applied.incident is not None
    assert NO_CONSENT in applied.incident.because.words
    assert set(await town.states()) == {"mother", "father", "police", "fire", "desk"}
    newest = (await Audit(town.pool).recent(DISTRICT))[0]
    assert (newest.what, newest.subject) == ("processed a call without consent", f"people:{town.child}")
    assert NO_CONSENT in newest.reason


async def test_the_two_roads_of_one_call_are_one_audit_entry(town: Town) -> None:
    intake, call = town.intake, town.call()
    for _ in range(2):
        await intake.apply(urgent_alert(call, datetime.now(UTC)))
    entries = [one for one in await Audit(town.pool).recent(DISTRICT) if one.who == "system" and "consent" in one.what]
    assert len(entries) == 1


async def test_a_call_that_a_consent_covers_carries_no_mark(town: Town) -> None:
    await Consents(town.pool).give(DISTRICT, town.child, Given(("sos",), "mother"), by="clerk")
    applied = await town.intake.apply(urgent_alert(town.call(), datetime.now(UTC)))
    assert applied.incident is not None
    assert "consent" not in applied.incident.because.words
    assert not [one for one in await Audit(town.pool).recent(DISTRICT) if one.what.startswith("processed")]


async def test_a_call_of_an_unknown_device_is_marked_and_audited_too(town: Town) -> None:
    call = town.call(person=None, source="203.0.113.9")
    applied = await town.intake.apply(urgent_alert(call, datetime.now(UTC)))
    assert applied.incident is not None
    assert applied.incident.because.words == f"SOS {NOBODYS}"
    assert (await Audit(town.pool).recent(DISTRICT))[0].subject == "unknown:203.0.113.9"
