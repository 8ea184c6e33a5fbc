"""Receivers, and a district whose people listen there."""

from collections.abc import AsyncIterator

import pytest

from haechi.sealing import Sealer, create_key
from tests.alerts.receivers import Receivers, receiving
from tests.alerts.town import Town, settled


@pytest.fixture
async def receivers() -> AsyncIterator[Receivers]:
    async with receiving() as it:
        yield it


@pytest.fixture
async def town(postgres_database: str, receivers: Receivers) -> AsyncIterator[Town]:
    async with settled(postgres_database, receivers, Sealer(create_key())) as it:
        yield it
