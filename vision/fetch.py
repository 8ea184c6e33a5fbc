"""Official weights into the data folder, when somebody asks for them; never at a start."""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from haechi.errors import HaechiError

_CHUNK = 1 << 16


@dataclass(frozen=True)
class Weights:
    """A file that its maker publishes, and what it must be."""

    name: str
    url: str
    bytes: int
    sha256: str
    licence: str

    def path(self, data: Path) -> Path:
        """Where it lies once fetched."""
        return data / "models" / f"{self.name}.pt"


OFFICIAL = (
    Weights(
        "yolo11n",
        "https://github.com/ultralytics/assets/releases/download/v8.3.0/yolo11n.pt",
        5_613_764,
        "0ebbc80d4a7680d14987a577cd21342b65ecfd94632bd9a8da63ae6417644ee1",
        "AGPL-3.0, Ultralytics",
    ),
)


class FetchError(HaechiError):
    """Weights could not be fetched: why, and what to do on a machine without internet."""


class Open(Protocol):
    """Opens a URL for reading."""

    def __call__(self, url: str, /) -> IO[bytes]: ...


def over_https(url: str) -> IO[bytes]:
    if not url.startswith("https://"):
        raise FetchError(f"{url} is no https address.")
    response: IO[bytes] = urllib.request.urlopen(url, timeout=30)  # noqa: S310 (https only, checked above)
    return response


def find(name: str) -> Weights:
    """The published weights of a name; `FetchError` lists those that are known."""
    for weights in OFFICIAL:
        if weights.name == name:
            return weights
    raise FetchError(f"No weights are known as '{name}'. Known: {', '.join(w.name for w in OFFICIAL)}.")


def is_genuine(path: Path, weights: Weights) -> bool:
    """Whether the file is there and is, to the byte, what its maker published."""
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == weights.sha256


def fetch(weights: Weights, data: Path, *, open_url: Open, on_progress: Callable[[int], None]) -> Path:
    """Fetches the weights unless they are there, checks them, and returns their path.

    The file appears under its name only when it is whole and genuine. Raises `FetchError` on a closed machine.
    """
    path = weights.path(data)
    if is_genuine(path, weights):
        on_progress(weights.bytes)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    digest, done = hashlib.sha256(), 0
    try:
        with open_url(weights.url) as source, part.open("wb") as out:
            while chunk := source.read(_CHUNK):
                done += len(chunk)
                if done > weights.bytes:
                    break
                digest.update(chunk)
                out.write(chunk)
                on_progress(done)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        part.unlink(missing_ok=True)
        raise FetchError(
            f"{weights.url} cannot be reached ({error}). On a machine without internet: fetch that file elsewhere, "
            f"put it at {path}, and run this command again to check it. Until then the shipped model is used.",
        ) from error
    if done != weights.bytes or digest.hexdigest() != weights.sha256:
        part.unlink(missing_ok=True)
        raise FetchError(
            f"What {weights.url} sent is not {weights.name}: {done} bytes with SHA-256 {digest.hexdigest()}, "
            f"expected {weights.bytes} bytes with {weights.sha256}. A proxy may have answered instead; nothing was kept.",
        )
    part.replace(path)
    return path
