"""Real servers for every test that asks for one, shared by the workers of a run and gone with the last of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers

SERVER_FIXTURES = {"kafka_url", "postgres_url", "postgres_database", "redis_url", "mqtt_url"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that uses a server is marked so."""
    for item in items:
        if SERVER_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.servers)


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """One folder for all workers of this run."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if hasattr(request.config, "workerinput") else base


@pytest.fixture(scope="session")
def kafka_url(run_folder: Path) -> Iterator[str]:
    """`kafka://127.0.0.1:PORT` of a real Kafka; topics are not made by themselves, so name yours uniquely."""
    with servers.shared("kafka", run_folder / "kafka") as url:
        yield url
