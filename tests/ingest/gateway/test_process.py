"""The gateway as it runs: over a real Kafka and a real PostgreSQL."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from haechi import topics
from tests.ingest.house import House
from tests.ingest.waiting import until


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(
    kafka_url: str, postgres_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    house = House(tmp_path_factory.mktemp("gateway") / "data", kafka_url, postgres_database)
    await house.build()
    async with house.serving():
        yield house


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def arrived(house: House, *seconds: int) -> bool:
    """Whether Kafka has the device's positions of these times: at once, or out of the spool if Kafka was slow."""
    return {(house.device, at * 1_000_000) for at in seconds} <= set(await house.positions())


async def test_a_position_that_is_answered_comes_into_kafka(house: House) -> None:
    async with aiohttp.ClientSession() as session:
        url = f"{house.url}/?id={house.device}&lat=37.5&lon=127&timestamp=1760000000&speed=10&batt=88"
        async with session.get(url) as answer:
            assert answer.status == 200, await answer.text()
    await until(lambda: arrived(house, 1_760_000_000), every=0.1)


async def test_an_sos_is_on_both_roads(house: House) -> None:
    async with aiohttp.ClientSession() as session:
        url = f"{house.url}/?id={house.device}&lat=37.5&lon=127&timestamp=1760000001&alarm=sos"
        async with session.post(url) as answer:
            assert answer.status == 200
    await until(house.calls, every=0.1)
    await until(house.inbox, every=0.1)
    (call,) = await house.inbox()
    assert all(twin == call for twin in await house.calls()), "once or, of a slow Kafka, again under the same id"
    assert call.person == house.person
    assert call.point is not None
    assert call.source is None


async def test_a_forwarded_position_and_a_batch_that_are_answered_come_into_kafka(house: House) -> None:
    position = {"latitude": 37.5, "longitude": 127, "fixTime": "2026-03-01T11:59:15.000+00:00"}
    item = {"device": house.device, "at": 1_760_000_100, "lat": 37.5, "lon": 127}
    headers = {"Authorization": f"Bearer {house.token}"}
    async with aiohttp.ClientSession(house.url, headers=headers) as session:
        forwarded = {"position": position, "device": {"uniqueId": house.device}}
        async with session.post("/traccar/positions", json=forwarded) as answer:
            assert answer.status == 200, await answer.text()
        async with session.post("/v1/positions", json={"positions": [item, item | {"lat": 95}]}) as answer:
            assert (await answer.json())["accepted"] == 1
    await until(lambda: arrived(house, 1_772_366_355, 1_760_000_100), every=0.1)


async def ticked(house: House) -> bool:
    """Whether the newest tick of every partition tells that nothing is held back from it (a slow Kafka costs a while)."""
    newest = {partition: tick.spool_empty for partition, tick in await house.ticks()}
    return len(newest) == topics.POSITIONS.partitions and all(newest.values())


async def test_a_reading_that_is_answered_comes_into_kafka(house: House) -> None:
    body = {"Datastream": {"@iot.id": house.sensor}, "result": 7.5}
    url = f"{house.url}/v1.1/Observations"
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
        assert answer.status == 201, await answer.text()
    await until(house.readings, every=0.1)
    assert set(await house.readings()) == {7.5}


async def test_time_passes_in_every_partition_without_any_input(house: House) -> None:
    await until(lambda: ticked(house), every=0.3)
