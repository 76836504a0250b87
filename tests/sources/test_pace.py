"""When events are due."""

from __future__ import annotations

import math

import pytest

from streams.errors import SettingsError
from streams.sources.pace import due_times
from streams.sources.record import Record


def record(ts: int | None) -> Record:
    return Record(b"ada", b"{}", False, ts)


def due(times: list[int | None], **pace: float) -> list[float]:
    return [moment for moment, _ in due_times(map(record, times), **pace)]


def test_without_a_pace_all_are_due_at_once() -> None:
    assert due([5_000, 6_000, None]) == [0.0, 0.0, 0.0]


def test_event_time_is_divided_by_the_speed_and_gaps_are_kept() -> None:
    assert due([5_000, 5_000, 6_000, 86_405_000], speed=2) == [0.0, 0.0, 0.5, 43_200.0]


def test_a_late_event_is_due_at_its_own_time_which_has_passed() -> None:
    assert due([5_000, 9_000, 6_000, 10_000], speed=1) == [0.0, 4.0, 1.0, 5.0]


def test_a_record_without_event_time_is_due_with_the_one_before() -> None:
    assert due([None, 5_000, 7_000, None, 8_000], speed=1) == [0.0, 0.0, 2.0, 2.0, 3.0]


def test_a_rate_does_not_look_at_event_time() -> None:
    assert due([5_000, None, 1_000], rate=4) == [0.0, 0.25, 0.5]


@pytest.mark.parametrize("name", ["speed", "rate"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_a_pace_is_a_number_above_zero(name: str, value: float) -> None:
    with pytest.raises(SettingsError, match=f"the {name} of a replay is {value}; give a number above 0"):
        due_times([], **{name: value})


def test_two_paces_are_one_too_many() -> None:
    with pytest.raises(SettingsError, match="both a speed and a rate"):
        due_times([], speed=1, rate=1)
