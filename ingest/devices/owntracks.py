"""OwnTracks' JSON by HTTP and MQTT: https://owntracks.org/booklet/tech/json/ (velocity in km/h, battery in percent).

The device's id is the HTTP user, X-Limit-U, or the user of the topic. A watch that runs OwnTracks' format may add
`alarm` with the same words as Traccar's. Encrypted payloads are https://owntracks.org/booklet/features/encrypt/:
libsodium's secretbox with a phrase of up to 32 bytes, padded with zeroes; the nonce stands before the box.
"""

from base64 import b64decode
from typing import Any

import msgspec
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from ingest.devices.report import Fields, Goodbye, Posted, Report, decoded, device_of, null_island, urgent_of
from ingest.refusal import Refused, missing, wrong

KMH = 1 / 3.6  # m/s
SEALED = "data"  # the field of what is encrypted


class _Message(msgspec.Struct):
    kind: Any = msgspec.field(default=None, name="_type")
    lat: Any = None
    lon: Any = None
    tst: Any = None
    acc: Any = None
    vel: Any = None
    cog: Any = None
    batt: Any = None
    alarm: Any = None
    data: Any = None


_json = msgspec.json.Decoder(_Message)


def parse(posted: Posted) -> Report | Goodbye | None:
    """The report; None for a message that tells nothing about the phone (a card, a waypoint). Raises Refused."""
    if not posted.body:
        return None  # the app tells that a friend was deleted
    message = decoded(_json, posted.body)
    if message.kind == "encrypted":
        message = decoded(_json, _opened(message.data, posted))
    if message.kind == "lwt":
        return Goodbye(device_of(posted.user))
    urgent = urgent_of(message.alarm)
    if urgent is None:
        if message.kind is None:
            raise missing("_type")  # of another make: its sender must learn that nothing of it was kept
        if (message.kind != "location" and not _is_fix(message)) or null_island(message.lon, message.lat):
            return None
    read = Fields()
    report = Report(
        device=device_of(posted.user),
        at=read.time("tst", message.tst, posted.received_at),
        point=read.point(message.lon, message.lat),
        accuracy_m=read.accuracy("acc", message.acc),
        speed=read.positive("vel", message.vel, 1000, KMH),
        course=read.positive("cog", message.cog, 360),
        battery=read.positive("batt", message.batt, 100),
        urgent=urgent,
    )
    read.refuse_unless(urgent)
    return report


def _is_fix(message: _Message) -> bool:
    """The phone's own region was entered or left: what it says of the region is its own, where it was is a fix."""
    return message.kind == "transition" and message.lat is not None and message.lon is not None


def _opened(data: object, posted: Posted) -> bytes:
    if not isinstance(data, str):
        raise missing(SEALED)
    key = posted.key_of(device_of(posted.user))
    if key is None:
        raise Refused(403, "no-key", "It is encrypted, and no encryption key of this device is registered.", field="id")
    try:
        opened: bytes = SecretBox(key.encode().ljust(SecretBox.KEY_SIZE, b"\0")).decrypt(b64decode(data, validate=True))
    except (CryptoError, ValueError, TypeError) as error:
        raise wrong(SEALED, "cannot be decrypted: another encryption key, or it was altered") from error
    return opened
