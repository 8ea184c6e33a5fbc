"""The delivery rules under kills and rebalances, on a real Kafka; and that wrong ways to acknowledge are found out."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.haechi.streaming.contract import Contract

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

STATELESS = (
    "streaming.before_handle=kill@8",
    "streaming.after_handle=kill@8",
    "streaming.after_output=kill@8",
    "streaming.before_commit=kill@2",
    "streaming.after_commit=kill@2",
)
STATEFUL = (
    "streaming.after_apply=kill@60",
    "streaming.before_output=kill@8",
    "streaming.after_output=kill@8",
    "streaming.before_changelog=kill@3",
    "streaming.after_changelog=kill@3",
    "streaming.after_commit=kill@1",
)


@pytest.fixture
async def contract(kafka_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Contract]:
    it = Contract(kafka_url, tmp_path, **getattr(request, "param", {}))
    await it.prepare()
    yield it
    await it.close()


async def test_kills_anywhere_in_a_consumer_without_state_lose_nothing(contract: Contract) -> None:
    async with contract.feeding():
        for place in STATELESS:
            await _dies_at(contract, place)
        contract.start()
    await contract.all_acknowledged()
    assert await contract.lives[-1].stop() == 0
    assert await contract.lost() == []
    assert contract.effects() == sorted(contract.fed)


@pytest.mark.parametrize("contract", [{"state": True}], indirect=True)
async def test_kills_anywhere_in_a_consumer_with_state_leave_it_exact(contract: Contract) -> None:
    async with contract.feeding():
        for place in STATEFUL:
            await _dies_at(contract, place)
        contract.start()
    await contract.all_acknowledged()
    assert await contract.lives[-1].stop() == 0
    assert await contract.lost() == []
    assert await contract.kept() == (sum(contract.fed), len(contract.fed))


@pytest.mark.parametrize("contract", [{}, {"state": True}], ids=["stateless", "stateful"], indirect=True)
async def test_one_worker_becomes_three_and_one_again(contract: Contract) -> None:
    async with contract.feeding():
        contract.start()
        await contract.until(contract.slots)
        second, third = contract.start(slot=1), contract.start(slot=2)
        await contract.until(lambda: _all_have_worked(contract, 3))
        second.process.kill()
        assert await second.death() == -signal.SIGKILL
        assert await third.stop() == 0
    await contract.all_acknowledged()
    assert await contract.lives[0].stop() == 0
    assert await contract.lost() == []
    if contract.job.state:
        assert await contract.kept() == (sum(contract.fed), len(contract.fed))
    else:
        assert contract.effects() == sorted(contract.fed)


@pytest.mark.parametrize(
    ("contract", "place"),
    [
        ({"variant": "acknowledges first"}, "streaming.after_handle=kill@3"),
        ({"variant": "acknowledges out of order", "batch": 5}, "streaming.after_commit=kill@1"),
        ({"variant": "keeps after commit", "state": True}, "wrong.between=kill@1"),
    ],
    ids=["acknowledges first", "acknowledges out of order", "keeps after commit"],
    indirect=["contract"],
)
async def test_a_wrong_way_to_acknowledge_is_found_out(contract: Contract, place: str) -> None:
    async with contract.feeding():
        await _dies_at(contract, place)
    contract.job = type(contract.job)(**{**_fields(contract), "variant": "right"})
    contract.start()
    await contract.all_acknowledged()
    assert await contract.lives[-1].stop() == 0
    if contract.job.state:
        assert await contract.kept() < (sum(contract.fed), len(contract.fed))
    else:
        assert await contract.lost() != []


async def _dies_at(contract: Contract, place: str) -> None:
    life = contract.start(place)
    assert await life.death() == -signal.SIGKILL, place
    assert life.died_at() == [place.partition("=")[0]]


async def _all_have_worked(contract: Contract, workers: int) -> bool:
    return len(await contract.slots()) == workers


def _fields(contract: Contract) -> dict[str, object]:
    return {name: getattr(contract.job, name) for name in contract.job.__struct_fields__}
