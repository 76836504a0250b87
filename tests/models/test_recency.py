"""The pool of rows in order of their last use, against a list in plain Python."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.recency import FREE, NEWEST, OLDEST, USED, enter, has_room, in_order, leave, move_to_newest, nobody

_ROW = np.dtype([("shopper", np.int32), ("older", np.int32), ("newer", np.int32)])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["enter", "leave", "move"]), st.integers(0, 1000)), max_size=60))
def test_any_order_of_coming_and_going(acts: list[tuple[str, int]]) -> None:
    rows, ends, expected = np.zeros(5, _ROW), nobody(), list[int]()
    for shopper, (act, choice) in enumerate(acts):
        if act == "enter":
            assert has_room(rows, ends) == (len(expected) < len(rows))
            if len(expected) < len(rows):
                row = enter(shopper, rows, ends)
                assert row not in expected
                assert rows["shopper"][row] == shopper
                expected.append(row)
        elif expected:
            row = expected.pop(choice % len(expected))
            if act == "move":
                move_to_newest(row, rows, ends)
                expected.append(row)
            else:
                leave(row, rows, ends)
                assert rows["shopper"][row] == -1
        assert in_order(rows, ends).tolist() == expected
        assert (ends[OLDEST], ends[NEWEST]) == ((expected[0], expected[-1]) if expected else (-1, -1))
        assert rows["older"][expected].tolist() == [-1, *expected][: len(expected)]


def test_a_row_that_was_left_is_the_next_one_entered() -> None:
    rows, ends = np.zeros(5, _ROW), nobody()
    first, _ = (enter(shopper, rows, ends) for shopper in range(2))
    leave(first, rows, ends)
    assert ends[FREE] == first
    assert enter(7, rows, ends) == first
    assert ends[USED] == 2
