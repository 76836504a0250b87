"""Sessions as research publishes them: unsorted files come out sorted."""

from __future__ import annotations

from pathlib import Path

import pytest

from online_models.events import Event
from streams.sources import Session, SourceError, read_session_events, read_sessions
from tests.sources.shared_data import shared

HEADER = "SessionId\tItemId\tTime\n"
UNSORTED = HEADER + (
    "late\tx\t300.0\n"
    "long\tc\t900.5\n"
    "late\ty\t200.0\n"
    "long\ta\t100.25\n"
    "late\tsame second, second\t300.0\n"
    "long\tb\t100.25\n"
)


@pytest.fixture
def unsorted(tmp_path: Path) -> Path:
    path = tmp_path / "sessions.tsv"
    path.write_text(UNSORTED)
    return path


def test_sessions_are_sorted_within_by_time_and_among_them_by_their_end(unsorted: Path) -> None:
    assert read_sessions(unsorted) == [
        Session("late", ["y", "x", "same second, second"], [200_000, 300_000, 300_000]),
        Session("long", ["a", "b", "c"], [100_250, 100_250, 900_500]),
    ]


def test_clicks_are_sorted_over_all_sessions(unsorted: Path) -> None:
    assert list(read_session_events(unsorted)) == [
        Event("sessions-100250-4", "view", "long", "a", 100_250),
        Event("sessions-100250-6", "view", "long", "b", 100_250),
        Event("sessions-200000-3", "view", "late", "y", 200_000),
        Event("sessions-300000-1", "view", "late", "x", 300_000),
        Event("sessions-300000-5", "view", "late", "same second, second", 300_000),
        Event("sessions-900500-2", "view", "long", "c", 900_500),
    ]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("s\ti\tnoon", "could not convert string to float: 'noon'"),
        ("s\ti\tinf", "Time 'inf' is not a number of seconds"),
        ("s\t\t1.0", "SessionId or ItemId is empty"),
        ("s\ti", "2 columns are too few"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, row: str, complaint: str) -> None:
    path = tmp_path / "sessions.tsv"
    path.write_text(f"{HEADER}s\ti\t1.0\n{row}\n")
    for read in (read_sessions, read_session_events):
        with pytest.raises(SourceError, match=complaint) as caught:
            list(read(path))
        assert str(caught.value).startswith(f"{path}, line 3: ")


@pytest.mark.parametrize(
    ("name", "clicks", "sessions"),
    [
        ("serenade-toy-train.tsv.gz", 113_601, 23_753),  # a session's rows are scattered over this file
        ("serenade-toy-test.tsv.gz", 1_233, 302),
        ("rsc15-100k-test.tsv.gz", 13_568, 3_416),
    ],
)
def test_published_files_come_whole_and_in_order(name: str, clicks: int, sessions: int) -> None:
    path = shared(name)
    events = list(read_session_events(path))
    assert len(events) == clicks
    assert [event.ts for event in events] == sorted(event.ts for event in events)
    found = read_sessions(path)
    assert len(found) == sessions
    assert sum(len(session.item_ids) for session in found) == clicks
    assert all(session.times == sorted(session.times) for session in found)
    ends = [session.times[-1] for session in found]
    assert ends == sorted(ends)


def test_the_test_sessions_of_rsc15_ask_for_as_many_predictions_as_published() -> None:
    found = read_sessions(shared("rsc15-100k-test.tsv.gz"))
    assert sum(len(session.item_ids) - 1 for session in found) == 10_152
