"""A device may send a backlog at once and a steady stream after it; what is remembered is bounded."""

from ingest.limits import RateLimit


def test_a_burst_passes_and_then_the_rate() -> None:
    limit = RateLimit(rate=2, burst=5, most=10)
    assert [limit.allows("a", 0.0) for _ in range(6)] == [True] * 5 + [False]
    assert limit.allows("b", 0.0)
    assert [limit.allows("a", 1.0) for _ in range(3)] == [True, True, False]


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    limit = RateLimit(rate=1, burst=1, most=10)
    assert limit.allows("a", 100.0)
    assert not limit.allows("a", 50.0)


def test_the_least_recently_seen_is_forgotten() -> None:
    limit = RateLimit(rate=0, burst=1, most=2)
    assert [limit.allows(device, 0.0) for device in "abc"] == [True] * 3
    assert not limit.allows("c", 0.0)
    assert limit.allows("a", 0.0)
