"""Errors in the user's words, and whether trying again can help."""


class HaechiError(Exception):
    """Something a person can act on: what is wrong, where (file, key, camera), what to do; shown without traceback."""


class ConfigError(HaechiError):
    """A setting is wrong; the message names the key, where it came from and the fix."""


class TransientError(HaechiError):
    """A store, broker or network is away: the same work may succeed later, so it is retried in place, un-acked."""


class PermanentError(HaechiError):
    """The input itself cannot be processed (decoding, validation): it becomes a dead letter with this reason."""


class UntrustedState(HaechiError):  # noqa: N818 - a state, as in "ended by UntrustedState"
    """The process can no longer answer for its own state; it ends, and starting again is recovery."""


class NotFound(HaechiError):  # noqa: N818 - read as "raise NotFound(...)", the field's usage
    """The registry or the incident table holds no such row, or not in the caller's district."""


class Conflict(HaechiError):  # noqa: N818 - the same
    """The row has changed in between, or the step is not possible in its present state."""


def first_of(error: BaseException) -> BaseException:
    """What failed, where it was one of several tasks."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def in_words(error: BaseException) -> str:
    """What failed, for a line: a HaechiError in its own words, any other with its type."""
    first = first_of(error)
    return str(first) if isinstance(first, HaechiError) else f"{type(first).__name__}: {first}"
