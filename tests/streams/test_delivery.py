"""Deliveries: what was fetched for an agent arrives together, whole and in order, in pieces of bounded size."""

from __future__ import annotations

import pytest
from faust.types import TP

from streams.delivery import LARGEST_DELIVERY, MicroBatches
from streams.record_batches import RecordBatch
from streams.topics import CLICKSTREAM, PURCHASES

Fetched = dict[TP, list[RecordBatch]]


def a_batch(topic: str, partition: int, first: int, length: int) -> RecordBatch:
    return RecordBatch(topic, partition, first, first + length, first, 0, -1, length, b"")


def fetched(lengths: dict[tuple[str, int], list[int]]) -> Fetched:
    """Batches of these lengths of each topic and partition."""
    return {
        TP(topic, partition): [a_batch(topic, partition, sum(of[:n]), length) for n, length in enumerate(of)]
        for (topic, partition), of in lengths.items()
    }


def deliveries(records: Fetched) -> list[tuple[TP, list[list[RecordBatch]]]]:
    return [(tp, delivery.value) for tp, delivery in MicroBatches().iterate(records)]


def test_partitions_of_a_topic_are_delivered_together() -> None:
    found = deliveries(fetched({("a", 0): [1, 1], ("b", 0): [1], ("a", 3): [5]}))
    assert [(tp.topic, [len(part) for part in parts]) for tp, parts in found] == [("a", [2, 1]), ("b", [1])]
    assert [tp.partition for tp, _ in found] == [3, 0]


def test_what_shops_publish_is_delivered_together_by_topic() -> None:
    mixed = {(PURCHASES, 0): [1], (CLICKSTREAM, 1): [2], ("a", 0): [1], (PURCHASES, 1): [3], (CLICKSTREAM, 0): [4]}
    found = [[(part[0].topic, len(part[0])) for part in parts] for _, parts in deliveries(fetched(mixed))]
    assert found == [[(CLICKSTREAM, 2), (CLICKSTREAM, 4), (PURCHASES, 1), (PURCHASES, 3)], [("a", 1)]]


@pytest.mark.parametrize(
    "lengths",
    [
        {("a", 0): [100] * 130, ("a", 1): [1], ("a", 2): [LARGEST_DELIVERY]},
        {("a", n): [LARGEST_DELIVERY // 3] for n in range(7)},
        {("a", 0): [], ("b", 0): [1]},
        {(CLICKSTREAM, 0): [LARGEST_DELIVERY - 1], (PURCHASES, 0): [2], (CLICKSTREAM, 1): [LARGEST_DELIVERY, 1]},
        {("a", 0): [LARGEST_DELIVERY + 1, 1, 3 * LARGEST_DELIVERY], ("a", 1): [1]},
    ],
)
def test_deliveries_are_bounded_and_nothing_is_left_out(lengths: dict[tuple[str, int], list[int]]) -> None:
    records = fetched(lengths)
    found = deliveries(records)
    for _, parts in found:
        whole = [batch for part in parts for batch in part]
        assert sum(map(len, whole)) <= LARGEST_DELIVERY or len(whole) == 1
    for tp, wanted in records.items():
        came = [b for _, parts in found for part in parts for b in part if TP(b.topic, b.partition) == tp]
        assert came == wanted


def test_a_backlog_of_one_partition_does_not_keep_the_others_waiting() -> None:
    found = deliveries(fetched({("a", 0): [1000] * 50, ("a", 1): [1]}))
    place = next(n for n, (_, parts) in enumerate(found) for part in parts if part[0].partition == 1)
    assert place <= 1


def test_a_backlog_of_single_records_takes_time_in_proportion() -> None:
    class Counted(RecordBatch):
        asked = 0

        def __len__(self) -> int:
            Counted.asked += 1
            return super().__len__()

    amount = 4 * LARGEST_DELIVERY
    batches = [Counted("a", 0, n, n + 1, n, 0, -1, 1, b"") for n in range(amount)]
    assert len(deliveries({TP("a", 0): list(batches)})) == 4
    assert Counted.asked < 10 * amount
