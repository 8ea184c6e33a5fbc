"""An area that falls silent is one alert; people who fall silent by chance are not an area."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.silence.cells import EVERYWHERE, Together, cells_of, centre_of, name_of, together

RULE = Together(least=5, share=0.3, window_s=600)
SPEAKS, OVERDUE, SILENT = 0, 1, 2
Device = tuple[int, float, int]  # area, last heard in seconds, how it is


def grouped(*devices: Device) -> list[bool]:
    area, heard, state = (np.array(column) for column in zip(*devices, strict=True))
    return together(area, (heard * 1e6).astype(np.int64), state >= OVERDUE, state == SILENT, RULE).tolist()


ALIVE: list[Device] = [(1, 5000.0 + i, SPEAKS) for i in range(6)]


@pytest.mark.parametrize(
    ("why", "devices", "expected"),
    [
        ("a cell whose devices stop together", [(1, 1000.0 + 9 * i, SILENT if i == 0 else OVERDUE) for i in range(6)], 6),
        ("nobody is silent long enough yet", [(1, 1000.0 + i, OVERDUE) for i in range(6)], 0),
        ("too few", [(1, 1000.0 + i, SILENT) for i in range(4)], 0),
        ("five of six speak: one is silent alone", [*ALIVE[:5], (1, 1000.0, SILENT)], 0),
        ("one network of three is gone: a third of the cell is enough", [*ALIVE, *[(1, 1000.0 + i, SILENT) for i in range(5)]], 5),
        ("a share too small for an area", [*ALIVE, *ALIVE, *ALIVE, *[(1, 1000.0 + i, SILENT) for i in range(5)]], 0),
        ("silent one after the other over hours is chance", [(1, 1000.0 + 500 * i, SILENT) for i in range(8)], 0),
        ("neighbouring cells are not added up", [(i % 2, 1000.0 + i, SILENT) for i in range(8)], 0),
        ("those who went long ago do not belong", [(1, 10.0, OVERDUE), *[(1, 5000.0 + i, SILENT) for i in range(5)]], 5),
        ("asleep together, and nobody of them too long silent", [(1, 10.0 + i, OVERDUE) for i in range(9)], 0),
    ],
)  # fmt: skip
def test_who_is_grouped(why: str, devices: list[Device], expected: int) -> None:
    assert sum(grouped(*devices)) == expected, why


devices = st.lists(
    st.tuples(st.integers(0, 2), st.floats(0, 3000), st.sampled_from([SPEAKS, OVERDUE, SILENT])),
    min_size=1,
    max_size=40,
)


@given(devices, st.randoms())
def test_the_order_of_the_devices_decides_nothing_but_ties(rows: list[Device], random: object) -> None:
    rows = [(area, float(i * 7), state) for i, (area, _, state) in enumerate(rows)]  # no two at the same instant
    order = list(range(len(rows)))
    random.shuffle(order)  # type: ignore[attr-defined]
    plain, other = grouped(*rows), grouped(*(rows[i] for i in order))
    assert [other[order.index(i)] for i in range(len(rows))] == plain


@given(devices)
def test_only_who_is_overdue_is_grouped_and_never_fewer_than_needed(rows: list[Device]) -> None:
    got = grouped(*rows)
    for area in {row[0] for row in rows}:
        members = [row for row, is_in in zip(rows, got, strict=True) if is_in and row[0] == area]
        assert all(row[2] >= OVERDUE for row in members)
        assert not members or (len(members) >= RULE.least and any(row[2] == SILENT for row in members))


@given(st.floats(-179.9, 179.9), st.floats(-89.9, 89.9))
def test_a_cells_middle_lies_in_it(lon: float, lat: float) -> None:
    (cell,) = cells_of(np.array([lon]), np.array([lat])).tolist()
    centre = centre_of(cell)
    assert cells_of(np.array([centre.lon]), np.array([centre.lat])).tolist() == [cell]
    assert abs(centre.lat - lat) <= 0.0051
    assert abs(centre.lon - lon) <= 0.0064


def test_an_area_has_the_same_name_in_every_partition() -> None:
    assert name_of(EVERYWHERE) == "everywhere"
    (cell,) = cells_of(np.array([126.9227]), np.array([37.6186])).tolist()
    assert name_of(cell) == "cell:37.615,126.91875"
