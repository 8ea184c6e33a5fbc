"""Why an input is not taken, in words for whoever sent it and as a short reason to count by."""

from haechi.errors import HaechiError


class Refused(HaechiError):  # noqa: N818 - read as "raise Refused(...)": an answer, not a fault of ours
    """An input that is not accepted. `status` is the HTTP status, `reason` the metric's label.

    `field` names the field that is wrong, `retry_after_s` says when trying again may succeed. `forget`: nothing is
    wrong with it, and the sender should not keep it either.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        words: str,
        *,
        field: str | None = None,
        retry_after_s: int | None = None,
        forget: bool = False,
    ) -> None:
        super().__init__(words)
        self.status = status
        self.reason = reason
        self.words = words
        self.field = field
        self.retry_after_s = retry_after_s
        self.forget = forget


def unreadable(words: str) -> Refused:
    """The bytes are not of the format that they should be."""
    return Refused(400, "unreadable", words)


def missing(field: str) -> Refused:
    """A field without which the report means nothing."""
    return Refused(400, "missing-field", f"The field '{field}' is missing.", field=field)


def wrong(field: str, words: str) -> Refused:
    """A field whose value cannot be."""
    return Refused(422, "wrong-field", f"The field '{field}' {words}.", field=field)


def overloaded(words: str, *, reason: str = "overloaded", retry_after_s: int = 5) -> Refused:
    """Not now: nothing is kept, and the sender should send it again."""
    return Refused(503, reason, words, retry_after_s=retry_after_s)
