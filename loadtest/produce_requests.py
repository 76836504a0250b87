"""Everything that will be sent, encoded before the first of it is due: one request for all that is due together.

A request carries a record batch for every partition that has something in it, as Kafka's protocol has it (Produce,
version 3, known to every Kafka since 0.11). Sending it is then one write into a socket, so that the load generator
leaves the machine to what it measures.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from loadtest.partitioning import Broker, Partitioning, Place
from online_models.compiled import Floats, Int64s
from streams.sources.record import Record

#: Up to this rate every event travels by itself, as those of visitors do.
_ALONE_PER_SECOND: Final = 1000.0
#: Above it, events that are due within so long share a request, which leaves when the last of them is due.
_TOGETHER_SECONDS: Final = 0.002
_PRODUCE, _VERSION, _ALL_REPLICAS, _TIMEOUT_MS = 0, 3, -1, 30_000
_CLIENT: Final = b"upwell-loadtest"
_ANY_SIZE: Final = 1 << 30


@dataclass(frozen=True)
class Request:
    """Bytes for a broker, and when they are due (epoch seconds)."""

    broker: Broker
    due: float
    frame: bytes


@dataclass(frozen=True)
class Requests:
    """All requests in the order in which they are due, and per record the number of the request that carries it."""

    requests: list[Request]
    request_of: Int64s


def produce_requests(records: Iterable[Record], due: Floats, rate: float, partitioning: Partitioning) -> Requests:
    """Encode records that are due at these times (epoch seconds, ascending) at about this rate.

    Kafka's timestamp of a record is when it is due.
    """
    ends, place_of = group_ends(due, rate), partitioning.places()
    requests, request_of = list[Request](), np.zeros(len(due), np.int64)
    following, start = iter(records), 0
    for end in ends.tolist():
        group = [next(following) for _ in range(start, end)]
        by_broker = dict[Broker, dict[Place, list[int]]]()
        for number, record in enumerate(group, start):
            place = place_of(record)
            by_broker.setdefault(partitioning.leaders[place], {}).setdefault(place, []).append(number)
        for broker, lanes in by_broker.items():
            batches = {place: _batch([(due[n], group[n - start]) for n in numbers]) for place, numbers in lanes.items()}
            for numbers in lanes.values():
                request_of[numbers] = len(requests)
            requests.append(Request(broker, float(due[end - 1]), _frame(len(requests), batches)))
        start = end
    return Requests(requests, request_of)


def group_ends(due: Floats, rate: float) -> Int64s:
    """Where the groups of events end that travel together.

    >>> group_ends(np.arange(5) / 500, 500.0)
    array([1, 2, 3, 4, 5])
    >>> group_ends(np.arange(90) / 20_000, 20_000.0)
    array([40, 80, 90])
    """
    if rate <= _ALONE_PER_SECOND:
        return np.arange(1, len(due) + 1)
    # Half an interval less, lest rounding decide who is still in
    span = _TOGETHER_SECONDS - 0.5 / rate
    ends, start = list[int](), 0
    while start < len(due):
        start = int(np.searchsorted(due, due[start] + span))
        ends.append(start)
    return np.array(ends, np.int64)


def _batch(records: Sequence[tuple[float, Record]]) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=_ANY_SIZE,
    )
    for offset, (due, record) in enumerate(records):
        builder.append(offset, timestamp=int(1000 * due), key=record.key, value=record.value, headers=[])
    return bytes(builder.build())


def _frame(number: int, batches: Mapping[Place, bytes]) -> bytes:
    """A request with its number, by which Kafka's answer is known."""
    topics = dict[str, list[tuple[int, bytes]]]()
    for (topic, partition), batch in batches.items():
        topics.setdefault(topic, []).append((partition, batch))
    parts = [
        struct.pack(">hhih", _PRODUCE, _VERSION, number, len(_CLIENT)) + _CLIENT,
        struct.pack(">hhii", -1, _ALL_REPLICAS, _TIMEOUT_MS, len(topics)),
    ]
    for topic, lanes in topics.items():
        parts.append(struct.pack(">h", len(topic)) + topic.encode() + struct.pack(">i", len(lanes)))
        for partition, batch in lanes:
            parts += [struct.pack(">ii", partition, len(batch)), batch]
    body = b"".join(parts)
    return struct.pack(">i", len(body)) + body


def refusals(answer: bytes) -> Iterator[tuple[Place, int]]:
    """Partitions whose records Kafka did not take, with its error code, from the answer to a request."""
    topics, at = *struct.unpack_from(">i", answer, 4), 8
    for _ in range(topics):
        (length,) = struct.unpack_from(">h", answer, at)
        topic, at = answer[at + 2 : at + 2 + length], at + 2 + length
        (partitions,) = struct.unpack_from(">i", answer, at)
        at += 4
        for _ in range(partitions):
            partition, code = struct.unpack_from(">ih", answer, at)
            at += 22  # partition, code, offset, and when Kafka wrote it
            if code:
                yield Place(topic.decode(), partition), code
