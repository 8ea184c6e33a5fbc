"""The whole centre while its parts die: every accepted press is one incident, everyone is told at least once, and every
accepted position is in the trail.

Each process dies of kill -9 once, at a named place in the middle of its work; Kafka and PostgreSQL are killed while a
button is pressed. The ledger is the feeder's own fsynced file of every 2xx.
"""

import asyncio
import json
import os
import signal
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar

import aiohttp
import pytest
from aiohttp import web

from haechi.config import load
from haechi.ids import device_mark
from haechi.process import NAMES
from haechi.store.postgres import open_pool
from haechi.supervisor import Supervisor

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]
T = TypeVar("T")

BLIND = tuple(name for name in NAMES if name not in ("ingest.cameras", "vision", "analytics.sightings"))
FATES = {
    "ingest.gateway": "gateway.before_answer=kill@4",
    "analytics.urgent": "streaming.after_handle=kill@2",
    "analytics.positions": "streaming.before_changelog=kill@2",
    "analytics.readings": "streaming.after_apply=kill@20",
    "alerts.incidents": "incidents.after_commit=kill@2",
    "alerts.sender": "sender.after_post=kill@3",
}
LONGEST_S = 240


class Receivers:
    """Everyone's phone: what came, by path and webhook-id."""

    def __init__(self) -> None:
        self.came: dict[str, list[tuple[str, int]]] = defaultdict(list)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.came[request.path].append((request.headers["webhook-id"], body["number"]))
        return web.Response(status=204)


class Centre:
    """A running centre, with a district of its own in it."""

    def __init__(
        self, supervisor: Supervisor, receivers: Receivers, client: aiohttp.ClientSession, folder: Path
    ) -> None:
        self.supervisor = supervisor
        self.receivers = receivers
        self.client = client
        self.ledger = folder / "ledger"

    @property
    def gateway(self) -> str:
        return self.supervisor.addresses["gateway"]

    async def add(self, kind: str, /, **values: object) -> dict[str, str]:
        async def once() -> dict[str, str] | None:
            async with self.client.post(f"{self.supervisor.addresses['wall']}/api/v1/{kind}", json=values) as answer:
                assert answer.status < 500 or answer.status == 503, await answer.text()
                return await answer.json() if answer.status == 201 else None

        return await until(once)

    async def incidents(self) -> list[dict[str, object]]:
        url = f"{self.supervisor.addresses['wall']}/api/v1/incidents?limit=200"

        async def once() -> dict[str, list[dict[str, object]]]:
            async with self.client.get(url) as answer:
                answer.raise_for_status()  # 503 while PostgreSQL is away: asked again
                return await answer.json()

        return (await until(once))["items"]

    async def report(self, device: str, **more: str | float) -> None:
        """As a phone does: again until it is accepted, then a line in the ledger."""
        query = {
            "id": device,
            "lat": 37.6186,
            "lon": 126.9227,
            "accuracy": 5,
            "timestamp": round(time.time(), 3),
        } | more

        async def once() -> bool:
            async with self.client.get(self.gateway, params=query, timeout=aiohttp.ClientTimeout(5)) as answer:
                return answer.status == 200

        await until(once)
        with self.ledger.open("a") as file:
            file.write(json.dumps(query) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def accepted(self) -> list[dict[str, str | float]]:
        """What the ledger holds."""
        return [json.loads(line) for line in self.ledger.read_text().splitlines()]

    async def trail(self) -> set[tuple[int, float]]:
        """Every position that is kept: the mark of its device, and seconds since 1970."""
        pool = await open_pool(self.supervisor.settings.postgres, size=1)
        try:
            rows = await pool.fetch("SELECT device, at FROM trail")
            return {(row["device"], round(row["at"].timestamp(), 3)) for row in rows}
        finally:
            await pool.close()

    async def read(self, sensor: str, value: float) -> None:
        body = {"Datastream": {"@iot.id": sensor}, "result": value}

        async def once() -> bool:
            url = f"{self.gateway}/v1.1/Observations"
            async with self.client.post(url, json=body, timeout=aiohttp.ClientTimeout(5)) as answer:
                return answer.status == 201

        await until(once)

    def kill(self, name: str) -> None:
        """kill -9."""
        pid = next(state.pid for state in self.supervisor.states if state.name == name)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)


async def until(once: Callable[[], Awaitable[T]]) -> T:
    """Again until it gives something true; what is away is tried again."""
    async with asyncio.timeout(LONGEST_S):
        while True:
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                if answer := await once():
                    return answer
            await asyncio.sleep(0.2)


@asynccontextmanager
async def centre(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Centre]:
    monkeypatch.setenv("HAECHI_FAILPOINT_LOG", str(folder / "marks"))
    receivers = Receivers()
    app = web.Application()
    app.router.add_post("/{who:.*}", receivers.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    patience = {
        "HAECHI_ANALYTICS__EXIT_CONFIRMATIONS": "2",
        "HAECHI_ANALYTICS__EXIT_DWELL_S": "0",
    }  # seconds, not minutes
    settings = load({"HAECHI_ALERTS__ALLOW_NETWORKS": f"127.0.0.1:{port}"} | patience, data=folder / "data")
    supervisor = Supervisor(settings, BLIND, failpoints=FATES, say=lambda _: None)
    await supervisor.start()
    looking_after = asyncio.create_task(supervisor.run())
    try:
        token = await supervisor.token("test", "administrator")
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession(headers=headers) as client:
            it = Centre(supervisor, receivers, client, folder)
            for role in ("police", "fire", "desk"):
                await it.add("agencies", name=role, role=role, webhook_url=f"http://127.0.0.1:{port}/{role}")
            yield it
    finally:
        supervisor.stop()
        await looking_after
        await supervisor.end()
        await runner.cleanup()


async def test_whatever_dies_every_accepted_press_is_one_incident_and_everyone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with centre(tmp_path, monkeypatch) as it:
        hook = it.supervisor.settings.alerts.allow_networks[0]
        people, devices = [], []
        for i in range(8):
            guardian = await it.add(
                "guardians", name=f"Guardian {i}", phone="+82 2 000", webhook_url=f"http://{hook}/guardian/{i}"
            )
            consent = {
                "given_by": f"Guardian {i}",
                "given_at": "2026-01-01T00:00:00Z",
                "scopes": ["position", "sos"],
                "expires_at": None,
            }
            person = await it.add(
                "people",
                name=f"Child {i}",
                born="2018-01-01",
                kind="child",
                guardian_ids=[guardian["id"]],
                consent=consent,
            )
            people.append(person["id"])
            devices.append((await it.add("devices", person_id=person["id"], kind="watch"))["id"])
            circle = {"type": "Point", "coordinates": [126.9227, 37.6186]}
            await it.add("safe-zones", person_id=person["id"], name="home", geometry=circle, radius_m=100)
        sensor = await it.add(
            "sensors", name="Kitchen", observed_property="gas", unit="%[LEL]", location=[126.9227, 37.6186]
        )

        for i in range(5):  # presses while processes die at their failpoints
            await it.report(devices[i], alarm="sos")
            await it.report(devices[6])
            await it.read(sensor["id"], 3.0)
        it.kill("kafka")
        await it.report(devices[6])
        await it.report(devices[5], alarm="sos")
        await until(lambda: told(it, "/guardian/5", 1))
        it.kill("postgres")
        await it.report(devices[4])
        await it.report(devices[6], alarm="sos")
        await until(lambda: told(it, "/guardian/6", 1))
        it.kill("wall")
        it.kill("alerts.callbacks")

        async def goes_on() -> None:
            """One who has left the zone, a button that is pressed again, and gas: they report as long as they are on. Who was
            slow may have had all before at once, and has its second time still before it."""
            while True:
                await it.report(devices[7], lat=37.6286)
                await it.report(devices[0], alarm="sos")
                for _ in range(8):
                    await it.read(sensor["id"], 40.0)
                await asyncio.sleep(1.1)

        going_on = asyncio.create_task(goes_on())

        def living() -> list[str]:
            marks = {line.split()[0] for line in (tmp_path / "marks").read_text().splitlines()}
            return [name for name, fate in FATES.items() if fate.partition("=")[0] not in marks]

        async def all_have_died() -> bool:
            return not living()

        try:
            await until(all_have_died)
        except TimeoutError:
            logs = {name: (tmp_path / "data" / "logs" / f"{name}.log").read_text()[-1500:] for name in living()}
            pytest.fail(f"never died; {'still' if not going_on.done() else 'no longer'} fed: {logs}")
        expected = {("sos", people[i]) for i in range(7)} | {("zone-exit", people[7]), ("gas", sensor["id"])}

        async def all_there() -> bool:
            return expected <= {(str(i["kind"]), str(i["subject"])) for i in await it.incidents()}

        await until(all_there)
        going_on.cancel()
        for i in range(8):
            await until(lambda i=i: told(it, f"/guardian/{i}", 1))
        await until(lambda: told(it, "/police", 7))
        await until(lambda: told(it, "/fire", 8))
        await until(lambda: told(it, "/desk", 9))

        # Without Kafka no tick comes: that we are blind then is told too, as often as it is true.
        incidents = [i for i in await it.incidents() if i["kind"] != "blind"]
        assert Counter((i["kind"], i["subject"]) for i in incidents) == dict.fromkeys(expected, 1)
        for path, came in it.receivers.came.items():
            ids = defaultdict(set)
            for webhook_id, number in came:
                ids[number].add(webhook_id)
            assert all(len(one) == 1 for one in ids.values()), f"{path}: two webhook-ids for one incident"
        assert len({number for _, number in it.receivers.came["/police"]}) == 7
        assert {one["id"] for one in it.accepted() if "alarm" in one} == set(devices[:7])
        # A press promises an incident; its own fix comes along as well as it goes.
        walked = {(device_mark(str(one["id"])), float(one["timestamp"])) for one in it.accepted() if "alarm" not in one}
        assert len(walked) >= 5

        async def all_kept() -> bool:
            return walked <= await it.trail()

        await until(all_kept)
    assert not leftovers(tmp_path)


async def told(it: Centre, path: str, incidents: int) -> bool:
    return len({number for _, number in it.receivers.came[path]}) >= incidents


def leftovers(folder: Path) -> list[str]:
    """Command lines of processes that still know the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(folder / "data").encode() in words:
                found.append(words.decode().replace("\0", " "))
    return found
