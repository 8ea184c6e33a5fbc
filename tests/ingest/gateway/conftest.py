"""A client of the gateway's application over fakes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.ingest.gateway.client import Client
from tests.ingest.test_intake import Room


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with Room(tmp_path).open() as room:
        yield Client(room)
