"""Real servers for every test that asks for one, shared by the workers of a run and gone with the last of them."""

import asyncio
import os
import socket
import uuid
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import redis
from hypothesis import settings

from haechi.embedded.addresses import HOST
from tests import servers
from tests.mosquitto import Mosquitto

# Shared machines are noisy: no test depends on an absolute time. What a property found can be run again from a log alone.
settings.register_profile("haechi", deadline=None, print_blob=True)
settings.load_profile("haechi")
# CI takes the same examples each time: what a new one finds is no fault of the change that lands.
settings.register_profile("ci", derandomize=True)

SERVER_FIXTURES = {"kafka_url", "postgres_url", "postgres_database", "valkey_url", "mqtt_url", "mosquitto"}
NO_SKIPS = os.environ.get("HAECHI_TEST_NO_SKIPS") == "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that uses a server is marked so."""
    for item in items:
        if SERVER_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.servers)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """With HAECHI_TEST_NO_SKIPS=1 a skipped test has failed: CI has everything that the tests need."""
    report = yield
    return _skip_is_failure(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    """The same for a module that skips itself."""
    report = yield
    return _skip_is_failure(report)


def _skip_is_failure(report):
    if NO_SKIPS and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason} (a skip is a failure under HAECHI_TEST_NO_SKIPS=1)"
    return report


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """One folder for all workers of this run."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if hasattr(request.config, "workerinput") else base


@pytest.fixture(scope="session")
def kafka_url(run_folder: Path) -> Iterator[str]:
    """The URL of a real Kafka, for `haechi.streaming`; its topics are shared and not made by themselves: name yours uniquely."""
    with servers.shared("kafka", run_folder / "kafka") as url:
        yield url


@pytest.fixture(scope="session")
def postgres_url(run_folder: Path) -> Iterator[str]:
    """The URL of a real PostgreSQL, as its superuser; its database is shared, so take `postgres_database` for rows."""
    with servers.shared("postgres", run_folder / "postgres") as url:
        yield url


@pytest.fixture(scope="module")
def postgres_database(postgres_url: str) -> Iterator[str]:
    """The URL of an empty database of this test module's own, dropped behind it."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    apart(_execute(postgres_url, f'CREATE DATABASE "{name}"'))
    yield urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
    apart(_execute(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture(scope="session")
def valkey_url(run_folder: Path) -> Iterator[str]:
    """The run's Valkey, its database 0: for `own_redis_url`."""
    with servers.shared("valkey", run_folder / "valkey") as url:
        yield url


@pytest.fixture(scope="session")
def own_redis_url(valkey_url: str) -> str:
    """The URL of a real Valkey's database of this worker's own: what another empties, it is none of ours."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return urlsplit(valkey_url)._replace(path=f"/{int(worker) % 64}").geturl()


@pytest.fixture
def redis_url(own_redis_url: str) -> str:
    """The same, emptied for this test."""
    with redis.from_url(own_redis_url) as client:
        client.flushdb()
    return own_redis_url


@pytest.fixture(scope="session")
def mqtt_url(run_folder: Path) -> Iterator[str]:
    """`mqtt://user:password@127.0.0.1:PORT` of the embedded broker, which forgets its queues when it ends."""
    with servers.shared("mqtt", run_folder / "mqtt") as url:
        yield url


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A Mosquitto that keeps its queues on disk, of this test's own: to be killed and started as it likes."""
    if not Mosquitto.installed():
        pytest.skip("needs mosquitto; on Debian: apt-get install mosquitto")
    broker = Mosquitto(tmp_path / "mosquitto")
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def unused_tcp_port() -> Iterator[int]:
    """Nobody listens on it as long as the test runs: it is held. Pytest-asyncio's own is anybody's a moment later."""
    with socket.socket() as held:
        held.bind((HOST, 0))
        yield held.getsockname()[1]


def apart(work: Coroutine[None, None, None]) -> None:
    """Run it in a thread: the event loop of the tests stays untouched."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


async def _execute(url: str, statement: str) -> None:
    """Again while somebody is in the database: PostgreSQL gives up when a session that it ends takes over five seconds."""
    connection = await asyncpg.connect(url)
    try:
        while True:
            with suppress(asyncpg.ObjectInUseError):
                await connection.execute(statement)
                return
    finally:
        await connection.close()
