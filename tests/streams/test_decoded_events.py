"""Whole deliveries are decoded to the same events, and the same rejections, as one record at a time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loadtest.bad_events import BAD_EVENTS, bad_value
from online_models.events import EVENT_TYPES, Event
from online_models.spelling import spelled
from streams.decoded_events import DecodedEvents, decoded
from streams.decoding import Decoder, Rejection
from streams.portion import Portion
from streams.quick_decoding import Scanner
from streams.records import Record, Records

NOW_MS = 1_790_000_000_000
DECODER = Decoder(2_000, 3600.0)
GOOD = b'{"event_id":"e1","type":"view","user_id":"ada","item_id":"lamp","ts":1735689600000}'

plain_ids = st.integers(1, 130).map(lambda length: ("item-of_the.week:" * 8)[:length])
ids = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12), st.text(max_size=4), plain_ids
)
times = st.one_of(
    st.integers(-1, 2 * NOW_MS),
    st.integers(0, NOW_MS).map(float),
    st.datetimes().map(lambda moment: moment.isoformat(timespec="milliseconds") + "Z"),
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.from_regex(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{3})?Z", fullmatch=True),
)
numbers = st.one_of(
    st.integers(-2, 200_000), st.floats(), st.decimals(0, 10**10, places=3).map(float), st.none(), st.text(max_size=2)
)
flat = st.dictionaries(ids, st.one_of(numbers, st.booleans(), ids), max_size=3)
events = st.fixed_dictionaries(
    {"event_id": ids, "type": st.sampled_from([*EVENT_TYPES, "viewed"]), "user_id": ids, "item_id": ids, "ts": times},
    optional={
        "price": numbers,
        "quantity": numbers,
        "session_id": st.one_of(ids, st.none(), st.integers()),
        "currency": ids,
        "properties": st.one_of(flat, st.none(), st.dictionaries(ids, flat, max_size=1)),
        "note": st.one_of(numbers, ids, st.booleans(), flat),
    },
)
separators = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n\t", " :\r ")])


def record(value: bytes, offset: int = 0, key: bytes = b"ada") -> Record:
    return Record("clickstream", 0, offset, NOW_MS, key, value)


def replace_time(of: Record, timestamp: int) -> Record:
    return Record(of.topic, of.partition, of.offset, timestamp, of.key, of.value)


def one_by_one(records: Sequence[Record]) -> list[Event | tuple[str, str]]:
    found = [DECODER.decode_one(one) for one in records]
    return [(one.reason, one.detail) if isinstance(one, Rejection) else one for one in found]


def together(portion: Portion[DecodedEvents]) -> list[Event | tuple[str, str]]:
    columns, said = portion.content.columns, portion.content
    names = [ids.spelling().names() for ids in (columns.event_id, columns.user_id, columns.item_id)]
    found: list[Event | tuple[str, str]] = []
    for n, number in enumerate(said.rejected.tolist()):
        if number >= 0:
            found.append((said.rejections[number].reason, said.rejections[number].detail))
            continue
        event_id, user_id, item_id = (column[n] for column in names)
        kind, ts = EVENT_TYPES[columns.type[n]], int(columns.ts[n])
        found.append(Event(event_id, kind, user_id, item_id, ts, float(columns.price[n]), int(columns.quantity[n])))
    return found


shuffled = events.flatmap(lambda event: st.permutations(list(event.items()))).map(dict)


@given(
    st.lists(
        st.tuples(st.one_of(events, shuffled), separators, st.integers(0, 400), st.binary(max_size=2)),
        min_size=1,
        max_size=8,
    )
)
@settings(deadline=None, max_examples=400)
def test_whatever_is_sent(sent: list[tuple[dict[str, object], tuple[str, str], int, bytes]]) -> None:
    # Given events, some with a few bytes overwritten
    records = []
    for offset, (event, separator, place, damage) in enumerate(sent):
        value = json.dumps(event, separators=separator, ensure_ascii=bool(place % 2)).encode(errors="surrogatepass")
        if place < len(value) // 2:
            value = value[:place] + damage + value[place + len(damage) :]
        records.append(record(value, offset, str(event["user_id"]).encode(errors="surrogatepass")))
    # When they are decoded together, it is as if they were decoded one by one
    assert together(decoded(DECODER, 0, Records.of(records))) == one_by_one(records)


@given(st.lists(st.one_of(st.integers(0, 400), st.just(90)), max_size=12), st.sampled_from([b"", b" ", b"\n "]))
@example([85, 170, 255], b"")
@example([84, 169], b"")
@settings(deadline=None)
def test_a_record_that_breaks_off_does_not_go_on_in_the_next(cuts: list[int], between: bytes) -> None:
    # Given events end to end, cut into records anywhere
    text = between.join([GOOD] * 5)
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    records = [record(text[start:end], n) for n, (start, end) in enumerate(pairwise(places))]
    # Then each record is what it is alone, even with nothing between their values
    values = spelled((one.value or b"").decode() for one in records).ids()
    keys = spelled((one.key or b"").decode() for one in records).ids()
    adjacent = replace(Records.of(records), values=values, keys=keys)
    assert together(decoded(DECODER, 0, adjacent)) == one_by_one(records)


@pytest.mark.parametrize("field", [b"e1", b"lamp", b"view", b"type", b"1735689600000"])
def test_any_character_anywhere(field: bytes) -> None:
    # Given events in which one character is another one, at every distance from the beginning of a string
    others = [bytes([code]) for code in range(256)]
    records = [
        record(GOOD.replace(field, field[:place] + b"x" * more + other + field[place:]))
        for place, more in [*((place, 0) for place in range(len(field) + 1)), *((1, more) for more in range(1, 17))]
        for other in others
    ]
    assert together(decoded(DECODER, 0, Records.of(records))) == one_by_one(records)


@given(
    st.lists(
        st.integers(0, 10**17).map(lambda n: b"%d" % n)
        | st.sampled_from([b"0", b"00", b"1", b"-1", b"1.5", b"1.", b".5", b"1e3", b"999999999999999", b"1000000000.0"])
        | st.sampled_from([b"1000000000.1", b"19.99", b"null", b"nul", b"true", b'""', b"0.1234567890123456", b"{}"]),
        min_size=2,
        max_size=2,
    )
)
@example([b"0.30000000000000004", b"1"])
@settings(deadline=None)
def test_numbers_as_they_may_be_written(written: list[bytes]) -> None:
    price, quantity = written
    records = [
        record(GOOD[:-1] + b',"price":%b,"quantity":%b}' % (price, quantity)),
        record(GOOD[:-1] + b',"properties":{"a":%b,"b":%b}}' % (price, quantity)),
        record(GOOD[:-1] + b',"other":%b}' % price),
        record(GOOD.replace(b"1735689600000", price)),
    ]
    assert together(decoded(DECODER, 0, Records.of(records))) == one_by_one(records)


def test_what_mistaken_websites_send_is_rejected_for_the_same_reasons() -> None:
    records = [record(bad_value(kind, b"ada", kind), kind) for kind in range(len(BAD_EVENTS))]
    portion = decoded(DECODER, 0, Records.of([*records, record(GOOD, 99)]))
    assert together(portion) == one_by_one([*records, record(GOOD, 99)])
    assert [rejection.reason for rejection in portion.content.bad()] == [reason for reason, _ in BAD_EVENTS]
    assert portion.time.tolist() == [-1] * len(records) + [1_735_689_600_000]


@pytest.mark.parametrize("timestamp", [-1, NOW_MS, 2**63 - 1])
def test_no_time_is_too_large_to_be_rejected(timestamp: int) -> None:
    """Where Kafka has a time of the far future, there is nothing to hold an event's against, and where it has none."""
    written = [b"253402300799999", b"253402300800000", b"999999999999999", b"%d" % (2**63 - 1), b"1e300", b"9" * 400]
    written += [b'"9999-12-31T23:59:59.999Z"', b'"9999-12-31T23:59:59.999-23:59"']
    records = [replace_time(record(GOOD.replace(b"1735689600000", ts), n), timestamp) for n, ts in enumerate(written)]
    portion = decoded(DECODER, 0, Records.of(records))
    assert together(portion) == one_by_one(records)
    taken = [0, 6] if timestamp == 2**63 - 1 else []
    assert np.flatnonzero(portion.time >= 0).tolist() == taken
    reasons = {rejection.reason for rejection in portion.content.bad()}
    assert reasons <= {"bad_time", "time_in_future"}


def test_a_clock_that_is_fast_is_set_right() -> None:
    """To the time at which Kafka received the event: no shopper's session is over before its time."""
    for ts in (b"%d" % (NOW_MS + 3_000_000), b'"%s"' % _iso(NOW_MS + 3_000_000), b"%d" % NOW_MS, b"%d" % (NOW_MS - 1)):
        one = record(GOOD.replace(b"1735689600000", ts))
        expected = NOW_MS - (ts == b"%d" % (NOW_MS - 1))
        portion = decoded(DECODER, 0, Records.of([one]))
        assert portion.time.tolist() == portion.content.columns.ts.tolist() == [expected]
        event = DECODER.decode_one(one)
        assert isinstance(event, Event)
        assert event.ts == expected


def _iso(ts: int) -> bytes:
    return datetime.fromtimestamp(ts / 1000, UTC).isoformat().encode()


def test_ordinary_events_need_no_second_look() -> None:
    spaced = json.dumps({**json.loads(GOOD), "price": 19.99, "properties": {"colour": "red", "big": True, "n": -1.5}})
    iso = GOOD.replace(b"1735689600000", b'"2025-02-28T12:34:56.789Z"')
    records = Records.of([record(value) for value in (GOOD, spaced.encode(), iso)])
    found = Scanner(2_000, 0).scan(records.values, records.keys, records.timestamp)
    assert found.plain == 3
    assert found.columns.price.tolist() == [0.0, 19.99, 0.0]
    assert found.time.tolist() == [1_735_689_600_000, 1_735_689_600_000, 1_740_746_096_789]


def test_portions_are_cut_and_joined_without_mixing_anything_up() -> None:
    values = [GOOD, b"no event", GOOD.replace(b"lamp", "stehleuchte für flur".encode()), b"", GOOD]
    records = [record(value, n) for n, value in enumerate(values)]
    whole = decoded(DECODER, 0, Records.of(records))
    parts = [decoded(DECODER, 0, Records.of(part)) for part in (records[2:], records[:2])]
    joined = Portion.joined(parts).chosen(np.array([3, 4, 0, 1, 2]))
    assert together(joined) == together(whole) == one_by_one(records)
    assert joined.offset.tolist() == whole.offset.tolist()
    places, good = joined.content.events()
    assert places.tolist() == [0, 2, 4]
    assert good.item_id.spelling().names() == ["lamp", "stehleuchte für flur", "lamp"]


def test_a_few_events_of_a_large_delivery_leave_its_text_behind() -> None:
    records = [record(GOOD.replace(b"lamp", b"lamp %d" % n), n) for n in range(500)]
    whole = decoded(DECODER, 0, Records.of(records))
    few = [whole.chosen(slice(7, 9)), whole.chosen(np.array([499, 3])), whole]
    joined = Portion.joined(few)
    assert together(joined) == one_by_one([records[n] for n in (7, 8, 499, 3, *range(500))])
    assert len(joined.content.columns.text) < len(whole.content.columns.text) + 200
