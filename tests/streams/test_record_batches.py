"""Kafka's record batches as columns: the same records as aiokafka finds, and no crash whatever the bytes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import record_batches
from streams.record_batches import RecordBatch, batches, columns, is_whole
from streams.records import NONE, Record

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


class Sent(NamedTuple):
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


some_bytes = st.none() | st.binary(max_size=200)
sent = st.builds(
    Sent,
    st.integers(1_600_000_000_000, 1_900_000_000_000),
    some_bytes,
    some_bytes,
    st.lists(st.tuples(st.text(max_size=9), some_bytes), max_size=2),
)


def a_batch(records: Sequence[Sent], base_offset: int = 0, codec: int = 0) -> bytes:
    """As a producer writes it and the broker numbers it."""
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 1 << 20)
    for n, record in enumerate(records):
        builder.append(n, record.timestamp, record.key, record.value, list(record.headers))
    data = bytearray(builder.build())
    struct.pack_into(">q", data, 0, base_offset)
    return bytes(data)


def read(data: bytes, offset: int = 0) -> list[Record]:
    found = list(batches("t", 3, data, offset, check=True))
    assert [batch.offset for batch in found] == [offset, *(batch.end for batch in found)][: len(found)]
    if not found:
        return []
    records, counts = columns(found)
    assert int(counts.sum()) == len(records)
    return [records.one(n) for n in range(len(records))]


def read_by_aiokafka(data: bytes, offset: int = 0) -> list[Record]:
    memory, found = MemoryRecords(data), []
    while memory.has_next():
        batch = memory.next_batch()
        assert batch is not None
        found += [Record("t", 3, r.offset, r.timestamp or 0, r.key, r.value) for r in batch if r.offset >= offset]
    return found


@given(st.lists(st.lists(sent, min_size=1, max_size=5), min_size=1, max_size=4), st.sampled_from(list(CODECS)))
@settings(max_examples=150, deadline=None)
def test_the_same_records_as_aiokafka(sent_batches: list[list[Sent]], codec: str) -> None:
    data, base = b"", 70
    for records in sent_batches:
        data += a_batch(records, base, CODECS[codec])
        base += len(records)
    for offset in (0, 70, 71, 73, base, base + 1):
        assert read(data, offset) == read_by_aiokafka(data, offset)


def test_a_batch_that_was_cut_short_waits_for_the_next_fetch() -> None:
    data = a_batch([Sent(1, b"k", b"v")], 5) + a_batch([Sent(2, b"k", b"w")], 6)
    assert [record.value for record in read(data[:-1])] == [b"v"]
    assert is_whole(data)
    assert is_whole(data[:-1])
    assert not is_whole(data[:69])
    assert not is_whole(b"")


def test_the_brokers_time_counts_where_it_gives_one() -> None:
    data = bytearray(a_batch([Sent(1_700_000_000_000, b"k", b"v"), Sent(1_700_000_000_007, b"k", b"v")]))
    struct.pack_into(">h", data, 21, 0x08)  # attributes: log append time
    found = next(iter(batches("t", 0, bytes(data), 0, check=False)))
    assert isinstance(found, RecordBatch)
    assert columns([found])[0].timestamp.tolist() == [1_700_000_000_007] * 2


@pytest.mark.parametrize("offset", [0, 7, 8, 9])
@pytest.mark.parametrize("codec", [1, 2, 3, 4])
def test_a_batch_that_holds_too_much_is_one_record(codec: int, offset: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the last offset of the batch, wherever reading begins: what comes next continues there."""
    monkeypatch.setattr(record_batches, "_LARGEST_OPENED", 100_000)
    bomb = a_batch([Sent(5, b"k", b"small"), Sent(6, b"k", bytes(100_000)), Sent(7, None, b"last")], 7, codec)
    found = read(bomb + a_batch([Sent(8, b"k", b"after")], 10, codec), offset)
    assert found == [Record("t", 3, 9, 5, None, bomb[61:]), Record("t", 3, 10, 8, b"k", b"after")]


def test_control_batches_only_move_the_offset() -> None:
    data = bytearray(a_batch([Sent(1, b"k", b"v")], 9))
    struct.pack_into(">h", data, 21, 0x20)
    (found,) = batches("t", 0, bytes(data), 7, check=False)
    assert (found.offset, found.end) == (7, 10)
    records, counts = columns([found])
    assert (len(records), counts.tolist()) == (0, [0])
    assert list(batches("t", 0, bytes(data), 10, check=False)) == []


def test_damage_is_noticed() -> None:
    data = bytearray(a_batch([Sent(1, b"key", b"value")], 9))
    data[-2] ^= 1
    with pytest.raises(CorruptRecordException, match="Invalid CRC - t-0, offset 9"):
        list(batches("t", 0, bytes(data), 0, check=True))


@pytest.mark.parametrize(("offsets", "last"), [([0, 1 << 20], 1), ([0, 2, 1], 2), ([0, 0], 1), ([-1, 0], 1)])
def test_offsets_that_would_lead_past_other_records_are_refused(offsets: list[int], last: int) -> None:
    """Brokers take their number from the batch, and need not look at those that a producer gave to its records."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    for offset in offsets:
        builder.append(offset, 1, b"k", b"v", [])
    data = builder.build()
    struct.pack_into(">i", data, 23, last)
    found = next(iter(batches("t", 0, bytes(data), 0, check=False)))
    assert isinstance(found, RecordBatch)
    with pytest.raises(CorruptRecordException, match="invalid record in t-0"):
        columns([found])


def test_an_old_format_is_refused() -> None:
    data = bytearray(a_batch([Sent(1, b"key", b"value")]))
    data[16] = 1
    with pytest.raises(CorruptRecordException, match="t-0 has records in Kafka's format 1; 2 is needed"):
        list(batches("t", 0, bytes(data), 0, check=True))


@given(st.lists(sent, min_size=1, max_size=3), st.data())
@settings(max_examples=300, deadline=None)
def test_whatever_the_bytes_no_place_lies_outside(records: list[Sent], data: st.DataObject) -> None:
    damaged = bytearray(a_batch(records))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(61, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    found = next(iter(batches("t", 0, bytes(damaged), 0, check=False)))
    assert isinstance(found, RecordBatch)
    try:
        read, _ = columns([found])
    except CorruptRecordException:
        return
    for places in (read.keys, read.values):
        has_one = places.starts != NONE
        assert (places.starts[has_one] >= 0).all()
        assert (places.starts <= places.ends).all()
        assert (places.ends <= len(places.text)).all()
