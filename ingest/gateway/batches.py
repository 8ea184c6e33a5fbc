"""Batches: every item by itself is accepted, or refused in words; calls for help go first."""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from prometheus_client import Counter
from starlette.types import Receive, Scope, Send

from haechi.domain.people import DeviceKind, Reader, Reporter
from haechi.errors import HaechiError
from haechi.failpoints import failpoint
from ingest.devices import batch, tags
from ingest.devices.report import Posted, Report
from ingest.gateway.answers import problem, respond
from ingest.gateway.requests import Body, Register, address_of, reporter_of
from ingest.intake import Intake, OnBehalf
from ingest.refusal import Refused, overloaded

BODY_BYTES = 1 << 20  # of a reporter's batch; a device's own is bounded like every other body of a device
_TAGS_ONLY: frozenset[DeviceKind] = frozenset({"tag"})


class Entry(NamedTuple):
    """An item that can be read, and whose right to speak it claims."""

    report: Report
    on_behalf: OnBehalf | None


Items = Sequence[Entry | Refused]


class _Answer(msgspec.Struct):
    accepted: int
    refused: list["_RefusedItem"]


class _RefusedItem(msgspec.Struct, omit_defaults=True):
    index: int
    status: int
    reason: str
    why: str
    field: str | None = None


class PositionsDoor:
    """`POST /v1/positions`: of devices that name themselves by their id, or by a reporter with its token."""

    def __init__(self, intake: Intake, reporters: Register[Reporter], refused: Counter, body: Body) -> None:
        self._intake = intake
        self._reporters = reporters
        self._refused = refused
        self._body = body
        self._reporters_body = Body(BODY_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        received_at = self._intake.clock()
        try:
            by, unknown = await reporter_of(scope, self._reporters), None
        except Refused as refusal:
            by, unknown = None, refusal
        try:
            body = await (self._reporters_body if by else self._body).read(scope, receive)
            read = batch.parse(Posted(b"", body, received_at))
        except Refused as refusal:
            await _refuse(send, refusal, self._refused)
            return
        items = [item if isinstance(item, Refused) else Entry(item, by) for item in read]
        if unknown is not None:  # a call for help is taken all the same
            items = [item if isinstance(item, Entry) and item.report.urgent else unknown for item in items]
        await _take_and_answer(self._intake, items, received_at, scope, send, self._refused)


class TagsDoor:
    """`POST /v1/tags`: each reader names itself by its id."""

    def __init__(self, intake: Intake, readers: Register[Reader], refused: Counter, body: Body) -> None:
        self._intake = intake
        self._readers = readers
        self._refused = refused
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        received_at = self._intake.clock()
        try:
            read = tags.parse(Posted(b"", await self._body.read(scope, receive), received_at))
        except Refused as refusal:
            await _refuse(send, refusal, self._refused)
            return
        names = {item.reader for item in read if isinstance(item, tags.Sighted)}
        readers = dict(zip(names, await asyncio.gather(*map(self._reader, names)), strict=True))
        items = [item if isinstance(item, Refused) else _by_reader(item, readers[item.reader]) for item in read]
        await _take_and_answer(self._intake, items, received_at, scope, send, self._refused)

    async def _reader(self, name: str) -> Reader | Refused:
        try:
            reader = await self._readers.find(name)
        except Refused as refusal:
            return refusal
        return reader or Refused(403, "unknown-reader", "No reader is registered under this id.", field="reader")


def _by_reader(sighted: tags.Sighted, reader: Reader | Refused) -> Entry | Refused:
    if isinstance(reader, Refused):
        return reader
    return Entry(sighted.report(reader), OnBehalf(reader.district, _TAGS_ONLY))


async def take(intake: Intake, items: Items, received_at: datetime, source: str) -> list[Refused | None]:
    """What became of each item, None: accepted. Calls for help are on both roads before the first position."""
    outcomes: list[Refused | None] = [item if isinstance(item, Refused) else None for item in items]
    entries = [(n, item) for n, item in enumerate(items) if isinstance(item, Entry)]
    for urgent in (True, False):
        turn = [(n, entry) for n, entry in entries if (entry.report.urgent is not None) is urgent]
        reports = (_outcome(intake.report(e.report, received_at, source, e.on_behalf)) for _, e in turn)
        for (n, _), outcome in zip(turn, await asyncio.gather(*reports), strict=True):
            outcomes[n] = outcome
    return outcomes


async def _outcome(report: Awaitable[None]) -> Refused | None:
    try:
        await report
    except HaechiError as error:
        return error if isinstance(error, Refused) else overloaded(str(error))
    return None


async def _take_and_answer(
    intake: Intake, items: Items, received_at: datetime, scope: Scope, send: Send, counter: Counter
) -> None:
    outcomes = await take(intake, items, received_at, address_of(scope))
    refused = [(n, outcome) for n, outcome in enumerate(outcomes) if outcome is not None]
    for _, refusal in refused:
        counter.labels(refusal.reason).inc()
    failpoint("gateway.before_answer")
    accepted = len(outcomes) - len(refused)
    status = 200 if accepted or not refused else refused[0][1].status
    headers = [(b"content-type", b"application/json")]
    if again := [refusal.retry_after_s for _, refusal in refused if refusal.retry_after_s is not None]:
        headers.append((b"retry-after", str(max(again)).encode()))
    lines = [_RefusedItem(n, one.status, one.reason, one.words, one.field) for n, one in refused]
    await respond(send, status, msgspec.json.encode(_Answer(accepted, lines)), headers)


async def _refuse(send: Send, refusal: Refused, counter: Counter) -> None:
    counter.labels(refusal.reason).inc()
    await problem(send, refusal)
