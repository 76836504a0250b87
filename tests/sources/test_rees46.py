"""REES46: golden counts on the bundled day, and broken files."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from online_models.events import Event
from streams.sources import SourceError, bundled, read_rees46

HEADER = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"


def day(folder: Path, *rows: str) -> Path:
    path = folder / "day.csv"
    path.write_text(HEADER + "".join(row + "\n" for row in rows))
    return path


def test_the_bundled_day_has_its_published_counts() -> None:
    events = list(read_rees46(bundled("rees46")))
    assert Counter(event.type for event in events) == {"view": 17_056, "add_to_cart": 165, "purchase": 214}
    assert len({event.user_id for event in events}) == 4_505
    assert len({event.item_id for event in events}) == 6_493


def test_the_first_row_becomes_this_event() -> None:
    assert next(read_rees46(bundled("rees46"))) == Event(
        event_id="rees46-1569888000000-1",
        type="view",
        user_id="541312140",
        item_id="44600062",
        ts=1_569_888_000_000,
        price=35.79,
        quantity=1,
    )


def test_the_cut_off_last_row_counts_because_nothing_that_is_needed_is_missing() -> None:
    *_, last = read_rees46(bundled("rees46"))
    assert (last.user_id, last.item_id, last.price) == ("52040330", "10900305", 25.71)


def test_events_come_in_order_of_time() -> None:
    times = [event.ts for event in read_rees46(bundled("rees46"))]
    assert times == sorted(times)
    assert times[-1] - times[0] == (2 * 60 + 50) * 60 * 1000


def test_ids_are_unique_even_for_rows_that_repeat_and_the_same_every_time() -> None:
    events = list(read_rees46(bundled("rees46")))
    assert len({event.event_id for event in events}) == 17_435
    # Five rows of the file repeat another one.
    assert len({(e.ts, e.type, e.user_id, e.item_id, e.price) for e in events}) <= 17_430
    assert list(read_rees46(bundled("rees46"))) == events


def test_another_days_file_has_other_ids(tmp_path: Path) -> None:
    (event,) = read_rees46(day(tmp_path, "2019-10-02 00:00:00 UTC,view,1,,,,1.0,u,s"))
    assert event.event_id not in {event.event_id for event in read_rees46(bundled("rees46"))}


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as here:
        here.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_tokyo")
def test_times_are_utc_wherever_it_is_read(tmp_path: Path) -> None:
    (event,) = read_rees46(day(tmp_path, "2001-09-09 01:46:40 UTC,view,1,,,,,u,s"))
    assert (event.ts, event.price) == (1_000_000_000_000, 0.0)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("2019-10-01 00:00:01 UTC,look,1,,,,1.0,u,s", "event_type 'look' is none of view, cart"),
        ("2019-10-01 00:00:01 UTC,view,,,,,1.0,u,s", "product_id or user_id is empty"),
        ("2019-10-01 00:00:01 UTC,view,1,,,,1.0,,s", "product_id or user_id is empty"),
        ("2019-10-01 00:00:01 UTC,view,1,,,,cheap,u,s", "could not convert string to float: 'cheap'"),
        ("2019-10-01 00:00:01 UTC,view,1,,,,nan,u,s", "price 'nan' is not an amount"),
        ("yesterday,view,1,,,,1.0,u,s", "Invalid isoformat string: 'yesterday'"),
        ("2019-10-01 00:00:01 UTC,view,1", "3 columns are too few"),
        ("2019-09-30 23:59:59 UTC,view,1,,,,1.0,u,s", "earlier than the line before; sort the file"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, row: str, complaint: str) -> None:
    path = day(tmp_path, "2019-10-01 00:00:00 UTC,view,1,,,,1.0,u,s", "", row)
    with pytest.raises(SourceError, match=complaint) as caught:
        list(read_rees46(path))
    assert str(caught.value).startswith(f"{path}, line 4: ")


def test_what_stands_before_a_broken_line_is_read(tmp_path: Path) -> None:
    events = read_rees46(day(tmp_path, "2019-10-01 00:00:00 UTC,view,1,,,,1.0,u,s", "broken"))
    assert next(events).item_id == "1"
    with pytest.raises(SourceError):
        next(events)
