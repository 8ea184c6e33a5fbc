"""Those who are told, on one page: the guardians' phones, the police, the fire service and the duty desk.

Every webhook is checked with `standardwebhooks` and written to a ledger (one JSON line, fsynced) before it is answered.
"""

import asyncio
import os
from datetime import datetime
from pathlib import Path

import aiohttp
import msgspec
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from haechi.clock import Clock
from sample_feeds.scenario import Receipt
from sample_feeds.seeding import Book

HOST = "127.0.0.1"
KEPT = 500
ANSWERS = ("accepted", "rejected", "en route", "on scene")
_PAGE = Path(__file__).with_name("receivers.html")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"


class _Body(msgspec.Struct):
    """What we read of a webhook; `docs` names the rest."""

    id: str
    kind: str
    status: str
    title: str
    starts_at: datetime
    number: int = 0
    link: str | None = None
    reply_to: str | None = None


class Receivers:
    """`start`, then read `receipts`; the newest 500 are kept, the ledger has them all."""

    def __init__(self, book: Book, ledger: Path, clock: Clock, session: aiohttp.ClientSession) -> None:
        self._book = book
        self._ledger = ledger
        self._clock = clock
        self._session = session
        self._runner: web.AppRunner | None = None
        self._writing = asyncio.Lock()
        self.receipts: list[Receipt] = _last(ledger)
        self.count = len(self.receipts)

    async def start(self, port: int) -> None:
        """Serve on loopback."""
        app = web.Application(client_max_size=64 * 1024)
        app.add_routes(
            [
                web.get("/", self._page),
                web.get("/receipts", self._since),
                web.post("/hook/{slug}", self._hook),
                web.post("/answer/{webhook_id}", self._answer),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, port).start()

    async def close(self) -> None:
        """Serve no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    def since(self, moment: datetime) -> list[Receipt]:
        """What has arrived since a moment."""
        return [receipt for receipt in self.receipts if receipt.arrived_at >= moment]

    async def _hook(self, request: web.Request) -> web.Response:
        arrived_at = self._clock()
        who = self._book.seeded.receivers.get(request.match_info["slug"])
        if who is None:
            raise web.HTTPNotFound(text="nobody of this name is told here")
        data = await request.read()
        try:
            body = msgspec.json.decode(data, type=_Body)
        except msgspec.MsgspecError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        genuine = _genuine(who.secret, data, request)
        receipt = Receipt(
            receiver=request.match_info["slug"],
            role=who.role,
            arrived_at=arrived_at,
            genuine=genuine,
            webhook_id=request.headers.get("webhook-id", ""),
            incident=body.id,
            kind=body.kind,
            status=body.status,
            title=body.title,
            starts_at=body.starts_at,
            ms=(arrived_at - body.starts_at).total_seconds() * 1000,
            number=body.number,
            # Anyone may post here: a forged address is neither shown as a link nor answered with our signature.
            link=body.link if genuine else None,
            reply_to=body.reply_to if genuine else None,
        )
        async with self._writing:
            await asyncio.to_thread(_append, self._ledger, receipt)
            self.receipts = [*self.receipts, receipt][-KEPT:]
            self.count += 1
        return web.Response(status=204 if receipt.genuine else 401)

    async def _page(self, _: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
        return web.Response(text=_PAGE.read_text(encoding="utf-8"), content_type="text/html", headers=headers)

    async def _since(self, request: web.Request) -> web.Response:
        after = request.query.get("after", "0")
        new = self.count - int(after) if after.isdigit() else KEPT
        names = {slug: who.name for slug, who in self._book.seeded.receivers.items()}
        found = {"count": self.count, "names": names, "receipts": self.receipts[-new:] if new > 0 else []}
        return web.Response(body=msgspec.json.encode(found), content_type="application/json")

    async def _answer(self, request: web.Request) -> web.Response:
        """An agency answers: signed with its own secret, sent to the webhook's `reply_to`."""
        wanted = request.match_info["webhook_id"]
        status = request.query.get("status", "")
        receipt = next((r for r in self.receipts if r.genuine and r.webhook_id == wanted), None)
        if receipt is None or receipt.reply_to is None or status not in ANSWERS:
            raise web.HTTPNotFound(text="nothing to answer")
        now = self._clock()
        body = msgspec.json.encode({"status": status, "reference": f"SIM-{receipt.number}"}).decode()
        signature = Webhook(self._book.seeded.receivers[receipt.receiver].secret).sign(wanted, now, body)
        headers = {
            "webhook-id": wanted,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature,
            "content-type": "application/json",
        }
        async with self._session.post(receipt.reply_to, data=body, headers=headers) as answer:
            return web.Response(status=answer.status, text=await answer.text())


def _genuine(secret: str, data: bytes, request: web.Request) -> bool:
    try:
        Webhook(secret).verify(data, dict(request.headers), json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return True


def _append(ledger: Path, receipt: Receipt) -> None:
    with ledger.open("ab") as file:
        file.write(msgspec.json.encode(receipt) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _last(ledger: Path) -> list[Receipt]:
    """The last receipts of a ledger; a line that a crash has cut off is left out."""
    if not ledger.exists():
        return []
    found = []
    for line in ledger.read_bytes().splitlines()[-KEPT:]:
        try:
            found.append(msgspec.json.decode(line, type=Receipt))
        except msgspec.MsgspecError:
            continue
    return found
