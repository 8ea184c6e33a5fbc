from hypothesis import given
from hypothesis import strategies as st

from control_room.live.counts import LEAST, count_cells
from haechi.domain.geo import Point, distance_m

near = st.builds(Point, st.floats(126.92, 126.93), st.floats(37.61, 37.62))


@given(st.lists(near, max_size=60))
def test_no_square_with_fewer_than_five_people_is_ever_told(points: list[Point]) -> None:
    cells = count_cells(points)
    assert all(cell.people >= LEAST == 5 for cell in cells)
    assert sum(cell.people for cell in cells) <= len(points)


@given(st.lists(near, min_size=5, max_size=40))
def test_a_square_lies_where_its_people_are(points: list[Point]) -> None:
    for cell in count_cells(points):
        assert sum(distance_m(cell.point, point) < 75 for point in points) >= cell.people


def test_five_people_on_one_spot_are_one_square_and_four_are_none() -> None:
    spot = Point(126.9227, 37.6186)
    assert [cell.people for cell in count_cells([spot] * 5)] == [5]
    assert count_cells([spot] * 4) == ()


def test_a_square_does_not_follow_a_person_who_moves_within_it() -> None:
    crowd = [Point(126.92270, 37.61860)] * 6
    moved = [Point(126.92271, 37.61861), *crowd[1:]]
    assert count_cells(crowd) == count_cells(moved)
