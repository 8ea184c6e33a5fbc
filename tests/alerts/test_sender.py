"""The sender against the real PostgreSQL and receivers that answer, refuse, hang and die."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from prometheus_client import CollectorRegistry
from standardwebhooks import Webhook as Judge

from alerts.__main__ import disable
from alerts.channels import Channel, DeliveryError
from alerts.channels.webhook import Webhook, open_session
from alerts.endpoints import AT_ONCE
from alerts.links import Links
from alerts.metrics import SenderMetrics
from alerts.secret_book import SecretBook
from alerts.sender import Sender
from alerts.ssrf import Guard
from haechi.clock import utc_now
from haechi.domain.deliveries import Delivery, Recipient
from haechi.domain.own_alerts import unreachable
from haechi.store.outbox import Outbox
from haechi.store.registry import AGENCIES, GUARDIANS
from tests.alerts.receivers import Receivers, hang, status, until
from tests.alerts.town import DISTRICT, EVERYONE, Town

PATIENT_S = 120  # whoever hangs is awaited for longer than a test takes on a busy machine


@asynccontextmanager
async def sending(town: Town, *, slots: int = 64, worker: str = "w") -> AsyncIterator[SenderMetrics]:
    """A sender at work."""
    intake = town.intake

    async def alarm(delivery: Delivery, error: DeliveryError) -> None:
        await intake.apply(unreachable(delivery, str(error), utc_now()))
        if error.gone:
            await disable(town.registry, delivery)

    metrics = SenderMetrics(CollectorRegistry())
    async with open_session(Guard(["127.0.0.0/8"]), PATIENT_S) as session:
        webhook = Webhook(
            session, SecretBook(town.registry), Links("key", "http://127.0.0.1:1"), utc_now, ZoneInfo("UTC")
        )
        sender = Sender(Outbox(town.pool), {"webhook": webhook}, alarm, metrics, worker=worker, slots=slots)
        task = asyncio.create_task(sender.run())
        try:
            yield metrics
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def raise_alert(town: Town, kind: str = "sos", subject: str | None = None) -> None:
    await town.intake.apply(town.alert(kind, subject=subject))


async def delivered(town: Town, *names: str) -> None:
    async def all_of_them() -> bool:
        return {name for name, state in (await town.states()).items() if state == "delivered"} >= set(names)

    await until(all_of_them)


async def state_is(town: Town, name: str, state: str) -> bool:
    return (await town.states())[name] == state


async def muted(town: Town, name: str) -> bool:
    return not (await town.registry.get(AGENCIES, DISTRICT, town.ids[name])).value.webhook_url


async def none_left(town: Town) -> bool:
    return not await town.pool.fetchval("SELECT count(*) FROM deliveries WHERE state <> 'delivered'")


async def both_failed(town: Town) -> bool:
    return bool(await town.pool.fetchval("SELECT count(*) = 2 FROM deliveries WHERE last_error LIKE '%a defect'"))


async def test_an_sos_reaches_everyone_of_the_table_once_and_signed_with_their_own_secret(
    town: Town, receivers: Receivers
) -> None:
    async with sending(town):
        await raise_alert(town)
        await delivered(town, *EVERYONE)
    assert set(receivers.posts) == set(EVERYONE)
    for name in EVERYONE:
        (post,) = receivers.posts[name]
        said = Judge(town.secrets[name]).verify(post.body, post.headers)
        assert (said["kind"], said["recipient"]["id"]) == ("sos", town.ids[name])
    (incident,) = await town.open_incidents()
    assert incident.first_attempt_at is not None
    assert incident.first_attempt_at >= incident.opened_at


@pytest.mark.parametrize(
    ("kind", "told"),
    [("zone-exit", {"mother", "father", "desk"}), ("trespass", {"police", "desk"}), ("gas", {"fire", "desk"})],
)
async def test_nobody_else_is_told(kind: str, told: set[str], town: Town, receivers: Receivers) -> None:
    async with sending(town):
        await raise_alert(town, kind)
        await delivered(town, *told)
        await asyncio.sleep(0.3)
    assert set(receivers.posts) == told


async def test_a_failure_is_tried_again_under_the_same_id(town: Town, receivers: Receivers) -> None:
    receivers.answers["mother"] = [status(500), status(302, location="/elsewhere"), status(204)]
    async with sending(town):
        await raise_alert(town)
        await delivered(town, *EVERYONE)
    assert len(receivers.ids("mother")) == 3
    assert len(set(receivers.ids("mother"))) == 1
    first, second, third = (post.at for post in receivers.posts["mother"])
    assert second - first >= 0.9
    assert third - second >= 1.9
    assert "elsewhere" not in receivers.posts


async def test_an_endpoint_that_asks_for_patience_gets_it(town: Town, receivers: Receivers) -> None:
    receivers.answers["mother"] = [status(429, retry_after="3"), status(204)]
    async with sending(town):
        await raise_alert(town)
        await delivered(town, *EVERYONE)
    first, second = (post.at for post in receivers.posts["mother"])
    assert second - first >= 2.9


async def test_an_endpoint_that_is_gone_is_told_nothing_more_and_the_desk_is_told_so(
    town: Town, receivers: Receivers
) -> None:
    receivers.answers["mother"] = [status(410)]
    async with sending(town):
        await raise_alert(town)
        await delivered(town, "father", "police", "fire", "desk")
        await until(lambda: len(receivers.posts["desk"]) == 2)
        await until(lambda: state_is(town, "mother", "failed"))
    assert len(receivers.posts["mother"]) == 1
    assert (await town.registry.get(GUARDIANS, DISTRICT, town.ids["mother"])).value.webhook_url is None
    assert receivers.posts["desk"][1].said["kind"] == "dead-letter"
    assert all(len(receivers.posts[name]) == 1 for name in ("father", "police", "fire"))
    kinds = {incident.kind: incident for incident in await town.open_incidents()}
    assert "mother" in kinds["dead-letter"].because.words


async def test_an_answer_that_no_database_can_keep_is_an_answer_all_the_same(town: Town, receivers: Receivers) -> None:
    """A NUL would be refused by PostgreSQL, and a 410 repeated without end, with nobody told."""
    receivers.answers["mother"] = [status(410, b"gone\0\x1b[31m")]
    receivers.answers["father"] = [status(503, b"\0\xff busy")]
    async with sending(town):
        await raise_alert(town)
        await until(lambda: state_is(town, "mother", "failed"))
        await until(lambda: len(receivers.posts["desk"]) == 2)
        await until(lambda: len(receivers.posts["father"]) > 1)
    assert len(receivers.posts["mother"]) == 1
    incident = next(one for one in await town.open_incidents() if one.kind == "sos")
    errors = {one.recipient.name: one.last_error for one in await town.incidents.deliveries(incident.id)}
    assert errors["mother"] == "410 gone[31m"
    assert errors["father"] == "503 \ufffd busy"


async def test_a_desk_that_is_gone_does_not_alarm_itself_for_ever(town: Town, receivers: Receivers) -> None:
    receivers.answers["desk"] = [status(410)]
    async with sending(town):
        await raise_alert(town)
        await until(lambda: muted(town, "desk"))
        await asyncio.sleep(0.5)
    assert len(receivers.posts["desk"]) <= 2
    assert len(await town.open_incidents()) == 2


async def test_a_channel_that_nobody_has_alarms_the_desk(town: Town, receivers: Receivers) -> None:
    def pigeon(_: object) -> tuple[Recipient, ...]:
        return (Recipient("guardian", town.ids["mother"], "mother", "pigeon", "loft 3"),)

    async with sending(town):
        await town.incidents.apply_alert(town.alert(), pigeon)
        await until(lambda: receivers.posts["desk"])
        await until(lambda: state_is(town, "mother", "failed"))
    assert receivers.posts["desk"][0].said["kind"] == "dead-letter"


async def test_an_endpoint_that_hangs_delays_nobody_else(town: Town, receivers: Receivers) -> None:
    receivers.answers["mother"] = [hang]
    async with sending(town, slots=1):
        await raise_alert(town)
        await delivered(town, "father", "police", "fire", "desk")
        assert (await town.states())["mother"] == "sending"


async def test_many_that_hang_leave_slots_to_those_that_answer(town: Town) -> None:
    """Endpoints of their own each, so that neither bulkhead nor breaker helps: only the slots do."""
    listeners = []
    for _ in range(40):
        listener = socket.create_server(("127.0.0.1", 0))  # accepts into its backlog, and never answers
        listeners.append(listener)
    addresses = [f"http://127.0.0.1:{listener.getsockname()[1]}/" for listener in listeners]
    silent = tuple(
        Recipient("guardian", town.ids["mother"], f"silent-{n}", "webhook", address)
        for n, address in enumerate(addresses)
    )
    async with sending(town, slots=4):
        for n, recipient in enumerate(silent):
            await town.incidents.apply_alert(town.alert(subject=f"silent-{n}"), lambda _, r=recipient: (r,))
        await raise_alert(town, "zone-exit")
        await delivered(town, "mother", "father", "desk")
        states = await town.states()
        assert all(states[recipient.name] == "sending" for recipient in silent)
    for listener in listeners:
        listener.close()


async def test_a_dead_endpoint_costs_a_few_connections_and_its_deliveries_wait_uncounted(
    town: Town, receivers: Receivers
) -> None:
    receivers.answers["police"] = [status(503)]
    to = Recipient("police", town.ids["police"], "police", "webhook", receivers.url("police"))
    for n in range(60):
        await town.incidents.apply_alert(town.alert("trespass", subject=f"camera-{n}"), lambda _: (to,))

    async def most_are_untouched() -> bool:
        return bool(await town.pool.fetchval("SELECT count(*) >= 40 FROM deliveries WHERE attempts = 0"))

    async with sending(town) as metrics:
        await until(lambda: metrics.postponed.labels("breaker")._value.get() >= 40)
        await until(most_are_untouched)  # that one was put back is counted before it is written
    assert len(receivers.posts["police"]) <= AT_ONCE + 4


async def test_when_a_dead_endpoint_lives_again_everything_arrives(town: Town, receivers: Receivers) -> None:
    receivers.answers["police"] = [*(status(503) for _ in range(5)), status(204)]
    to = Recipient("police", town.ids["police"], "police", "webhook", receivers.url("police"))
    for n in range(20):
        await town.incidents.apply_alert(town.alert("trespass", subject=f"camera-{n}"), lambda _: (to,))
    async with sending(town):
        await until(lambda: none_left(town))
    assert len(set(receivers.ids("police"))) == 20


async def test_two_senders_share_the_work_and_double_nothing(
    town: Town, receivers: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alerts.sender.LEASE_S", PATIENT_S)
    to = Recipient("police", town.ids["police"], "police", "webhook", receivers.url("police"))
    for n in range(100):
        await town.incidents.apply_alert(town.alert("trespass", subject=f"camera-{n}"), lambda _: (to,))
    async with sending(town, worker="a"), sending(town, worker="b"):
        await until(lambda: none_left(town))
    assert len(receivers.ids("police")) == 100
    assert len(set(receivers.ids("police"))) == 100


async def test_what_a_dead_sender_had_leased_is_sent_under_the_same_id(town: Town, receivers: Receivers) -> None:
    await raise_alert(town)
    leased = await Outbox(town.pool).lease("dead", 100, 0.2)
    async with sending(town):
        await delivered(town, *EVERYONE)
    assert {post.id for name in EVERYONE for post in receivers.posts[name]} == {delivery.id for delivery in leased}


async def test_a_lease_is_renewed_for_as_long_as_an_attempt_takes(
    town: Town, receivers: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alerts.sender.LEASE_S", PATIENT_S)
    monkeypatch.setattr("alerts.sender.RENEW_S", 0.1)
    answer = asyncio.Event()

    async def slow(_: aiohttp.web.Request) -> aiohttp.web.Response:
        await answer.wait()
        return aiohttp.web.Response(status=204)

    async def leased_until() -> datetime:
        found: datetime = await town.pool.fetchval(
            "SELECT leased_until FROM deliveries WHERE recipient->>'name' = 'mother'"
        )
        return found

    receivers.answers["mother"] = [slow]
    async with sending(town):
        await raise_alert(town)
        await until(lambda: receivers.posts["mother"])
        for _ in range(2):
            before = await leased_until()
            async with asyncio.timeout(PATIENT_S):
                while await leased_until() == before:
                    await asyncio.sleep(0.02)
        answer.set()
        await delivered(town, *EVERYONE)
    assert len(receivers.posts["mother"]) == 1


async def test_a_channel_that_fails_in_its_own_way_is_a_failed_attempt(town: Town) -> None:
    class Broken:
        def endpoint(self, delivery: Delivery) -> str:
            return "broken"

        async def send(self, delivery: Delivery) -> None:
            raise RuntimeError("a defect")

    await raise_alert(town, "trespass")
    broken: dict[str, Channel] = {"webhook": Broken()}  # type: ignore[dict-item]  # broken on purpose

    async def alarm(delivery: Delivery, error: DeliveryError) -> None:
        raise AssertionError

    sender = Sender(Outbox(town.pool), broken, alarm, SenderMetrics(CollectorRegistry()), worker="w", slots=1)
    task = asyncio.create_task(sender.run())
    await until(lambda: both_failed(town))
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
