"""The clothing shop: golden counts on the bundled data, and times that make sense though they are made up."""

from __future__ import annotations

import zipfile
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from online_models.events import Event
from streams.sources import SourceError, bundled, read_clothing

HALF_AN_HOUR_MS = 30 * 60 * 1000
HEADER = (
    "year;month;day;order;country;session ID;page 1 (main category);page 2 (clothing model);colour;location;"
    "model photography;price;price 2;page\r\n"
)


@pytest.fixture(scope="module")
def clicks() -> list[Event]:
    return list(read_clothing(bundled("clothing")))


def archive(folder: Path, *rows: str) -> Path:
    path = folder / "clothing.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("clothing.csv", HEADER + "".join(row + "\r\n" for row in rows))
    return path


def test_the_bundled_clicks_have_their_published_counts(clicks: list[Event]) -> None:
    assert Counter(click.type for click in clicks) == {"view": 165_474}
    assert len({click.user_id for click in clicks}) == 24_026
    assert len({click.item_id for click in clicks}) == 217
    assert len({click.event_id for click in clicks}) == 165_474


def test_clicks_come_in_order_of_time_and_the_same_every_time(clicks: list[Event]) -> None:
    times = [click.ts for click in clicks]
    assert times == sorted(times)
    assert list(read_clothing(bundled("clothing"))) == clicks


def test_a_session_keeps_its_order_and_fits_into_half_an_hour(clicks: list[Event]) -> None:
    of_session: dict[str, list[Event]] = defaultdict(list)
    for click in clicks:
        of_session[click.user_id].append(click)
    for session, its_clicks in of_session.items():
        times = [click.ts for click in its_clicks]
        assert [click.event_id for click in its_clicks] == [
            f"clothing-{session}-{order}" for order in range(1, len(its_clicks) + 1)
        ]
        assert all(earlier < later for earlier, later in pairwise(times))
        assert times[-1] - times[0] < HALF_AN_HOUR_MS


def test_a_session_stays_on_the_day_the_data_gives_it(clicks: list[Event]) -> None:
    days = {click.user_id: datetime.fromtimestamp(click.ts / 1000, UTC).date() for click in clicks}
    assert all(datetime.fromtimestamp(click.ts / 1000, UTC).date() == days[click.user_id] for click in clicks)
    assert str(days["1"]) == "2008-04-01"
    assert str(max(days.values())) == "2008-08-13"
    assert len(set(days.values())) == 135


def test_the_sessions_of_a_day_are_spread_over_it(clicks: list[Event]) -> None:
    starts = {click.user_id: datetime.fromtimestamp(click.ts / 1000, UTC) for click in reversed(clicks)}
    of_hour = Counter(start.hour for start in starts.values() if str(start.date()) == "2008-04-01")
    sessions = of_hour.total()
    assert sessions > 200
    # All hours but the last, in which none may start late, have about their 24th.
    assert all(0.5 * sessions / 24 < of_hour[hour] < 2 * sessions / 24 for hour in range(23))


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("2008;4;31;1;29;2;1;A13;1;5;1;28;2;1", "day is out of range for month"),
        ("2008;4;1;first;29;2;1;A13;1;5;1;28;2;1", "invalid literal for int"),
        ("2008;4;1;1;29;2;1;;1;5;1;28;2;1", "the clothing model is empty"),
        ("2008;4;1;1;29;2;1;A13;1;5;1;inf;2;1", "price 'inf' is not an amount"),
        ("2008;4;1;1;29;2", "6 columns are too few"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, row: str, complaint: str) -> None:
    path = archive(tmp_path, "2008;4;1;1;29;1;1;A13;1;5;1;28;2;1", row)
    with pytest.raises(SourceError, match=complaint) as caught:
        list(read_clothing(path))
    assert str(caught.value).startswith(f"{path}, line 3: ")
