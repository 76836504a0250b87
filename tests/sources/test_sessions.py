"""Sessions as research publishes them: unsorted files come out sorted."""

from __future__ import annotations

from pathlib import Path

import pytest

from online_models.events import Event
from streams.sources import SourceError, read_session_events
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
        ("s\ti\tinf", "inf is not a number of seconds"),
        ("s\ti\t1e307", "1e\\+307 is not a number of seconds"),
        ("s\ti\t-1", "-1.0 is not a number of seconds"),
        ("s\t\t1.0", "SessionId or ItemId is empty"),
        ("s\ti", "2 columns are too few"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, row: str, complaint: str) -> None:
    path = tmp_path / "sessions.tsv"
    path.write_text(f"{HEADER}s\ti\t1.0\n{row}\n")
    with pytest.raises(SourceError, match=complaint) as caught:
        list(read_session_events(path))
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
    assert len({event.user_id for event in events}) == sessions


def test_the_test_sessions_of_rsc15_ask_for_as_many_predictions_as_published() -> None:
    clicks = list(read_session_events(shared("rsc15-100k-test.tsv.gz")))
    assert len(clicks) - len({click.user_id for click in clicks}) == 10_152
