"""How records travel from Kafka through Faust to an agent: as lists, one per partition and fetch.

Faust hands over one record at a time and spends some 50 µs on each. Its public setting `ConsumerScheduler` decides
what is handed over; the one here yields a whole fetch of a partition as if it were one record, whose value is the
list. Agents see ordinary Faust events whose value is a `list` of records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from aiokafka.structs import ConsumerRecord
from faust import Schema
from faust.types import TP
from faust.types.transports import SchedulingStrategyT

from streams.records import Record

#: The most records in a delivery: keeps the pause between two heartbeats short while a backlog is drained.
LARGEST_DELIVERY: Final = 4096


class MicroBatches(SchedulingStrategyT):
    """Faust's `ConsumerScheduler`: what was fetched, as one delivery per partition, large ones in pieces."""

    def __init__(self) -> None:
        pass

    @classmethod
    def map_from_records(cls, records: Mapping[TP, list[Any]]) -> dict[str, Any]:
        """Part of Faust's interface; nothing calls it here."""
        raise NotImplementedError

    def iterate(self, records: Mapping[TP, list[Any]]) -> Iterator[tuple[TP, Any]]:
        """Deliveries in turn over the partitions, so that none waits for another's backlog."""
        waiting = {tp: 0 for tp, fetched in records.items() if fetched}
        while waiting:
            for tp, start in list(waiting.items()):
                end = start + LARGEST_DELIVERY
                yield tp, _delivery(records[tp][start:end])
                waiting[tp] = end
                if end >= len(records[tp]):
                    del waiting[tp]


class AsDelivered(Schema[Any, Any]):
    """A Faust schema that decodes nothing: decoding is ours, and so is what to do with a record that resists it."""

    def compile(self, app: Any, **_: Any) -> Any:
        """Faust's hook for the function that turns a message into an event."""

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return app.create_event(None, message.value, message.headers, message)

        return decode


def _delivery(records: list[Record]) -> ConsumerRecord[None, Any]:
    last = records[-1]
    return ConsumerRecord(
        topic=last.topic,
        partition=last.partition,
        offset=last.offset,
        timestamp=last.timestamp,
        timestamp_type=0,
        key=None,
        value=records,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=(),
    )
