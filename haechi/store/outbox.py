"""The outbox of deliveries, leased by senders, and the inbox: the second road of an SOS."""

import asyncpg

from haechi.domain.alerting import Delivery


class Outbox:
    """Deliveries to be made. A lease that ends without an answer gives the same delivery, same id, to the next."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def lease(self, worker: str, limit: int, lease_s: float) -> list[Delivery]:
        """Due deliveries, life safety first; nobody else gets them for `lease_s` seconds (the database's clock)."""
        raise NotImplementedError

    async def first_attempt(self, delivery_id: str) -> None:
        """The first POST leaves now: stamps the delivery, and the incident if it is its first."""
        raise NotImplementedError

    async def delivered(self, delivery_id: str) -> None:
        raise NotImplementedError

    async def retry(self, delivery_id: str, error: str, after_s: float) -> None:
        raise NotImplementedError

    async def failed(self, delivery_id: str, error: str) -> None:
        """For good (such as 410): a person must look."""
        raise NotImplementedError

    async def wait(self, timeout_s: float) -> bool:
        """Until there may be something new, at most `timeout_s`."""
        raise NotImplementedError


class Inbox:
    """Urgent calls as they came (`haechi.domain.wire.URGENT`), kept until an incident holds them."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def put(self, call_id: str, data: bytes) -> None:
        """Durable when it returns; a repeated id changes nothing."""
        raise NotImplementedError

    async def open(self, limit: int) -> list[tuple[str, bytes]]:
        """Calls not done yet, oldest first."""
        raise NotImplementedError

    async def done(self, call_id: str, error: str | None = None) -> None:
        """Not offered again; `error` says why when it could not be processed."""
        raise NotImplementedError

    async def wait(self, timeout_s: float) -> bool:
        raise NotImplementedError
