"""How records travel from Kafka through Faust to an agent: many at a time.

Faust hands over one record at a time and spends some 50 µs on each. Its public setting `ConsumerScheduler` decides
what is handed over; the one here yields what was fetched for an agent, of all its topics and their partitions, as if it
were one record. Agents see ordinary Faust events whose value is a list with a list of record batches per partition.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from aiokafka.structs import ConsumerRecord
from faust import Schema
from faust.types import TP
from faust.types.transports import SchedulingStrategyT

from streams.record_batches import RecordBatch
from streams.topics import lead

#: The most records in a delivery, but for a larger batch: the pause between two heartbeats stays short in a backlog.
LARGEST_DELIVERY: Final = 4096


class MicroBatches(SchedulingStrategyT):
    """Faust's `ConsumerScheduler`: what was fetched, as one delivery per agent, or a few where there is much of it."""

    def __init__(self) -> None:
        pass

    @classmethod
    def map_from_records(cls, records: Mapping[TP, list[Any]]) -> dict[str, Any]:
        """Part of Faust's interface; nothing calls it here."""
        raise NotImplementedError

    def iterate(self, records: Mapping[TP, list[Any]]) -> Iterator[tuple[TP, Any]]:
        """Deliveries in turn over the topics and their partitions, so that none waits for another's backlog."""
        waiting = {tp: deque(fetched) for tp, fetched in records.items() if fetched}
        while waiting:
            gathered: dict[str, list[list[RecordBatch]]] = {}
            sizes: Counter[str] = Counter()
            for tp in list(waiting):
                part, count = _taken(waiting[tp])
                receiver = lead(tp.topic)
                if sizes[receiver] and sizes[receiver] + count > LARGEST_DELIVERY:
                    yield _delivery(gathered.pop(receiver))
                    sizes[receiver] = 0
                gathered.setdefault(receiver, []).append(part)
                sizes[receiver] += count
                if not waiting[tp]:
                    del waiting[tp]
            yield from map(_delivery, gathered.values())


def topic_of(part: Sequence[RecordBatch]) -> str:
    """The topic of batches of one partition."""
    return part[0].topic


def _taken(fetched: deque[RecordBatch]) -> tuple[list[RecordBatch], int]:
    """The first batches, as many as fit into a delivery, but at least one; and how many records that makes."""
    taken = [fetched.popleft()]
    records = len(taken[0])
    while fetched and records + len(fetched[0]) <= LARGEST_DELIVERY:
        taken.append(fetched.popleft())
        records += len(taken[-1])
    return taken, records


class AsDelivered(Schema[Any, Any]):
    """A Faust schema that decodes nothing: decoding is ours, and so is what to do with a record that resists it."""

    def compile(self, app: Any, **_: Any) -> Any:
        """Faust's hook for the function that turns a message into an event."""

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return app.create_event(None, message.value, message.headers, message)

        return decode


def _delivery(parts: Sequence[Sequence[RecordBatch]]) -> tuple[TP, ConsumerRecord[None, Any]]:
    """A delivery, by topic, in the name of its last partition, as Faust wants one."""
    parts = sorted(parts, key=topic_of)
    last = parts[-1][-1]
    record: ConsumerRecord[None, Any] = ConsumerRecord(
        topic=last.topic,
        partition=last.partition,
        offset=last.end - 1,
        timestamp=last.base_timestamp,
        timestamp_type=0,
        key=None,
        value=parts,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=(),
    )
    return TP(last.topic, last.partition), record
