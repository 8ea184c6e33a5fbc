"""Encryption at rest of what leaves the stores: registry copies, the spool and dead letters (AES-256-GCM)."""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from haechi.config import Settings
from haechi.errors import ConfigError, PermanentError

_NONCE_BYTES = 12
_KEY_BYTES = 32


def create_key() -> str:
    """A new HAECHI_DATA_KEY: 32 random bytes in URL-safe base 64."""
    return urlsafe_b64encode(os.urandom(_KEY_BYTES)).decode()


def load_or_create_key(path: Path) -> str:
    """The embedded default: a key in a 0600 file beside the data. It protects backups of the data, not the disk."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(create_key())
    return path.read_text().strip()


class Sealer:
    """Seals and opens byte strings with one data key; what was sealed elsewhere or altered is refused."""

    def __init__(self, key: str) -> None:
        try:
            raw = urlsafe_b64decode(key)
        except ValueError as error:
            raise ConfigError("HAECHI_DATA_KEY is not base 64; make one with `haechi key create`.") from error
        if len(raw) != _KEY_BYTES:
            raise ConfigError(
                f"HAECHI_DATA_KEY holds {len(raw)} bytes, {_KEY_BYTES} are needed; make one with `haechi key create`."
            )
        self._aead = AESGCM(raw)

    def seal(self, plain: bytes, context: bytes = b"") -> bytes:
        """Nonce and ciphertext; `context` (such as the file's role) must be the same when opened."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, context)

    def open(self, sealed: bytes, context: bytes = b"") -> bytes:
        """The plain bytes; raises PermanentError when the key is another one or a byte was changed."""
        try:
            return self._aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
        except (InvalidTag, ValueError) as error:
            raise PermanentError(
                "Sealed data could not be opened: another HAECHI_DATA_KEY, or it was altered."
            ) from error


def data_key_of(settings: Settings) -> str:
    """HAECHI_DATA_KEY, or the key file that the embedded default keeps in the data folder."""
    if settings.data_key is not None:
        return settings.data_key.get_secret_value()
    return load_or_create_key(settings.data / "data.key")


def sealer_of(settings: Settings) -> Sealer:
    """The sealer of the data key."""
    return Sealer(data_key_of(settings))
