"""Named places where a test can make a process die, fail or wait, to prove what survives it *there*.

``HAECHI_FAILPOINT`` names what to do, several separated by commas::

    streaming.after_output=kill            SIGKILL to this process, the first time it gets there
    sender.before_post=sleep:2.5@3         wait 2.5 s, the third time only
    gateway.after_spool=raise,inbox.before_commit=term

Without ``@nth`` the action is taken every time. Before acting, a line ``name action nth pid`` is appended to the file
named by ``HAECHI_FAILPOINT_LOG`` and fsynced, so that a test can prove that the process died at this very place.

Unset (production), a failpoint costs one look into an empty dictionary. ``sleep`` blocks the whole process, event loop
included, as a long pause of the machine would.
"""

import os
import re
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass

VARIABLE = "HAECHI_FAILPOINT"
LOG_VARIABLE = "HAECHI_FAILPOINT_LOG"
_ENTRY = re.compile(r"([\w.-]+)=(?:(kill|term|raise)|sleep:(\d+\.?\d*))(?:@(\d+))?")


class FailpointError(Exception):
    """What ``raise`` raises: an exception that nobody expects."""


@dataclass(frozen=True)
class Failpoint:
    """One action at one name. ``nth`` is None where it is taken every time."""

    kind: str
    seconds: float = 0.0
    nth: int | None = None


def parse(text: str) -> dict[str, Failpoint]:
    """The failpoints of ``HAECHI_FAILPOINT``; ValueError in words where the text is wrong."""
    return dict(_parse_one(entry.strip()) for entry in text.split(",") if entry.strip())


def _parse_one(entry: str) -> tuple[str, Failpoint]:
    match = _ENTRY.fullmatch(entry)
    if match is None:
        raise ValueError(
            f"{VARIABLE}: {entry!r} is not a failpoint; write NAME=kill, term, raise or sleep:SECONDS, "
            "with @N for the Nth time only"
        )
    name, kind, seconds, nth = match.groups()
    return name, Failpoint(kind or "sleep", float(seconds or 0), int(nth) if nth else None)


class Failpoints:
    """The failpoints of one process: who asks for what, and how often each place was reached."""

    def __init__(self, failpoints: Mapping[str, Failpoint], log: str | None = None) -> None:
        self._failpoints = dict(failpoints)
        self._log = log
        self._reached = dict.fromkeys(self._failpoints, 0)

    def reach(self, name: str) -> None:
        """Do what was asked for at this place; usually nothing."""
        point = self._failpoints.get(name)
        if point is None:
            return
        self._reached[name] += 1
        if point.nth is not None and self._reached[name] != point.nth:
            return
        self._mark(f"{name} {point.kind} {self._reached[name]} {os.getpid()}\n")
        match point.kind:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "term":
                os.kill(os.getpid(), signal.SIGTERM)
            case "sleep":
                time.sleep(point.seconds)
            case _:
                raise FailpointError(f"failpoint {name}")

    def _mark(self, line: str) -> None:
        if self._log is None:
            return
        file = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(file, line.encode())
            os.fsync(file)
        finally:
            os.close(file)


# Read once from the environment: a failpoint is a property of the process, and must cost nothing where there is none.
_process = Failpoints(parse(os.environ.get(VARIABLE, "")), os.environ.get(LOG_VARIABLE))
failpoint = _process.reach
