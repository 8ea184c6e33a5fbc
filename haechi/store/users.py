"""Users (argon2id), their grants, and bearer tokens (SHA-256)."""

from collections.abc import Iterable
from datetime import datetime

import asyncpg
import msgspec

from haechi.domain.access import Principal, Role

__all__ = ["Principal", "Role", "Token", "User", "Users"]


class User(msgspec.Struct, frozen=True):
    """A user as administrators see it."""

    name: str
    grants: frozenset[tuple[Role, str]]
    disabled_at: datetime | None


class Token(msgspec.Struct, frozen=True):
    """A bearer token as administrators see it; the secret itself was told once."""

    id: str
    name: str
    role: Role
    district: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class Users:
    """The users and tokens of all districts."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def add_user(self, name: str, password: str, grants: Iterable[tuple[Role, str]]) -> None:
        """Conflict when the name is taken; NotFound for an unknown district; PermanentError for a weak password."""
        raise NotImplementedError

    async def set_password(self, name: str, password: str) -> None:
        """Ends the user's sessions, too."""
        raise NotImplementedError

    async def disable(self, name: str) -> None:
        """No sign-in and no session any more."""
        raise NotImplementedError

    async def users(self) -> list[User]:
        raise NotImplementedError

    async def sign_in(self, name: str, password: str) -> Principal | None:
        """None for a wrong name or password or a disabled user, after the same time."""
        raise NotImplementedError

    async def stamp_of(self, name: str) -> str | None:
        """What a session carries beside the name: changes with the password; None when there is no such user."""
        raise NotImplementedError

    async def principal_of_session(self, name: str, stamp: str) -> Principal | None:
        """The signed-in user, with the grants of now."""
        raise NotImplementedError

    async def add_token(self, name: str, role: Role, district: str, expires_at: datetime | None = None) -> str:
        """The bearer token, told this once."""
        raise NotImplementedError

    async def revoke_token(self, token_id: str) -> None:
        raise NotImplementedError

    async def tokens(self) -> list[Token]:
        raise NotImplementedError

    async def principal_of(self, token: str) -> Principal | None:
        """None for an unknown, expired or revoked token."""
        raise NotImplementedError
