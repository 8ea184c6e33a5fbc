"""A book that was changed says what a book made anew would say."""

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.zone_book import ZoneBook
from haechi.domain.geo import Circle, Corridor, Polygon
from haechi.domain.people import SafeZone
from haechi.domain.time import micros_of
from tests.analytics.positions.build import AT, Registry, fix, run, state_of, tick
from tests.analytics.positions.test_together import told
from tests.analytics.positions.test_zones import SCHOOL_DAY, point, zone

Zones = dict[str, SafeZone | None]
PEOPLE = ("p1", "p2", "p3")
AREAS = (
    Circle(point(0), 100),
    Circle(point(400, 30), 25),
    Corridor((point(0), point(300, 100), point(900)), 60),
    Polygon(((point(-50, -50), point(80, -50), point(0, 120), point(-50, -50)),)),
)
DISTRICT = {"p1": "haneul", "p2": "haneul", "p3": "bada"}


@st.composite
def some_zone(draw: st.DrawFn, name: str) -> SafeZone:
    people = draw(st.lists(st.sampled_from(PEOPLE), max_size=2, unique=True))
    return msgspec.structs.replace(
        zone(name),
        area=draw(st.sampled_from(AREAS)),
        person_id=None,
        person_ids=tuple(people),
        schedule=draw(st.sampled_from([(), SCHOOL_DAY])),
        kind=draw(st.sampled_from(["safe", "forbidden"])),
        notices=draw(st.booleans()),
        version=draw(st.integers(1, 1000)),
    )


@st.composite
def some_change(draw: st.DrawFn) -> Zones:
    names = draw(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3, unique=True))
    return {name: draw(st.one_of(st.none(), some_zone(name))) for name in names}


changes = st.lists(some_change(), min_size=1, max_size=12)


def after(zones: dict[str, SafeZone], change: Zones) -> dict[str, SafeZone]:
    """As the registry has them: whatever changed comes last."""
    kept = {name: one for name, one in zones.items() if name not in change}
    return kept | {name: one for name, one in change.items() if one is not None}


_PLACES = [point(float(east), float(north)) for east in range(-300, 1000, 160) for north in (-150, -40, 0, 70, 150)]
LON, LAT = np.array([p.lon for p in _PLACES]), np.array([p.lat for p in _PLACES])
HOURS = micros_of(AT) + np.arange(0, 48, 5) * 3_600_000_000


def said_of(book: ZoneBook, name: str) -> list[object]:
    row, x_y = book.index[name], book.plane.to_metres(LON, LAT)
    flags = [getattr(book, flag)[row] for flag in ("safe", "forbidden", "everyones", "notices", "expects")]
    hours = book.hours(np.full((len(HOURS), 1), row), HOURS)
    distance = book.edges.distance(np.full(len(LON), row), *x_y, np.full(len(LON), 5000.0))
    of = [*flags, book.reach[row], book.inner(book.reach[row]), book.zones[row], np.round(distance, 6).tolist()]
    return [*of, *(column.tolist() for column in msgspec.structs.astuple(hours))]


@settings(max_examples=30)
@given(changes)
def test_after_any_changes_it_says_of_each_zone_and_person_what_a_new_one_says(feed: list[Zones]) -> None:
    zones: dict[str, SafeZone] = {}
    book = ZoneBook((), district_of=DISTRICT.get)
    for change in feed:
        zones, book = after(zones, change), book.changed(change)
        anew = ZoneBook(zones.values(), district_of=DISTRICT.get, plane=book.plane)
        assert book.index.keys() == anew.index.keys()
        for person in PEOPLE:
            assert [book.zones[row] for row in book.of(person)] == [anew.zones[row] for row in anew.of(person)]
        for name in zones:
            assert said_of(book, name) == said_of(anew, name)
        assert not book.phase(np.array([[-1]]), np.array([micros_of(AT)])).any()


@settings(max_examples=30)
@given(changes, st.data())
def test_whoever_stands_somewhere_while_zones_change_is_told_of_as_by_books_made_anew(
    feed: list[Zones], data: st.DataObject
) -> None:
    zones: dict[str, SafeZone] = {}
    one, other = Registry(), Registry()
    changed, anew = state_of(registry=one), state_of(registry=other)
    for minute, change in enumerate(feed):
        zones = after(zones, change)
        one.newest = one.newest.changed(change)
        other.newest = ZoneBook(zones.values(), plane=one.newest.plane)
        if data.draw(st.booleans()):
            continue  # several changes before the next message
        places = [(person, data.draw(st.sampled_from([0.0, 110, 400, 700, 1200]))) for person in PEOPLE]
        fixes = [fix(minute, east, person=person, device=f"of {person}") for person, east in places]
        messages = (fixes, tick(minute + 0.5))
        assert told(run(changed, *messages, start=2 * minute)) == told(run(anew, *messages, start=2 * minute))


def test_where_somebody_stands_stays_with_the_zone_when_a_book_made_anew_numbers_it_otherwise() -> None:
    """Home's "inside" was once taken over by the river that had its number: a false alarm."""
    home = zone("home")
    river = msgspec.structs.replace(zone("river", 400), kind="forbidden")
    registry = Registry(home, river)
    state = state_of(registry=registry)
    run(state, [fix(0, 0)], tick(0.5))
    registry.change(river, home)
    assert run(state, [fix(1, 0)], tick(1.5), start=2) == []


def test_it_knows_whom_the_changes_since_another_book_concern() -> None:
    first = ZoneBook([zone("home"), zone("school", 1000)])
    second = first.changed({"home": msgspec.structs.replace(zone("home"), person_ids=("p2",), version=2)})
    third = second.changed({}, ["p7"])
    assert third.concerned(third) == set()
    assert third.concerned(first) == {"p1", "p2", "p7"}
    assert third.concerned(second) == {"p7"}
    assert first.concerned(third) is None
    assert third.concerned(ZoneBook([zone("home")])) is None
    everyones = third.changed({"park": msgspec.structs.replace(zone("park"), person_id=None)})
    assert everyones.concerned(third) is None


def test_rows_that_are_nobodys_any_more_do_not_pile_up() -> None:
    book = ZoneBook([zone("home"), zone("school", 1000)])
    for version in range(50):
        book = book.changed({"home": msgspec.structs.replace(zone("home"), version=version)})
    assert len(book.zones) <= 6


def test_the_hours_of_nobody_are_none():
    book = ZoneBook([zone(SCHOOL_DAY)])
    nobody = book.hours(np.zeros((0, 3), np.int32), np.zeros(0, np.int64))
    assert nobody.phase.shape == (0, 3)
