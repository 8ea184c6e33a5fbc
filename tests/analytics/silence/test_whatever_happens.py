"""Silence by any story: told once, taken back once, whatever restarts and whoever shares the partition."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from haechi.domain.alerting import Alert
from tests.analytics.silence.build import CONSENT, Town

devices = ["d1", "d2", "d3", "d4", "d5", "d6"]
deeds = st.lists(
    st.one_of(
        st.tuples(st.just("report"), st.lists(st.sampled_from(devices), min_size=1, max_size=6, unique=True)),
        st.tuples(st.just("wait"), st.sampled_from([5, 60, 250, 400])),
        st.tuples(st.just("outage"), st.sampled_from([15, 60, 2000])),
        st.tuples(st.just("spool"), st.sampled_from([5, 400])),
        st.tuples(st.just("pause"), st.sampled_from(devices)),
        st.tuples(st.just("resume"), st.sampled_from(devices)),
    ),
    max_size=15,
)  # fmt: skip
Deed = tuple[str, object]


def act(town: Town, deed: Deed) -> None:
    what, how = deed
    if what == "report":
        town.report(*how)  # type: ignore[misc]
    elif what == "outage":
        town.second += how  # type: ignore[operator]
    elif what in ("wait", "spool"):
        town.live(town.second + how, empty=what == "wait")  # type: ignore[operator]
    elif how in town.entries:
        town.consent(how, msgspec.structs.replace(CONSENT, paused=what == "pause"))  # type: ignore[arg-type]


@settings(max_examples=20)
@given(deeds)
def test_silent_is_never_told_twice_nor_taken_back_untold(story: list[Deed]) -> None:
    town = Town(*devices)
    for deed in story:
        act(town, deed)
    told_of: dict[tuple[str, str, str], list[Alert]] = {}
    for alert in town.alerts:
        if alert.action != "update":
            told_of.setdefault((alert.kind, alert.subject, alert.place), []).append(alert)
    for episode in told_of.values():
        if episode[0].kind != "cell-silent":
            assert [a.action for a in episode] == (["raise", "clear"] * len(episode))[: len(episode)]
            assert all(a.id == b.id for a, b in zip(episode[::2], episode[1::2], strict=False))


@settings(max_examples=20)
@given(deeds, st.sets(st.integers(0, 14)))
def test_a_restart_anywhere_changes_nothing(story: list[Deed], restarts: set[int]) -> None:
    plain, other = Town(*devices), Town(*devices)
    for town in (plain, other):  # what our doors said is kept with those who were heard
        town.report(*devices)
        town.live(10)
    for number, deed in enumerate(story):
        act(plain, deed)
        if number in restarts:
            other.restart()
        act(other, deed)
    key = lambda a: (a.received_at, a.id, a.action)
    assert sorted(map(key, other.alerts)) == sorted(map(key, plain.alerts))


@settings(max_examples=15)
@given(deeds)
def test_a_device_decides_the_same_whichever_others_share_its_partition(story: list[Deed]) -> None:
    together, apart = Town(*devices[:3]), [Town(device) for device in devices[:3]]
    for deed in story:
        act(together, _only(deed, devices[:3]))
        for device, town in zip(devices, apart, strict=False):
            act(town, _only(deed, [device]))
    mine = sorted((a.id, a.action) for a in together.alerts)
    assert mine == sorted((a.id, a.action) for town in apart for a in town.alerts)


def _only(deed: Deed, some: list[str]) -> Deed:
    what, how = deed
    if what == "report":
        reporting = [device for device in how if device in some]  # type: ignore[attr-defined]
        return (what, reporting) if reporting else ("wait", 0)
    return deed
