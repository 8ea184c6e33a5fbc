"""The webhook against real receivers, good ones and hostile ones; the judge of signatures is the standard's library."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from standardwebhooks import Webhook as Judge

from alerts.channels.contract import DeliveryError, Receipt
from alerts.channels.webhook import ANSWER_BYTES, Webhook, endpoint_of, open_session
from alerts.links import Links
from alerts.ssrf import Guard
from haechi.clock import utc_now
from haechi.domain.deliveries import Recipient
from tests.alerts.build import SECRET, delivery

OLDER = "whsec_" + "b2xkZXItc2VjcmV0LW9sZGVyLXNlY3JldA=="
PATIENT_S = 60.0  # of a receiver that answers: a busy machine may stand still in between
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Receiver:
    """What came to `/`, answered as the test says."""

    def __init__(self) -> None:
        self.answer: Answer = self.ok
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.elsewhere = 0
        self.port = 0

    async def ok(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=204)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(({k.lower(): v for k, v in request.headers.items()}, await request.read()))
        return await self.answer(request)

    async def other(self, request: web.Request) -> web.Response:
        self.elsewhere += 1
        return web.Response()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    it = Receiver()
    app = web.Application()
    app.router.add_post("/", it.handle)
    app.router.add_route("*", "/elsewhere", it.other)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    it.port = runner.addresses[0][1]
    yield it
    await runner.cleanup()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session(Guard(["127.0.0.0/8"]), PATIENT_S) as it:
        yield it


def channel(session: aiohttp.ClientSession, *secrets: str) -> Webhook:
    async def secrets_of(recipient: Recipient) -> tuple[str, ...]:
        return secrets or (SECRET,)

    return Webhook(session, secrets_of, Links("a key", "http://127.0.0.1:1"), utc_now, ZoneInfo("UTC"))


def status(code: int, **headers: str) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=code, text="sorry", headers={k.replace("_", "-"): v for k, v in headers.items()})

    return answer


async def refusal(session: aiohttp.ClientSession, address: str) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await channel(session).send(delivery(address))
    return caught.value


async def test_a_message_is_signed_so_that_the_standards_library_accepts_it(
    receiver: Receiver, session: aiohttp.ClientSession
) -> None:
    receipt = await channel(session).send(delivery(receiver.url))
    headers, body = receiver.requests[0]
    said = Judge(SECRET).verify(body, headers)
    assert (said["kind"], said["number"], said["recipient"]) == ("sos", 7, {"kind": "guardian", "id": "mother"})
    assert receipt == Receipt("204")
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("Haechi/")


async def test_an_altered_message_is_not_accepted(receiver: Receiver, session: aiohttp.ClientSession) -> None:
    await channel(session).send(delivery(receiver.url))
    headers, body = receiver.requests[0]
    with pytest.raises(Exception, match="No matching signature"):
        Judge(SECRET).verify(body.replace(b"sos", b"gas"), headers)


async def test_while_a_secret_is_rotated_the_old_and_the_new_one_both_fit(
    receiver: Receiver, session: aiohttp.ClientSession
) -> None:
    await channel(session, SECRET, OLDER).send(delivery(receiver.url))
    headers, body = receiver.requests[0]
    for secret in (SECRET, OLDER):
        Judge(secret).verify(body, headers)


async def test_without_a_secret_nothing_is_posted_unsigned(receiver: Receiver, session: aiohttp.ClientSession) -> None:
    async def none(_: Recipient) -> tuple[str, ...]:
        return ()

    unsigned = Webhook(session, none, Links("a key", "http://127.0.0.1:1"), utc_now, ZoneInfo("UTC"))
    with pytest.raises(DeliveryError, match="no webhook secret") as caught:
        await unsigned.send(delivery(receiver.url))
    assert caught.value.recoverable
    assert receiver.requests == []


async def test_the_id_stays_the_same_across_attempts(receiver: Receiver, session: aiohttp.ClientSession) -> None:
    for attempt in (1, 2):
        await channel(session).send(delivery(receiver.url, attempts=attempt))
    assert [headers["webhook-id"] for headers, _ in receiver.requests] == ["msg_1", "msg_1"]


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
async def test_every_2xx_is_a_receipt(code: int, receiver: Receiver, session: aiohttp.ClientSession) -> None:
    receiver.answer = status(code)
    assert (await channel(session).send(delivery(receiver.url))).words.startswith(str(code))


@pytest.mark.parametrize(
    ("code", "recoverable", "endpoint_down"),
    [(400, True, False), (401, True, False), (404, True, False), (410, False, False), (429, True, False),
     (500, True, True), (503, True, True)],
)  # fmt: skip
async def test_everything_else_is_a_failure(
    code: int, recoverable: bool, endpoint_down: bool, receiver: Receiver, session: aiohttp.ClientSession
) -> None:
    receiver.answer = status(code)
    error = await refusal(session, receiver.url)
    assert (error.recoverable, error.endpoint_down, error.gone) == (recoverable, endpoint_down, code == 410)
    assert str(error) == f"{code} sorry"


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure_and_never_followed(
    code: int, receiver: Receiver, session: aiohttp.ClientSession
) -> None:
    receiver.answer = status(code, location="/elsewhere")
    assert (await refusal(session, receiver.url)).recoverable
    assert receiver.elsewhere == 0


async def test_the_patience_that_an_endpoint_asks_for_is_known(
    receiver: Receiver, session: aiohttp.ClientSession
) -> None:
    receiver.answer = status(429, retry_after="17")
    assert (await refusal(session, receiver.url)).retry_after_s == 17
    receiver.answer = status(503, retry_after=format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True))
    assert 0 < ((await refusal(session, receiver.url)).retry_after_s or 0) <= 60
    receiver.answer = status(503, retry_after="soon")
    assert (await refusal(session, receiver.url)).retry_after_s is None


async def test_an_endpoint_that_hangs_costs_the_deadline_and_no_more(receiver: Receiver) -> None:
    async def hang(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        raise AssertionError

    receiver.answer = hang
    async with open_session(Guard(["127.0.0.0/8"]), 0.5) as session, asyncio.timeout(PATIENT_S / 2):
        error = await refusal(session, receiver.url)
    assert (str(error), error.recoverable, error.endpoint_down) == ("no answer in time", True, True)


async def test_an_answer_that_drips_is_a_receipt_as_soon_as_its_status_is_there(
    receiver: Receiver, session: aiohttp.ClientSession
) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b".")
            await asyncio.sleep(0.05)

    receiver.answer = drip
    async with asyncio.timeout(PATIENT_S / 2):
        assert (await channel(session).send(delivery(receiver.url))).words.startswith("200")


async def test_of_a_huge_answer_only_the_front_is_read(receiver: Receiver, session: aiohttp.ClientSession) -> None:
    written = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b"x" * 100_000)
            written += 100_000
        return response

    receiver.answer = flood
    receipt = await channel(session).send(delivery(receiver.url))
    assert len(receipt.words) < ANSWER_BYTES
    assert written < 50_000_000


async def test_an_unpacked_bomb_is_not_unpacked(receiver: Receiver, session: aiohttp.ClientSession) -> None:
    receiver.answer = status(200, content_encoding="gzip")
    assert (await channel(session).send(delivery(receiver.url))).words == "200 sorry"


async def test_a_connection_that_is_reset_is_a_failure(session: aiohttp.ClientSession) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()

    server = await asyncio.start_server(reset, "127.0.0.1", 0)
    async with server:
        error = await refusal(session, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    assert (error.recoverable, error.endpoint_down) == (True, True)


async def test_nobody_listening_is_a_failure(session: aiohttp.ClientSession) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        error = await refusal(session, f"http://127.0.0.1:{free.getsockname()[1]}/")
    assert (error.recoverable, error.endpoint_down) == (True, True)


async def test_what_does_not_speak_http_is_a_failure(session: aiohttp.ClientSession) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"\x00\xff\x17" * 100 + b"\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with server:
        error = await refusal(session, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    assert (error.recoverable, error.endpoint_down) == (True, True)


async def test_a_certificate_that_nobody_vouches_for_is_a_failure(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(ignore, "127.0.0.1", 0, ssl=self_signed(tmp_path))
    async with server:
        error = await refusal(session, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    assert (error.recoverable, error.endpoint_down) == (True, True)
    assert "certificate" in str(error)


async def test_a_private_address_is_refused_in_words_that_name_the_setting(receiver: Receiver) -> None:
    async with open_session(Guard(()), PATIENT_S) as session:
        error = await refusal(session, receiver.url)
    assert "alerts.allow_networks" in str(error)
    assert (error.recoverable, error.endpoint_down) == (True, False)
    assert receiver.requests == []


@pytest.mark.parametrize(
    "address", ["", "not an address", "ftp://example.org/", "http://", "file:///etc/passwd", "http://[::1"]
)
async def test_what_is_no_address_is_not_tried_again(address: str, session: aiohttp.ClientSession) -> None:
    assert not (await refusal(session, address)).recoverable


def test_the_endpoint_is_host_and_port() -> None:
    assert endpoint_of("https://example.org/a") == endpoint_of("https://example.org:443/b") == "example.org:443"
    assert endpoint_of("http://[::1") == "http://[::1"


def self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "both.pem"
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
