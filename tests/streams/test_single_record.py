"""Batches of one record as aiokafka reads them, checksum included; that Kafka takes them is in `test_publisher`."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatch
from hypothesis import example, given
from hypothesis import strategies as st

from streams.outputs import Message
from streams.single_record import SingleRecord

_TEXT = st.none() | st.binary(max_size=300)


@given(_TEXT, _TEXT, st.lists(st.tuples(st.text(max_size=70), st.binary(max_size=70)), max_size=3))
@example(None, b"x" * 70_000, [])
def test_a_record_comes_back_as_it_was(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
) -> None:
    single = SingleRecord(Message("rejected", value, 0, key, headers), 1_700_000_000_123)
    batch: Any = DefaultRecordBatch(single._build())
    assert batch.validate_crc()
    (record,) = batch
    assert (record.offset, record.timestamp, record.key, record.value) == (0, 1_700_000_000_123, key, value)
    assert list(record.headers) == headers
    assert (single.record_count(), single.size()) == (1, len(single._build()))


@pytest.mark.parametrize("place", [21, 60, 64, -1])
def test_what_was_changed_on_its_way_is_noticed(place: int) -> None:
    damaged = bytearray(SingleRecord(Message("covisits", b"block", 0), 1)._build())
    damaged[place] ^= 1
    batch: Any = DefaultRecordBatch(bytes(damaged))
    assert not batch.validate_crc()
