import base64
import json
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from standardwebhooks import Webhook

from haechi.clock import utc_now
from sample_feeds.receivers import Receivers
from sample_feeds.seeding import Book, Receiver

SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four b").decode()
OTHER = "whsec_" + base64.b64encode(b"another secret of as many").decode()


class House:
    """The receivers, and somebody who posts to them."""

    def __init__(self, folder: Path, session: aiohttp.ClientSession) -> None:
        book = Book(folder / "seeded.json")
        book.seeded.receivers["ok-jihyeon"] = Receiver("g1", SECRET, "guardian", "Ok Jihyeon")
        self.ledger = folder / "ledger.jsonl"
        self.receivers = Receivers(book, self.ledger, utc_now, session)
        self.session = session
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    async def post(self, who: str, *, secret: str = SECRET, message: str = "w1") -> int:
        now = datetime.now(UTC)
        began = (now - timedelta(milliseconds=300)).isoformat()
        told = {"id": "i1", "kind": "sos", "status": "Actual", "title": "SOS pressed", "starts_at": began, "number": 4}
        body = json.dumps(told)
        headers = {
            "webhook-id": message,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign(message, now, body),
        }
        async with self.session.post(f"{self.url}/hook/{who}", data=body, headers=headers) as answer:
            return answer.status


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with aiohttp.ClientSession() as session:
        house = House(tmp_path, session)
        await house.receivers.start(house.port)
        yield house
        await house.receivers.close()


async def test_a_signed_webhook_is_written_down_before_it_is_answered(house: House) -> None:
    assert await house.post("ok-jihyeon") == 204
    (line,) = house.ledger.read_text().splitlines()
    assert json.loads(line)["genuine"] is True
    (receipt,) = house.receivers.receipts
    assert (receipt.receiver, receipt.role, receipt.number) == ("ok-jihyeon", "guardian", 4)
    assert receipt.ms >= 300


async def test_a_wrong_signature_is_refused_and_remembered_as_such(house: House) -> None:
    assert await house.post("ok-jihyeon", secret=OTHER) == 401
    assert not house.receivers.receipts[0].genuine


async def test_nobody_of_another_name_is_told(house: House) -> None:
    assert await house.post("somebody") == 404
    assert not house.ledger.exists()


async def test_after_a_start_the_page_still_shows_what_came_and_a_torn_line_harms_nothing(house: House) -> None:
    await house.post("ok-jihyeon")
    await house.post("ok-jihyeon", message="w2")
    with house.ledger.open("a") as file:
        file.write('{"receiver": "ok-ji')
    again = Receivers(Book(house.ledger.with_name("seeded.json")), house.ledger, utc_now, house.session)
    assert [receipt.webhook_id for receipt in again.receipts] == ["w1", "w2"]


async def test_the_page_gets_only_what_is_new_to_it(house: House) -> None:
    await house.post("ok-jihyeon")
    await house.post("ok-jihyeon", message="w2")
    async with house.session.get(f"{house.url}/receipts?after=1") as answer:
        found = await answer.json()
    assert [receipt["webhook_id"] for receipt in found["receipts"]] == ["w2"]
    assert found["count"] == 2
    assert found["names"]["ok-jihyeon"] == "Ok Jihyeon"
    async with house.session.get(house.url) as answer:
        assert "Those who are told" in await answer.text()
