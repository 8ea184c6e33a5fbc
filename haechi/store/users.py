"""Users (argon2id), their grants, and bearer tokens (SHA-256)."""

import asyncio
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest

import asyncpg
import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from haechi.domain.access import Principal, Role
from haechi.domain.signatures import forges
from haechi.errors import Conflict, NotFound, PermanentError
from haechi.ids import is_uuid
from haechi.store.postgres import Pool, translate_errors

__all__ = ["Principal", "Role", "Token", "User", "Users"]

LEAST_PASSWORD = 12
MOST_PASSWORD = 1024
_AT_ONCE = 2  # hashes; each takes 64 MiB
_TOKEN_BYTES = 32

_USER = """
SELECT u.name, u.password_hash, u.disabled_at,
       coalesce(array_agg(g.role) FILTER (WHERE g.role IS NOT NULL), '{}') AS roles,
       coalesce(array_agg(g.district) FILTER (WHERE g.role IS NOT NULL), '{}') AS districts
FROM users u LEFT JOIN grants g ON g.user_id = u.id
"""


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

    def __init__(self, pool: Pool, hasher: PasswordHasher | None = None) -> None:
        self._pool = pool
        self._hasher = hasher or PasswordHasher()
        self._hashing = asyncio.Semaphore(_AT_ONCE)
        self._nobody: str | None = None  # what a wrong name is checked against

    async def add_user(self, name: str, password: str, grants: Iterable[tuple[Role, str]]) -> None:
        """Conflict when the name is taken; NotFound for an unknown district; PermanentError for a weak password, and for a
        name as guardians sign."""
        if forges(name):
            raise PermanentError(f"'{name}' is how a guardian signs; give the user another name.")
        hashed = await self._hash(password)
        try:
            with translate_errors():
                async with self._pool.acquire() as connection, connection.transaction():
                    user = await connection.fetchval(
                        "INSERT INTO users (name, password_hash) VALUES ($1, $2) RETURNING id", name, hashed
                    )
                    await connection.executemany(
                        "INSERT INTO grants (user_id, role, district) VALUES ($1, $2, $3)",
                        [(user, role, district) for role, district in grants],
                    )
        except asyncpg.UniqueViolationError as error:
            raise Conflict(f"There is a user '{name}' already.") from error
        except asyncpg.ForeignKeyViolationError as error:
            raise NotFound("A district of the grants does not exist.") from error

    async def set_password(self, name: str, password: str) -> None:
        """Ends the user's sessions, too."""
        await self._change("UPDATE users SET password_hash = $2 WHERE name = $1", name, await self._hash(password))

    async def disable(self, name: str) -> None:
        """No sign-in and no session any more."""
        await self._change(
            "UPDATE users SET disabled_at = coalesce(disabled_at, clock_timestamp()) WHERE name = $1", name
        )

    async def users(self) -> list[User]:
        """By name."""
        with translate_errors():
            rows = await self._pool.fetch(f"{_USER} GROUP BY u.id ORDER BY u.name")
        return [User(row["name"], _grants(row), row["disabled_at"]) for row in rows]

    async def sign_in(self, name: str, password: str) -> Principal | None:
        """None for a wrong name or password or a disabled user, after the same time."""
        row = await self._row(name)
        alive = row is not None and row["disabled_at"] is None
        if self._nobody is None:
            self._nobody = await self._hash(secrets.token_hex())
        right = await self._verify(row["password_hash"] if row is not None and alive else self._nobody, password)
        return Principal(row["name"], _grants(row)) if row is not None and alive and right else None

    async def stamp_of(self, name: str) -> str | None:
        """What a session carries beside the name: changes with the password; None when there is no such user."""
        row = await self._row(name)
        return None if row is None else _stamp(row["password_hash"])

    async def end_session(self, session: str, lasts: timedelta) -> None:
        """It opens nothing any more, also from a copy of its cookie; a session `lasts` so long at most."""
        with translate_errors():
            await self._pool.execute(
                "WITH over AS (DELETE FROM ended_sessions WHERE until < clock_timestamp()) "
                "INSERT INTO ended_sessions (id, until) VALUES ($1, clock_timestamp() + $2) ON CONFLICT DO NOTHING",
                session,
                lasts,
            )

    async def principal_of_session(self, session: str, name: str, stamp: str) -> Principal | None:
        """The signed-in user, with the grants of now."""
        row = await self._row(name, session)
        if row is None or row["disabled_at"] is not None or not compare_digest(_stamp(row["password_hash"]), stamp):
            return None
        return Principal(row["name"], _grants(row))

    async def add_token(self, name: str, role: Role, district: str, expires_at: datetime | None = None) -> str:
        """The bearer token, told this once."""
        token = f"haechi_{secrets.token_urlsafe(_TOKEN_BYTES)}"
        try:
            with translate_errors():
                await self._pool.execute(
                    "INSERT INTO tokens (hash, name, district, role, expires_at) VALUES ($1, $2, $3, $4, $5)",
                    sha256(token.encode()).digest(),
                    name,
                    district,
                    role,
                    expires_at,
                )
        except asyncpg.ForeignKeyViolationError as error:
            raise NotFound(f"There is no district '{district}'.") from error
        return token

    async def revoke_token(self, token_id: str) -> None:
        """It opens nothing any more."""
        if not is_uuid(token_id):
            raise NotFound(f"There is no token {token_id}; `haechi token list` shows the ids.")
        await self._change(
            "UPDATE tokens SET revoked_at = coalesce(revoked_at, clock_timestamp()) WHERE id = $1", token_id
        )

    async def tokens(self) -> list[Token]:
        """Newest first."""
        with translate_errors():
            rows = await self._pool.fetch(
                "SELECT id, name, role, district, created_at, expires_at, revoked_at FROM tokens "
                "ORDER BY created_at DESC"
            )
        return [Token(*row) for row in rows]

    async def principal_of(self, token: str) -> Principal | None:
        """None for an unknown, expired or revoked token."""
        with translate_errors():
            row = await self._pool.fetchrow(
                "SELECT name, role, district FROM tokens WHERE hash = $1 AND revoked_at IS NULL "
                "AND (expires_at IS NULL OR expires_at > clock_timestamp())",
                sha256(token.encode()).digest(),
            )
        return None if row is None else Principal(f"token {row['name']}", frozenset({(row["role"], row["district"])}))

    async def _row(self, name: str, session: str | None = None) -> "asyncpg.Record | None":
        """The user; none by a session that was ended."""
        with translate_errors():
            return await self._pool.fetchrow(
                f"{_USER} WHERE u.name = $1 AND NOT EXISTS (SELECT 1 FROM ended_sessions WHERE id = $2) GROUP BY u.id",  # noqa: S608 - literals
                name,
                session,
            )

    async def _change(self, statement: str, key: str, *values: str) -> None:
        with translate_errors():
            if await self._pool.execute(statement, key, *values) == "UPDATE 0":
                raise NotFound(f"There is no '{key}'.")

    async def _hash(self, password: str) -> str:
        if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
            raise PermanentError(f"A password has {LEAST_PASSWORD} to {MOST_PASSWORD} characters.")
        async with self._hashing:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def _verify(self, hashed: str, password: str) -> bool:
        if len(password) > MOST_PASSWORD:
            return False
        async with self._hashing:
            try:
                return await asyncio.to_thread(self._hasher.verify, hashed, password)
            except (VerifyMismatchError, InvalidHashError):
                return False


def _grants(row: "asyncpg.Record") -> frozenset[tuple[Role, str]]:
    return frozenset(zip(row["roles"], row["districts"], strict=True))


def _stamp(password_hash: str) -> str:
    return sha256(password_hash.encode()).hexdigest()[:32]
