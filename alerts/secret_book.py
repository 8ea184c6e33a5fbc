"""The secrets that webhooks are signed with, kept in memory for a minute."""

import time
from collections.abc import Callable
from typing import Protocol

from alerts.channels.contract import DeliveryError
from haechi.domain.deliveries import Recipient
from haechi.errors import HaechiError

FRESH_S = 60.0
REMEMBERED = 10_000


class Keeper(Protocol):
    """What is asked of `haechi.store.registry.Registry`."""

    async def secret_of(self, recipient: Recipient) -> str: ...


class SecretBook:
    """`await book(recipient)`: the secrets, the newest first; several, parted by spaces, while one is rotated."""

    def __init__(self, keeper: Keeper, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._keeper = keeper
        self._monotonic = monotonic
        self._known: dict[tuple[str, str], tuple[float, tuple[str, ...]]] = {}

    async def __call__(self, recipient: Recipient) -> tuple[str, ...]:
        """Raises DeliveryError where there is none, or PostgreSQL is away and we have not seen it lately."""
        key = (recipient.kind, recipient.id)
        read_at, secrets = self._known.get(key, (-FRESH_S, ()))
        if secrets and self._monotonic() - read_at < FRESH_S:
            return secrets
        try:
            secrets = tuple((await self._keeper.secret_of(recipient)).split())
        except HaechiError as error:
            raise DeliveryError(f"no secret to sign with: {error}", recoverable=True) from error
        self._known.pop(key, None)
        self._known[key] = (self._monotonic(), secrets)
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
        return secrets
