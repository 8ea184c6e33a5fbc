"""Signed links: what a guardian holds instead of an account, and where an agency answers. Narrow, and expiring."""

from datetime import datetime, timedelta
from hashlib import sha256

from itsdangerous import BadData, URLSafeSerializer
from msgspec import Struct, ValidationError, convert

from haechi.errors import PermanentError

LIFETIME = timedelta(days=3)


class Link(Struct, frozen=True, array_like=True):
    """What a token says: one incident, and the guardian (of /g/) or the delivery (of /agency/) that it is bound to."""

    district: str
    incident: str
    holder: str
    expires: int  # seconds since 1970, UTC


class Links:
    """Makes and opens links below the public address of the callbacks."""

    def __init__(self, key: str, base_url: str) -> None:
        self._base = base_url.rstrip("/")
        # A salt of its own each, so that a token of one kind never opens as the other.
        self._guardian, self._agency = (
            URLSafeSerializer(key, salt=salt, signer_kwargs={"key_derivation": "hmac", "digest_method": sha256})
            for salt in ("haechi.guardian-link", "haechi.agency-link")
        )

    def guardian_page(self, district: str, incident: str, guardian: str, at: datetime) -> str:
        """The address of the page of one incident for one guardian, good for `LIFETIME` from `at`."""
        return f"{self._base}/g/{_token(self._guardian, district, incident, guardian, at)}"

    def agency_reply(self, district: str, incident: str, delivery: str, at: datetime) -> str:
        """Where an agency answers about one delivery; its right to is its own signature."""
        return f"{self._base}/agency/{_token(self._agency, district, incident, delivery, at)}"

    def open_guardian(self, token: str, at: datetime) -> Link:
        """What a token says; raises PermanentError when it is not ours, altered or expired."""
        return _open(self._guardian, token, at)

    def open_agency(self, token: str, at: datetime) -> Link:
        """The same for an agency's."""
        return _open(self._agency, token, at)


def _token(signer: URLSafeSerializer, district: str, incident: str, holder: str, at: datetime) -> str:
    return str(signer.dumps([district, incident, holder, int((at + LIFETIME).timestamp())]))


def _open(signer: URLSafeSerializer, token: str, at: datetime) -> Link:
    try:
        link = convert(signer.loads(token), Link)
    except (BadData, ValidationError) as error:
        raise PermanentError("This link is not one of ours, or not complete.") from error
    if at.timestamp() >= link.expires:
        raise PermanentError("This link has expired.")
    return link
