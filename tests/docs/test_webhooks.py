"""docs/webhooks.md: what it shows is what is sent, and its code accepts what we sign."""

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from alerts import callbacks, payload, retry, routing
from alerts.channels.contract import DeliveryError
from alerts.channels.webhook import Webhook, open_session, signed_headers
from alerts.endpoints import AT_ONCE
from alerts.links import LIFETIME, Links
from alerts.ssrf import Guard
from haechi.clock import utc_now
from haechi.config import Settings
from haechi.domain.alerting import KINDS
from haechi.domain.deliveries import Recipient
from tests.alerts.build import SECRET, delivery
from tests.docs.pages import blocks, documents, page, rows

PAGE = "webhooks.md"
WORDS = " ".join(page(PAGE).split())
MESSAGE, ANSWER = (documents(block)[0] for block in blocks(PAGE, "json"))


@pytest.fixture(scope="module")
def code() -> dict[str, Any]:
    """What the page's Python defines."""
    names: dict[str, Any] = {}
    for block in blocks(PAGE, "python"):
        exec(block, names)
    return names


def test_the_message_of_the_page_has_every_field_and_no_other() -> None:
    read = msgspec.convert(MESSAGE, payload.Payload)
    assert msgspec.json.decode(msgspec.json.encode(read)) == MESSAGE
    fields = re.findall(r"`(\w+)`", " ".join(name for name in rows(PAGE) if name.startswith("`")))
    assert set(msgspec.structs.asdict(read)) <= set(fields)


def test_the_kinds_of_the_page_are_all_there_are_with_who_is_told() -> None:
    told = re.findall(r"^\| `([\w-]+)` \| ([^|]+) \| ([\w, ]+) \|$", page(PAGE), re.MULTILINE)
    assert told[1:] == [
        (kind.name, kind.title, ", ".join(routing.ROUTES.get(kind.name, routing.DESK_ONLY))) for kind in KINDS.values()
    ]


def test_the_numbers_of_the_page_are_the_real_ones() -> None:
    first, *then, last = [retry.delay_after(n) for n in range(1, len(retry.SCHEDULE_S))]
    assert (
        f"after {first:g}, {', '.join(f'{s:g}' for s in then[:-1])} and {then[-1]:g} seconds, and then every {last:g}"
        in WORDS
    )
    assert f"2xx within {Settings().alerts.timeout_s:g} s" in WORDS
    assert (retry.LONGEST_PATIENCE_S, LIFETIME.days) == (5 * 60, 3)
    assert f"At most {AT_ONCE} messages" in WORDS


def test_the_verification_of_the_page_knows_our_signature_and_no_other(code: dict[str, Any]) -> None:
    body = msgspec.json.encode(MESSAGE)
    verify: Callable[..., bool] = code["verify"]
    headers = signed_headers("msg_1", utc_now(), body, [SECRET])
    assert verify(SECRET, headers, body)
    assert not verify(SECRET, headers, body + b" ")
    assert not verify("whsec_b3RoZXI=", headers, body)
    assert not verify(SECRET, signed_headers("msg_1", utc_now() - LIFETIME, body, [SECRET]), body)
    rotated = signed_headers("msg_1", utc_now(), body, ["whsec_b3RoZXI=", SECRET])
    assert verify(SECRET, rotated, body)


def test_the_answer_of_an_agency_is_read() -> None:
    assert msgspec.to_builtins(msgspec.convert(ANSWER, callbacks.Answer)) == ANSWER
    statuses = re.findall(r"`([\w ]+)`", WORDS[WORDS.index("`status` is `accepted`") :])[1:5]
    assert statuses == list(callbacks.Answer.__annotations__["status"].__args__)


@pytest.fixture
def texting(code: dict[str, Any]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The page's server before an SMS gateway: its address, and what the gateway was given."""
    texts: list[tuple[str, str]] = []

    def send_text(telephone: str, text: str) -> None:
        if telephone == "down":
            raise ConnectionError
        texts.append((telephone, text))

    handler = code["ToText"]
    handler.guardians = {"mother": (SECRET, "+82 10 1234 5678"), "father": (SECRET, "down")}
    handler.send_text = send_text
    handler.log_message = lambda *_: None
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # the gateway that is down is meant to be
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", texts
    server.shutdown()
    server.server_close()


async def send(address: str, guardian: str, secret: str = SECRET) -> None:
    async def secrets(_: Recipient) -> tuple[str, ...]:
        return (secret,)

    to = Recipient("guardian", guardian, "Kim Minji", "webhook", address, "en")
    async with open_session(Guard(["127.0.0.0/8"]), 20) as session:
        links = Links("a key", "https://help.example.org")
        await Webhook(session, secrets, links, utc_now, ZoneInfo("UTC")).send(delivery(address, recipient=to))


async def test_the_server_of_the_page_makes_a_text_of_a_real_delivery(
    texting: tuple[str, list[tuple[str, str]]],
) -> None:
    address, texts = texting
    await send(address, "mother")
    ((telephone, text),) = texts
    assert telephone == "+82 10 1234 5678"
    assert text.startswith("SOS pressed · place ")
    assert " old https://help.example.org/g/" in text


@pytest.mark.parametrize(("guardian", "secret"), [("father", SECRET), ("mother", "whsec_b3RoZXI="), ("nobody", SECRET)])
async def test_what_the_gateway_did_not_take_or_nobody_signed_is_tried_again(
    texting: tuple[str, list[tuple[str, str]]], guardian: str, secret: str
) -> None:
    address, texts = texting
    with pytest.raises(DeliveryError) as refused:
        await send(address, guardian, secret)
    assert refused.value.recoverable
    assert texts == []
    await asyncio.sleep(0)
