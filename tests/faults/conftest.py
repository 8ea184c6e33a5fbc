"""A town whose alerts are sent by processes that are killed, and the settings that they share with it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from haechi.sealing import Sealer, create_key
from tests.alerts.receivers import Receivers, receiving
from tests.alerts.town import Town, settled


@pytest.fixture
def data_key() -> str:
    return create_key()


@pytest.fixture
async def receivers() -> AsyncIterator[Receivers]:
    async with receiving() as it:
        yield it


@pytest.fixture
async def town(postgres_database: str, receivers: Receivers, data_key: str) -> AsyncIterator[Town]:
    async with settled(postgres_database, receivers, Sealer(data_key)) as it:
        yield it


@pytest.fixture
def settings(postgres_database: str, redis_url: str, data_key: str, tmp_path: Path) -> dict[str, str]:
    """Variables of a process of the town."""
    return {
        "HAECHI_DATA": str(tmp_path / "data"),
        "HAECHI_DATA_KEY": data_key,
        "HAECHI_DISTRICT": "haneul",
        "HAECHI_POSTGRES__URL": postgres_database,
        "HAECHI_REDIS__URL": redis_url,
        "HAECHI_ALERTS__ALLOW_NETWORKS": "127.0.0.0/8",
    }
