"""Kafka's record batches become columns in one go; an object per record would cost more than all that is done with it.

aiokafka makes a Python object of each record in the thread that fetches. Here that thread checks a batch and passes on
its bytes, and the records of many batches are found in them later, together.
Layout: https://kafka.apache.org/documentation/#recordbatch and #record, version 2 (Kafka 0.11 and newer).
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np
from aiokafka.errors import CorruptRecordException
from google_crc32c import extend as crc32c_extended
from google_crc32c import value as crc32c

from online_models.compiled import Bytes, Int64s, compiled
from online_models.spelling import Ids
from streams.decompression import TooLargeError, decompressed
from streams.records import NONE, Records
from streams.topics import LARGEST_RECORD

log = logging.getLogger("upwell")

#: Offset, length, leader epoch, version; checksum, attributes; last offset, times; producer; number of records.
_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
#: What comes before the bytes that the length counts, and before those that are in the checksum.
_BEFORE_LENGTH: Final = 12
_BEFORE_CHECKED: Final = 21
_VERSION: Final = 2
_SMALLEST_RECORD: Final = 7
_CODEC, _APPEND_TIME, _CONTROL = 0x07, 0x08, 0x20
_CORRUPT: Final = -1
#: The most that may come out of a batch, into which producers put a megabyte or so: even if it is all one record, that
#: has to fit into topic `rejected`, with the reasons.
_LARGEST_OPENED: Final = LARGEST_RECORD - 65_536
_SET_ASIDE: Final = "they are set aside in topic rejected, compressed as they came; send them again in smaller batches."


class RecordBatch(msgspec.Struct, gc=False):
    """A piece of one partition: all records that Kafka has between two offsets, in their bytes.

    Attributes
    ----------
    offset, end
        Where a reader stands before it, and behind it. Kafka may use offsets for marks of its own, or have deleted what
        they stood for, so there may be fewer records, or none.
    base_offset, base_timestamp
        What offsets and times (ms) are told from.
    append_time
        The time of all of them where the broker gives it, else `NONE`.
    count
        How many records there are, unwanted ones included.
    payload
        The records.
    """

    topic: str
    partition: int
    offset: int
    end: int
    base_offset: int
    base_timestamp: int
    append_time: int
    count: int
    payload: bytes

    def __len__(self) -> int:
        return self.end - self.offset


def batches(topic: str, partition: int, data: bytes, offset: int, *, check: bool) -> Iterator[RecordBatch]:
    """The batches in what was fetched of a partition from an offset on, each beginning where the one before it ends.

    Those of Kafka's own marks hold no records. A last batch that was cut short is left out, as Kafka may send one. One
    that holds more than a worker should open comes as a single record, its bytes as they are: they are no event, so
    they end up where whatever is none does.

    Raises
    ------
    CorruptRecordException
        A checksum does not fit, or the bytes are no record batch.
    """
    at = 0
    while at + _HEADER.size <= len(data):
        base_offset, length, _, version, checksum, attributes, last, first_time, newest_time, _, _, _, count = (
            _HEADER.unpack_from(data, at)
        )
        end = at + _BEFORE_LENGTH + length
        if end > len(data):
            return
        if version != _VERSION or end < at + _HEADER.size:
            raise CorruptRecordException(f"{topic}-{partition} has records in Kafka's format {version}; 2 is needed")
        payload = data[at + _HEADER.size : end]
        if check and crc32c_extended(crc32c(data[at + _BEFORE_CHECKED : at + _HEADER.size]), payload) != checksum:
            raise CorruptRecordException(f"Invalid CRC - {topic}-{partition}, offset {base_offset}")
        next_offset = base_offset + last + 1
        if next_offset > offset:
            if attributes & _CONTROL:
                payload, count = b"", 0
            elif codec := attributes & _CODEC:
                where = f"{topic}-{partition}, offsets {base_offset} to {next_offset - 1}"
                payload, count = _opened(payload, codec, count, last, where)
            if not 0 <= count <= len(payload) // _SMALLEST_RECORD:
                raise CorruptRecordException(f"{count} records in {len(payload)} bytes of {topic}-{partition}")
            append_time = newest_time if attributes & _APPEND_TIME else NONE
            yield RecordBatch(
                topic, partition, offset, next_offset, base_offset, first_time, append_time, count, payload
            )
            offset = next_offset
        at = end


def is_whole(data: bytes) -> bool:
    """Whether the first batch of what was fetched was not cut short."""
    return len(data) >= _HEADER.size and _BEFORE_LENGTH + int(_HEADER.unpack_from(data)[1]) <= len(data)


def _opened(payload: bytes, codec: int, count: int, last: int, where: str) -> tuple[bytes, int]:
    """What was compressed, and how many records it is: one, the compressed bytes themselves, where it is too much."""
    try:
        return decompressed(payload, codec, _LARGEST_OPENED), count
    except TooLargeError:
        log.warning("The records of %s are more than %d bytes decompressed: %s", where, _LARGEST_OPENED, _SET_ASIDE)
        return _one_record(payload, last), 1
    except ValueError as error:
        raise CorruptRecordException(f"{where}: {error}") from error


def _one_record(value: bytes, offset_delta: int) -> bytes:
    """A record with a value only, in its bytes; the numbers are its attributes, time, offset, key, and headers."""
    record = b"\0\0%b\1%b%b\0" % (_number(offset_delta), _number(len(value)), value)
    return _number(len(record)) + record


def _number(number: int) -> bytes:
    """A number that is not negative in zigzag encoding, seven bits a byte."""
    number, digits = 2 * number, bytearray()
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    return bytes((*digits, number))


def columns(found: Sequence[RecordBatch]) -> tuple[Records, Int64s]:
    """The records of some batches of one topic, in order, and how many there are of each batch.

    Raises
    ------
    CorruptRecordException
        The bytes are no records.
    """
    n = sum(batch.count for batch in found)
    numbers = np.array(
        [(b.offset, b.end, b.base_offset, b.base_timestamp, b.append_time, b.count, len(b.payload)) for b in found],
        np.int64,
    )
    payloads = [batch.payload for batch in found]
    text = np.frombuffer(payloads[0] if len(payloads) == 1 else b"".join(payloads), np.uint8)
    rows, counts = np.empty((6, n), np.int64), np.zeros(len(found), np.int64)
    filled = _parse(text, numbers, rows, counts)
    if filled == _CORRUPT:
        raise CorruptRecordException(f"Found an invalid record in {found[0].topic}-{found[0].partition}")
    offset, timestamp, *places = rows[:, :filled]
    partition = np.repeat(np.fromiter((batch.partition for batch in found), np.int64, len(found)), counts)
    return Records(found[0].topic, partition, offset, timestamp, Ids(text, *places[:2]), Ids(text, *places[2:])), counts


@compiled
def _parse(text: Bytes, numbers: Int64s, rows: Int64s, counts: Int64s) -> int:
    """Fill the rows; return how many there are."""
    at = n = 0
    for b in range(len(numbers)):
        wanted, next_offset, base_offset, base_timestamp, append_time, count, size = numbers[b]
        end, before = at + size, -1
        for _ in range(count):
            length, at = _varint(text, at, end)
            if at < 0 or length < 0 or length > end - at:
                return _CORRUPT
            record_end = at + length
            time_delta, place = _varint(text, at + 1, record_end)  # behind a byte of attributes, which are none
            offset_delta, place = _varint(text, place, record_end)
            key_start, key_end = _span(text, place, record_end)
            value_start, value_end = _span(text, key_end, record_end)
            if value_end < 0 or offset_delta <= before or offset_delta >= next_offset - base_offset:
                return _CORRUPT
            at, before = record_end, offset_delta
            if base_offset + offset_delta < wanted:
                continue
            rows[0, n] = base_offset + offset_delta
            rows[1, n] = base_timestamp + time_delta if append_time < 0 else append_time
            rows[2, n], rows[3, n] = key_start, key_end if key_start >= 0 else NONE
            rows[4, n], rows[5, n] = value_start, value_end if value_start >= 0 else NONE
            n += 1
            counts[b] += 1
        if at != end:
            return _CORRUPT
    return n


@compiled
def _span(text: Bytes, at: int, end: int) -> tuple[int, int]:
    """Bytes behind their length: where they begin, `NONE` for a length of -1, and the place after them."""
    length, start = _varint(text, at, end)
    if start < 0 or length > end - start:
        return NONE, _CORRUPT
    return (start, start + length) if length >= 0 else (NONE, start)


@compiled
def _varint(text: Bytes, at: int, end: int) -> tuple[int, int]:
    """A number in zigzag encoding, seven bits a byte, and the place after it; `_CORRUPT` if it does not end in time."""
    number = np.uint64(0)
    for shift in range(0, 70, 7):
        if at < 0 or at >= end:
            return 0, _CORRUPT
        byte = np.uint64(text[at])
        at += 1
        number |= (byte & np.uint64(0x7F)) << np.uint64(shift)
        if byte < 128:
            return np.int64(number >> np.uint64(1)) ^ -np.int64(number & np.uint64(1)), at  # type: ignore[return-value]
    return 0, _CORRUPT
