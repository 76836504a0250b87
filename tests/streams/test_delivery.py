"""Deliveries: what was fetched of a topic arrives together, whole and in order, in pieces of bounded size."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from faust.types import TP

from streams.delivery import LARGEST_DELIVERY, MicroBatches
from streams.portion import Portion, timestamps
from streams.records import Record
from streams.topics import COVISITS
from tests.streams.test_lane import Nothing

Fetched = dict[TP, list[Record]]


def fetched(lengths: dict[tuple[str, int], int], first: int = 0) -> Fetched:
    """So many records of each topic and partition."""
    return {
        TP(topic, partition): [Record(topic, partition, first + n, 0, None, b"") for n in range(length)]
        for (topic, partition), length in lengths.items()
    }


def deliveries(records: Fetched) -> list[tuple[TP, list[list[Record]]]]:
    return [(tp, delivery.value) for tp, delivery in MicroBatches().iterate(records)]


def test_partitions_of_a_topic_are_delivered_together() -> None:
    found = deliveries(fetched({("a", 0): 2, ("b", 0): 1, ("a", 3): 1}))
    assert [(tp.topic, [len(part) for part in parts]) for tp, parts in found] == [("a", [2, 1]), ("b", [1])]
    assert [tp.partition for tp, _ in found] == [3, 0]


@pytest.mark.parametrize(
    "lengths",
    [
        {("a", 0): 3 * LARGEST_DELIVERY + 1, ("a", 1): 1, ("a", 2): LARGEST_DELIVERY},
        {("a", n): LARGEST_DELIVERY // 3 for n in range(7)},
        {("a", 0): 0, ("b", 0): 1},
    ],
)
def test_deliveries_are_bounded_and_nothing_is_left_out(lengths: dict[tuple[str, int], int]) -> None:
    records = fetched(lengths)
    found = deliveries(records)
    assert all(sum(map(len, parts)) <= LARGEST_DELIVERY for _, parts in found)
    for tp, wanted in records.items():
        came = [r for _, parts in found for part in parts for r in part if TP(r.topic, r.partition) == tp]
        assert came == wanted


def test_a_backlog_of_one_partition_does_not_keep_the_others_waiting() -> None:
    found = deliveries(fetched({("a", 0): 9 * LARGEST_DELIVERY, ("a", 1): 1}))
    place = next(n for n, (_, parts) in enumerate(found) for part in parts if part[0].partition == 1)
    assert place <= 1


@pytest.mark.parametrize(
    "offsets", [([5], [6]), ([5, 9], [7]), ([5, 6], [5, 6]), ([3], [1, 2], [6])], ids=lambda offsets: str(offsets)
)
def test_offsets_of_several_partitions_are_told_apart(offsets: Sequence[Sequence[int]]) -> None:
    """Also where the first and the last look as if there were one partition without gaps."""
    records = [Record(COVISITS, n, offset, 0, None, b"") for n, part in enumerate(offsets) for offset in part]
    times = timestamps(records)
    assert Portion.of(0, records, times, times, Nothing()).offset.tolist() == [
        offset for part in offsets for offset in part
    ]
