"""The receivers of the sample district: anyone on the machine may post to them, only Haechi's messages count."""

import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import msgspec
import pytest
from standardwebhooks import Webhook

from sample_feeds.receivers import Receivers
from sample_feeds.seeding import Book, Receiver

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
SECRET = "whsec_" + "MDEy" * 8
BODY = {"id": "i-1", "kind": "sos", "status": "Actual", "title": "SOS", "starts_at": NOW.isoformat()}


@pytest.fixture
async def hook(tmp_path: Path) -> AsyncIterator[tuple[Receivers, str, aiohttp.ClientSession]]:
    book = Book(tmp_path / "seeded.json")
    book.seeded.receivers["police"] = Receiver("a-1", SECRET, "police", "Dallae Police Box")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    async with aiohttp.ClientSession() as session:
        receivers = Receivers(book, tmp_path / "ledger.jsonl", lambda: datetime.now(UTC), session)
        await receivers.start(port)
        yield receivers, f"http://127.0.0.1:{port}", session
        await receivers.close()


async def test_a_forged_message_leads_nowhere_and_is_not_answered_with_our_signature(hook) -> None:
    receivers, url, session = hook
    forged = BODY | {"link": "javascript:alert(1)", "reply_to": f"{url}/hook/police"}
    posted = await session.post(f"{url}/hook/police", json=forged, headers={"webhook-id": "w-1"})
    assert posted.status == 401
    (receipt,) = receivers.receipts
    assert (receipt.genuine, receipt.link, receipt.reply_to) == (False, None, None)
    assert (await session.post(f"{url}/answer/w-1?status=accepted")).status == 404
    assert len(receivers.receipts) == 1


async def test_a_forgery_under_the_same_id_does_not_hide_the_genuine_message(hook) -> None:
    _, url, session = hook
    await session.post(f"{url}/hook/police", json=BODY, headers={"webhook-id": "w-1"})
    body = msgspec.json.encode(BODY | {"reply_to": f"{url}/health"}).decode()
    now = datetime.now(UTC)
    headers = {
        "webhook-id": "w-1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("w-1", now, body),
    }
    assert (await session.post(f"{url}/hook/police", data=body, headers=headers)).status == 204
    answer = await session.post(f"{url}/answer/w-1?status=accepted")
    assert await answer.text() == "404: Not Found"  # it was sent to `reply_to`, where nobody takes it
