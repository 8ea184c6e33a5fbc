"""POST /sign-in and POST /sign-out. The page itself (GET /sign-in) is the wall's.

A form with `name`, `password` and, optionally, `next` (a path of ours). Right: 303 to `next`. Wrong: 303 back to
/sign-in?failed=1. Too often, or too many people at once: 303 to /sign-in?wait=SECONDS, without looking at the password.
"""

import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlencode

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from control_room.guard import SESSION_S
from haechi.clock import Clock, utc_now
from haechi.store.audit import Audit
from haechi.store.users import Users
from haechi.visitors import source_of

MOST_AT_ONCE = 40  # two are looked at at a time, each for about 50 ms: the last one waits a second
_BUSY_S = 2

log = structlog.get_logger(__name__)


class Limiter:
    """Tries per key: `tries` wrong ones at once, then one each `every_s` seconds. Bounded: the oldest keys are forgotten."""

    def __init__(self, tries: int, every_s: float, monotonic: Callable[[], float], most: int = 10_000) -> None:
        self._tries = tries
        self._every_s = every_s
        self._monotonic = monotonic
        self._most = most
        self._paid_until: OrderedDict[str, float] = OrderedDict()

    def wait_s(self, key: str) -> float:
        """Seconds until the next try; 0 is now."""
        ahead = self._paid_until.get(key, 0) - self._monotonic() - (self._tries - 1) * self._every_s
        return max(0.0, ahead)

    def take(self, key: str) -> None:
        """One try, taken before it is looked at: many at once are no way around."""
        now = self._monotonic()
        self._paid_until[key] = max(self._paid_until.get(key, now), now) + self._every_s
        self._paid_until.move_to_end(key)
        while len(self._paid_until) > self._most:
            self._paid_until.popitem(last=False)

    def give_back(self, key: str) -> None:
        """The try was right."""
        if key in self._paid_until:
            self._paid_until[key] -= self._every_s


def make_routes(
    users: Users, audit: Audit, *, clock: Clock = utc_now, monotonic: Callable[[], float] = time.monotonic
) -> list[Route]:
    """The two routes; to be mounted behind `Guard`, with /sign-in public."""
    by_name = Limiter(5, 30, monotonic)  # a name from one place
    by_place = Limiter(30, 10, monotonic)
    here = 0

    async def sign_in(request: Request) -> Response:
        nonlocal here
        form = await request.form(max_fields=10, max_files=0)
        name, password, target = (str(form.get(field, "")) for field in ("name", "password", "next"))
        address = request.client.host if request.client else "unknown"
        place = source_of(address)
        key = f"{place} {name[:200]}"
        wait = max(by_name.wait_s(key), by_place.wait_s(place))
        if here >= MOST_AT_ONCE:
            wait = max(wait, _BUSY_S)
        if wait > 0:
            _say_who_forwards(request, address)
            return _back(target, wait=str(math.ceil(wait)))
        by_name.take(key)
        by_place.take(place)
        here += 1
        try:
            principal = await users.sign_in(name, password)
        finally:
            here -= 1
        stamp = await users.stamp_of(name) if principal is not None else None
        if principal is None or stamp is None:
            await audit.write(f"anonymous at {address}", "failed to sign in", f"user:{name[:200]}", None)
            return _back(target, failed="1")
        by_name.give_back(key)
        by_place.give_back(place)
        request.session.clear()
        session_id = secrets.token_urlsafe(16)
        request.session.update(id=session_id, user=principal.name, stamp=stamp, at=int(clock().timestamp()))
        for district in sorted({district for _, district in principal.grants}):
            await audit.write(principal.name, "signed in", f"user:{principal.name}", district)
        return RedirectResponse(local_path(target), status_code=303)

    async def sign_out(request: Request) -> Response:
        session_id = request.session.get("id")
        request.session.clear()
        if session_id is not None:
            await users.end_session(session_id, timedelta(seconds=SESSION_S))
        return RedirectResponse("/sign-in", status_code=303)

    return [
        Route("/sign-in", sign_in, methods=["POST"]),
        Route("/sign-out", sign_out, methods=["POST"]),
    ]


def _say_who_forwards(request: Request, address: str) -> None:
    """Behind a proxy that nobody named, all users are one place, and one who mistypes makes all of them wait."""
    forwarded = request.headers.get("x-forwarded-for", "")
    if forwarded and address not in forwarded:
        log.warning(
            "sign_in.proxy_not_trusted",
            address=address,
            do="if a reverse proxy of yours is there, name it in HAECHI_TRUSTED_PROXIES; until then all who come through "
            "it count as one place",
        )


def local_path(target: str) -> str:
    """The path if it is one of ours, else the front page: nobody is sent to another site."""
    ours = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if ours and not target.startswith("/sign-") else "/"


def _back(target: str, **why: str) -> Response:
    return RedirectResponse(f"/sign-in?{urlencode(why | ({'next': target} if target else {}))}", status_code=303)
