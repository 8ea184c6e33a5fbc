"""The delivery rules on a real Kafka, where nobody is killed: nothing lost, nothing doubled in effect."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.haechi.streaming.contract import Contract, Numbers, encode
from tests.haechi.streaming.contract_worker import PATIENCE, UNLUCKY


@pytest.fixture
async def contract(kafka_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Contract]:
    it = Contract(kafka_url, tmp_path, **getattr(request, "param", {}))
    await it.prepare()
    yield it
    await it.close()


@pytest.mark.parametrize("contract", [{}, {"state": True}], ids=["stateless", "stateful"], indirect=True)
async def test_a_stop_in_the_middle_of_a_handler_loses_and_doubles_nothing(contract: Contract) -> None:
    place = "streaming.before_apply" if contract.job.state else "streaming.before_handle"
    async with contract.feeding():
        life = contract.start(f"{place}=term@20")
        assert await life.death() == 0
        assert life.died_at() == [place]
        contract.start()
        await contract.until(contract.slots)
    await contract.all_acknowledged()
    assert await contract.lives[-1].stop() == 0
    assert await contract.lost() == []
    if contract.job.state:
        assert await contract.kept() == (sum(contract.fed), len(contract.fed))
    else:
        assert contract.effects() == sorted(contract.fed)


async def test_what_always_fails_is_put_aside_with_its_bytes_and_reason_and_the_rest_goes_on(
    contract: Contract,
) -> None:
    await contract.feed(20)
    await contract.feed_bytes(b"\xff no message")
    await contract.feed_bytes(encode(Numbers([UNLUCKY])))
    await contract.feed_bytes(encode(Numbers([PATIENCE])))
    await contract.feed(20)
    contract.start()
    await contract.all_acknowledged()
    assert await contract.lives[-1].stop() == 0
    assert await contract.lost() == []
    assert contract.effects() == sorted([*contract.fed, PATIENCE])
    letters = {letter.value: letter for letter in await contract.dead_letters()}
    assert letters.keys() == {b"\xff no message", encode(Numbers([UNLUCKY]))}
    assert "is unlucky" in letters[encode(Numbers([UNLUCKY]))].reason
    assert "does not decode" in letters[b"\xff no message"].reason


@pytest.mark.parametrize("contract", [{"state": True}], indirect=True)
async def test_a_step_that_breaks_halfway_leaves_no_trace_in_the_state(contract: Contract) -> None:
    await contract.feed(20)
    await contract.feed_bytes(encode(Numbers([3, 7, UNLUCKY])), partition=3)
    await contract.feed(20)
    contract.start()
    await contract.all_acknowledged()
    assert await contract.lives[-1].stop() == 0
    assert await contract.kept() == (sum(contract.fed), len(contract.fed))
    assert [letter.value for letter in await contract.dead_letters()] == [encode(Numbers([3, 7, UNLUCKY]))]


@pytest.mark.parametrize(
    "contract",
    [{"fail_sends": True}, {"fail_sends": True, "state": True}],
    ids=["stateless", "stateful"],
    indirect=True,
)
async def test_sends_that_fail_are_sent_again(contract: Contract) -> None:
    contract.start()
    for _ in range(10):
        await contract.feed(20)
    await contract.all_acknowledged()
    assert await contract.lives[-1].stop() == 0
    assert await contract.lost() == []
    if contract.job.state:
        assert await contract.kept() == (sum(contract.fed), len(contract.fed))


async def test_a_stop_while_the_database_is_away_leaves_the_events_for_the_next_start(contract: Contract) -> None:
    contract.folder.joinpath("away").touch()
    await contract.feed(40)
    contract.start()
    await contract.until(contract.folder.joinpath("tried").exists)
    assert await contract.lives[-1].stop() == 0
    assert contract.effects() == []
    contract.folder.joinpath("away").unlink()
    contract.start()
    await contract.all_acknowledged()
    assert await contract.lives[-1].stop() == 0
    assert await contract.lost() == []
    assert contract.effects() == sorted(contract.fed)
    assert await contract.dead_letters() == []
