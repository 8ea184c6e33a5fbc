"""No ticks at all: by the wall clock, told once, and taken back."""

from datetime import UTC, datetime, timedelta

from analytics.blindness import BlindRule, Eyes, Sight, step
from haechi.domain.alerting import Alert

AT = datetime(2026, 11, 25, tzinfo=UTC)
RULE = BlindRule("positions", "haneul", 30)


SEEING = Sight(AT, unsure=False)


def run(*seconds: tuple[int, bool], sight: Sight = SEEING) -> list[Alert]:
    alerts = []
    for second, ticked in seconds:
        sight, alert = step(sight, RULE, AT + timedelta(seconds=second), ticked)
        alerts += [alert] if alert else []
    return alerts


def test_without_ticks_it_is_told_once_and_the_next_tick_clears_the_same_alert() -> None:
    raised, cleared = run((29, False), (30, False), (31, False), (300, False), (301, True), (302, True))
    assert (raised.action, cleared.action) == ("raise", "clear")
    assert raised.id == cleared.id
    assert raised.starts_at == AT
    assert cleared.ends_at == AT + timedelta(seconds=301)


def test_a_pause_shorter_than_that_says_nothing() -> None:
    assert run(*((second, second % 29 == 0) for second in range(1, 200))) == []


def test_the_first_tick_of_a_life_clears_what_the_one_before_may_have_raised() -> None:
    (cleared,) = run((5, True), (6, True), sight=Sight(AT + timedelta(seconds=30)))
    assert cleared.action == "clear"


def test_at_a_start_the_doors_are_given_twice_as_long() -> None:
    assert run((59, False), sight=Sight(AT + timedelta(seconds=30))) == []
    assert [a.action for a in run((60, False), sight=Sight(AT + timedelta(seconds=30)))] == ["raise"]


class Workers:
    """Several workers of one topic, of whom one has its first partition; seconds pass as fast as they are looked at."""

    def __init__(self) -> None:
        self.second = 0.0
        self.owner = 0
        self.told: list[Alert] = []
        self.eyes = [Eyes(RULE, lambda i=i: self.owner == i, self._send, self._now) for i in range(3)]

    def _now(self) -> datetime:
        return AT + timedelta(seconds=self.second)

    async def _send(self, alert: Alert) -> None:
        self.told.append(alert)

    async def live(self, seconds: int, *, ticking: bool) -> list[str]:
        before = len(self.told)
        for _ in range(seconds):
            self.second += 1
            for eyes in self.eyes:
                if ticking:
                    eyes.ticked()
                await eyes.look()
        return [alert.action for alert in self.told[before:]]


async def test_of_many_workers_one_tells_an_outage_once() -> None:
    workers = Workers()
    await workers.live(10, ticking=True)
    assert await workers.live(100, ticking=False) == ["raise"]
    assert await workers.live(100, ticking=True) == ["clear"]


async def test_who_takes_the_first_partition_over_takes_back_what_another_has_told() -> None:
    workers = Workers()
    await workers.live(10, ticking=True)
    assert await workers.live(100, ticking=False) == ["raise"]
    workers.owner = 1
    assert await workers.live(20, ticking=False) == []
    assert await workers.live(10, ticking=True) == ["clear"]
    workers.owner = 0
    assert set(await workers.live(10, ticking=True)) <= {"clear"}  # which closes nothing that is open
