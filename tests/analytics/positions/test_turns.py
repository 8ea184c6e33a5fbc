"""Rows of a batch in turns."""

import numpy as np

from analytics.positions.turns import turns


def test_a_devices_rows_come_one_a_turn_by_their_last_key_and_where_that_is_the_same_by_the_one_before() -> None:
    slots, received, at = np.array([7, 4, 7, 7]), np.array([3, 0, 2, 1]), np.array([5, 9, 1, 5])
    assert [turn.tolist() for turn in turns(slots, received, at)] == [[1, 2], [3], [0]]


def test_where_each_device_is_there_once_all_are_one_turn() -> None:
    assert [turn.tolist() for turn in turns(np.array([4, 7]), np.array([9, 1]))] == [[0, 1]]
