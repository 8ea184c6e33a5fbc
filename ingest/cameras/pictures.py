"""What a camera source gives, and the contract of one."""

from collections.abc import Iterator
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from haechi.errors import TransientError


class SourceLost(TransientError):  # noqa: N818 - read as "raise SourceLost(...)"
    """The camera cannot be opened or has gone silent; the words say why. It is opened again after a while."""


class Picture(msgspec.Struct, frozen=True):
    """One decoded picture: `image` (h, w, 3) uint8, blue-green-red; `number` counts the frames decoded so far."""

    number: int
    image: NDArray[np.uint8]


class About(msgspec.Struct, frozen=True):
    """What an opened source says of itself."""

    width: int
    height: int
    frames_per_second: float
    codec: str


class Source(Protocol):
    """A camera that can be read. Blocking: it is called in a thread of its own."""

    def pictures(self, every_s: float) -> Iterator[Picture]:
        """Pictures at most each `every_s` seconds, the newest, at the camera's pace; raises SourceLost when it goes.

        Frames in between are decoded (they are needed for the next) but not converted.
        """

    def about(self) -> About:
        """Opens, looks, closes. Raises SourceLost."""

    def stop(self) -> None:
        """Called from another thread: `pictures` ends within seconds."""
