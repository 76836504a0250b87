"""JSON lines: read strictly as events, or passed on as they stand."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from online_models.events import Event
from streams.sources import (
    Record,
    SourceError,
    bundled,
    read_event_lines,
    read_events,
    read_rees46,
    to_records,
)

VIEW = b'{"event_id":"e1","type":"view","user_id":"ada","item_id":"lamp","ts":1700000000000}'


def file(folder: Path, *lines: bytes) -> Path:
    path = folder / "events.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def test_an_event_with_all_that_a_website_may_send(tmp_path: Path) -> None:
    line = (
        b'{"event_id":"e1","type":"purchase","user_id":"ada","item_id":"lamp","ts":"2023-11-14T22:13:20.5Z",'
        b'"session_id":"s","price":9.5,"quantity":2,"currency":"EUR","order_id":"o","properties":{"shelf":3}}'
    )
    expected = Event("e1", "purchase", "ada", "lamp", 1_700_000_000_500, price=9.5, quantity=2)
    assert list(read_events(file(tmp_path, line))) == [expected]


@pytest.mark.parametrize("ts", ['"2023-11-14T23:13:20+01:00"', '"2023-11-14 22:13:20"', "1700000000000", "1.7e12"])
def test_event_time_may_be_written_in_these_ways(tmp_path: Path, ts: str) -> None:
    path = file(tmp_path, VIEW.replace(b"1700000000000", ts.encode()))
    assert [event.ts for event in read_events(path)] == [1_700_000_000_000]
    assert [record.ts for record in read_event_lines(path)] == [1_700_000_000_000]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"{", "malformed, .*truncated"),
        (b'{"event_id":"e1"}', "missing required field `type`"),
        (VIEW.replace(b"view", b"look"), "type is 'look', known are impression, view"),
        (VIEW.replace(b"1700000000000", b'"today"'), "ts is 'today', which is not ISO-8601"),
        (VIEW.replace(b"1700000000000", b"1700000000"), "as if it were in seconds"),
        (VIEW.replace(b"1700000000000", b"100000000000000000000"), "bad_time"),
        (VIEW.replace(b"1700000000000", b"1699999999999"), "earlier than the line before; sort the file by ts"),
        (VIEW.replace(b'"e1"', b'""'), "event_id is empty"),
        (VIEW[:-1] + b',"price":-1}', "out_of_range"),
        (VIEW[:-1] + b',"quantity":1000000000000000000000000000000}', "out_of_range|wrong_type"),
        (VIEW.replace(b"ada", b"\xff"), "malformed"),
        (VIEW.replace(b'"ada"', b"[" * 50_000 + b"]" * 50_000), "Expected `str`, got `array`"),
        (VIEW[:-1] + b',"deep":' + b"[" * 50_000 + b"]" * 50_000 + b"}", "nested too deeply"),
        (VIEW[:-1] + b',"long":"' + b"x" * 1_000_000 + b'"}', "it has 1,000,093 bytes, and Kafka takes 1,000,000"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: bytes, complaint: str) -> None:
    path = file(tmp_path, VIEW, b"", line)
    with pytest.raises(SourceError, match=complaint) as caught:
        list(read_events(path))
    assert str(caught.value).startswith(f"{path}, line 3: ")


def test_what_was_sent_twice_is_one_event(tmp_path: Path) -> None:
    other = VIEW.replace(b"e1", b"e2")
    assert [event.event_id for event in read_events(file(tmp_path, VIEW, other, VIEW))] == ["e1", "e2"]


def test_a_line_that_kafka_would_not_take_is_named_before_it_is_sent(tmp_path: Path) -> None:
    path = file(tmp_path, VIEW, b"x" * 1_000_001)
    with pytest.raises(SourceError, match="line 2: it has 1,000,001 bytes"):
        list(read_event_lines(path))


def test_lines_are_passed_on_unchanged_whatever_is_in_them(tmp_path: Path) -> None:
    lines = [
        VIEW,
        b'  { "user_id" : "bob",  "unknown": [1, 2] }  ',
        b'{"user_id":"eve","type":"purchase","ts":"2023-11-14T22:13:20Z"}',
        b'{"user_id":17,"type":["purchase"],"ts":{"seconds":1}}',
        b"not json",
        b"\xff\xfe",
        b'{"user_id":"cut',
        b'{"deep":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        rb'{"user_id":"\ud800 half a character"}',
        b'{"user_id":""}',
    ]
    records = list(read_event_lines(file(tmp_path, *lines)))
    assert [record.value for record in records] == lines
    assert [record.key for record in records] == [b"ada", b"bob", b"eve", *[None] * 6, b""]
    assert [record.purchase for record in records] == [False, False, True, *[False] * 7]
    assert [record.ts for record in records] == [1_700_000_000_000, None, 1_700_000_000_000, *[None] * 7]


@pytest.mark.parametrize("ts", [b"1700000000", b"1700000000000000", b"true", b'"noon"', b"-1"])
def test_an_implausible_time_is_no_time(tmp_path: Path, ts: bytes) -> None:
    (record,) = read_event_lines(file(tmp_path, VIEW.replace(b"1700000000000", ts)))
    assert record == Record(b"ada", record.value, False, None)


def test_line_ends_and_empty_lines_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(VIEW + b"\r\n\r\n\n" + VIEW)
    assert [record.value for record in read_event_lines(path)] == [VIEW, VIEW]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    events = list(read_rees46(bundled("rees46")))
    records = list(to_records(events))
    path = tmp_path / "events.jsonl.gz"
    path.write_bytes(gzip.compress(b"".join(record.value + b"\n" for record in records), 1))
    assert list(read_events(path)) == events
    assert list(read_event_lines(path)) == records
