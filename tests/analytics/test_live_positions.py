"""What is shown live."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from analytics.live_positions import LivePositions, newest
from haechi.domain.time import micros_of
from haechi.store.live import Live
from tests.positions import Fix, batch_of

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


def second(n: int) -> datetime:
    return AT + timedelta(seconds=n)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-5, 5), st.integers(-5, 5)), max_size=20))
def test_of_each_person_the_newest_row_is_shown(rows: list[tuple[str, int, int]]) -> None:
    found = newest(batch_of([Fix(who, second(at), f"of {who}", second(received)) for who, at, received in rows]))
    orders = {who: max(min(at, received) for w, at, received in rows if w == who) for who, _, _ in rows}
    assert {who: fix.order for who, fix in found.items()} == {
        who: micros_of(second(order)) for who, order in orders.items()
    }
    assert all(fix.device == f"of {who}" for who, fix in found.items())


async def test_only_who_may_be_shown_is_written_and_the_newest_of_each(redis_url: str) -> None:
    live = Live(redis_url)
    refusing: set[str] = set()
    positions = LivePositions(live, CollectorRegistry(), lambda people: refusing & people)
    positions.offer(batch_of([Fix("a", second(2)), Fix("b", second(2)), Fix("c", second(2))]), frozenset("ab"))
    positions.offer(batch_of([Fix("a", second(1)), Fix("b", second(3))]), frozenset("ab"))
    refusing.add("b")
    await positions.write()
    found = await live.positions(["a", "b", "c"])
    await live.close()
    assert {who: position.at for who, position in found.items()} == {"a": second(2)}


async def test_who_leaves_is_shown_no_longer_and_what_is_on_its_way_of_them_neither(redis_url: str) -> None:
    live, refusing = Live(redis_url), set()
    positions = LivePositions(live, CollectorRegistry(), lambda people: frozenset(refusing & people))
    positions.offer(batch_of([Fix("a", second(1)), Fix("b", second(1))]), frozenset("ab"))
    await positions.write()
    assert set(await live.positions(["a", "b"])) == {"a", "b"}
    refusing.add("b")
    positions.forget("b")
    positions.offer(batch_of([Fix("a", second(2)), Fix("b", second(2))]), frozenset("ab"))  # asked before it refused
    await positions.write()
    assert set(await live.positions(["a", "b"])) == {"a"}
    refusing.clear()
    positions.offer(batch_of([Fix("b", second(3))]), frozenset("b"))
    await positions.write()
    found = await live.positions(["b"])
    await live.close()
    assert found["b"].at == second(3), "and is, once they consent again"


async def test_who_left_while_the_live_store_was_away_goes_when_it_is_back(
    redis_url: str, unused_tcp_port: int
) -> None:
    live, away = Live(redis_url), Live(f"redis://127.0.0.1:{unused_tcp_port}/0")
    await live.put_positions(newest(batch_of([Fix("b", second(1))])))
    positions = LivePositions(away, CollectorRegistry(), lambda people: frozenset(people & {"b"}))
    positions.forget("b")
    await positions.write()
    positions._live = live  # the server is back under its address
    await positions.write()
    found = await live.positions(["b"])
    await live.close()
    await away.close()
    assert found == {}


async def test_what_cannot_be_written_is_counted_and_said(unused_tcp_port: int) -> None:
    registry = CollectorRegistry()
    live = Live(f"redis://127.0.0.1:{unused_tcp_port}/0")
    positions = LivePositions(live, registry, lambda _: frozenset())
    positions.offer(batch_of([Fix("a", AT), Fix("b", AT)]), frozenset("ab"))
    await positions.write()
    await live.close()
    assert registry.get_sample_value("haechi_live_positions_dropped_total") == 2
