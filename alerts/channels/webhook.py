"""A signed POST to an address that the recipient gave (Standard Webhooks 1.0.0)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

import aiohttp
import msgspec
from standardwebhooks import Webhook as Signer
from yarl import URL

import haechi
from alerts.channels.contract import DeliveryError, Receipt
from alerts.links import Links
from alerts.payload import payload_of
from alerts.ssrf import Guard, RefusedAddress
from haechi.clock import Clock
from haechi.domain.deliveries import Delivery, Recipient

# What is read of an answer at most (as Svix), and for how long once its status is known.
ANSWER_BYTES = 20_000
ANSWER_PATIENCE_S = 1.0
_WORDS_KEPT = 200
_GONE = 410

# The recipient's `whsec_` secrets, the newest first; more than one while a secret is being rotated.
Secrets = Callable[[Recipient], Awaitable[Sequence[str]]]
# The name of a person by id, as a guardian gave it; empty where it is not known.
Names = Callable[[str], str]


def open_session(guard: Guard, timeout_s: float) -> aiohttp.ClientSession:
    """The session of outgoing HTTP: guarded, without cookies, proxies or decompression, with one total deadline.

    Connections are not limited here: the sender's bulkheads do it per endpoint.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, socket_factory=guard.socket, ttl_dns_cache=10),
        timeout=aiohttp.ClientTimeout(total=timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        headers={"user-agent": f"Haechi/{haechi.__version__}", "content-type": "application/json"},
    )


class Webhook:
    """The channel `webhook`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        secrets: Secrets,
        links: Links,
        clock: Clock,
        zone: ZoneInfo,
        name_of: Names = lambda _person: "",
    ) -> None:
        self._zone = zone
        self._name_of = name_of
        self._session = session
        self._secrets = secrets
        self._links = links
        self._clock = clock

    def endpoint(self, delivery: Delivery) -> str:
        """The host and port of the address."""
        return endpoint_of(delivery.recipient.address)

    async def send(self, delivery: Delivery) -> Receipt:
        """Only 2xx is a receipt; a redirect is a failure, never followed. Raises DeliveryError."""
        secrets = await self._secrets(delivery.recipient)
        if not secrets:
            raise DeliveryError("the recipient has no webhook secret", recoverable=True)
        now = self._clock()
        name = self._name_of(delivery.incident.subject)
        body = msgspec.json.encode(payload_of(delivery, self._links, now, self._zone, name))
        headers = signed_headers(delivery.id, now, body, secrets)
        try:
            async with self._session.post(
                delivery.recipient.address, data=body, headers=headers, allow_redirects=False
            ) as response:
                return _judge(response, await _read_answer(response), now)
        except TimeoutError as error:
            raise DeliveryError("no answer in time", recoverable=True, endpoint_down=True) from error
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            raise DeliveryError(f"not an address to post to: {error}", recoverable=False) from error
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, RefusedAddress) or RefusedAddress.__name__ in repr(error.os_error):
                raise DeliveryError(f"refused address: {error.os_error.strerror}", recoverable=True) from error
            raise DeliveryError(f"cannot connect: {error.os_error}", recoverable=True, endpoint_down=True) from error
        except (aiohttp.ClientError, OSError) as error:
            words = f"{type(error).__name__}: {error}"[:_WORDS_KEPT]
            raise DeliveryError(words, recoverable=True, endpoint_down=True) from error
        except ValueError as error:  # after ClientError: a certificate that fails is a ValueError too
            raise DeliveryError(f"not an address to post to: {error}", recoverable=False) from error


def endpoint_of(address: str) -> str:
    """`host:port` of an http(s) address; an address that is none is its own endpoint."""
    try:
        url = URL(address)
    except ValueError:
        return address
    return f"{url.host}:{url.port}"


def signed_headers(message: str, at: datetime, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The three headers: the id is the message's for ever, time and signatures belong to this attempt."""
    text = body.decode()
    return {
        "webhook-id": message,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Signer(secret).sign(message, at, text) for secret in secrets),
    }


async def _read_answer(response: aiohttp.ClientResponse) -> str:
    """The front of the answer. The status has already decided, so a drip or a flood only costs its connection."""
    parts: list[bytes] = []
    left = ANSWER_BYTES
    try:
        async with asyncio.timeout(ANSWER_PATIENCE_S):
            while left > 0 and (part := await response.content.read(left)):
                parts.append(part)
                left -= len(part)
    except (TimeoutError, aiohttp.ClientError, OSError):
        response.close()
    if not response.content.at_eof():
        response.close()
    return b"".join(parts)[:_WORDS_KEPT].decode(errors="replace")


def _judge(response: aiohttp.ClientResponse, answer: str, now: datetime) -> Receipt:
    status = response.status
    words = f"{status} {answer}".strip()
    if 200 <= status < 300:
        return Receipt(words)
    if status == _GONE:
        raise DeliveryError(words, recoverable=False, gone=True)
    if 300 <= status < 400:
        raise DeliveryError(f"{status} redirect, not followed", recoverable=True)
    patience = _seconds(response.headers.get("retry-after"), now)
    raise DeliveryError(words, recoverable=True, endpoint_down=status >= 500, retry_after_s=patience)


def _seconds(retry_after: str | None, now: datetime) -> float | None:
    """Retry-After in its two forms, seconds or an HTTP date (RFC 9110, 10.2.3); None where it is neither."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        at = parsedate_to_datetime(retry_after)
        return max((at - now).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None
