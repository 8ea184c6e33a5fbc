"""Identifiers: deterministic ones, so that a repeated event is the same event, and unguessable ones for devices."""

import hashlib
import secrets
from datetime import UTC, datetime
from uuid import UUID, uuid4, uuid5
from zlib import crc32

_ALERTS = UUID("6a1f2f0e-6f6e-5d52-9a0e-5be1e6a9c1d1")
SHARDS = 256


def shard_of(person: str) -> int:
    """The logical shard of a person or sensor, 0–255; partitions are `shard % partitions`."""
    return crc32(person.encode()) % SHARDS


def alert_id(kind: str, subject: str, place: str, started_at: datetime) -> str:
    """The same episode has the same id on whichever road and however often it is raised."""
    started = started_at.astimezone(UTC).isoformat(timespec="microseconds")
    return str(uuid5(_ALERTS, f"{kind}\x1f{subject}\x1f{place}\x1f{started}"))


def input_id(device: str, event_time: datetime, kind: str) -> str:
    """The ledger's name of one accepted input: hash of device, event time and kind, 32 hex digits."""
    at = event_time.astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.blake2b(f"{device}\x1f{at}\x1f{kind}".encode(), digest_size=16).hexdigest()


def device_mark(device: str) -> int:
    """A device in the trail: the front of SHA-256 of its id, signed 64 bits. It finds the device, and opens no door."""
    return int.from_bytes(hashlib.sha256(device.encode()).digest()[:8], "big", signed=True)


def new_id() -> str:
    """A random row id (UUID version 4)."""
    return str(uuid4())


def is_uuid(text: str) -> bool:
    """Whether the text can be a row's id at all, in the one spelling in which it stands everywhere.

    PostgreSQL would find the row by others too; what names it as text (an incident's subject, the audit, Redis) would not,
    and an erasure or a bar would be done by halves.
    """
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def device_id() -> str:
    """What a device reports under: 128 unguessable bits in lower-case base 32 without padding, easy to type."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "".join(secrets.choice(alphabet) for _ in range(26))


def handle_of(credential: str) -> str:
    """The name of a row whose id is its credential, for people and paths: the front of SHA-256 of the id, 16 hex digits.
    It finds the row, and opens no door."""
    return hashlib.sha256(credential.encode()).digest()[:8].hex()


def front_of(device: str) -> str:
    """How people read of a device: its id is its credential, so only the front is told."""
    return f"{device[:6].rstrip('…')}…"
