"""What a worker owns since the last rebalance, and where Kafka's logs begin and end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faust.types import TP

from streams.errors import EngineError


@dataclass(frozen=True)
class Assignment:
    """One generation of the group, as one member sees it.

    Attributes
    ----------
    generation
        Number of the generation; it only grows.
    committed
        Per partition, the committed offset; None where there is none.
    earliest, end
        Per partition, the first offset that Kafka still has, and the one that the next record will get.
    """

    generation: int
    committed: Mapping[TP, int | None]
    earliest: Mapping[TP, int]
    end: Mapping[TP, int]

    @classmethod
    async def of(cls, consumer: Any, generation: int) -> Assignment:
        """The present assignment of Faust's consumer."""
        assigned = {TP(tp.topic, tp.partition) for tp in consumer.assignment()}
        if not assigned:
            return cls(generation, {}, {}, {})
        committed = await consumer.seek_to_committed()
        earliest = await consumer.earliest_offsets(*assigned)
        end = await consumer.highwaters(*assigned)
        return cls(
            generation,
            {tp: committed.get(tp) for tp in assigned},
            {tp: earliest[tp] for tp in assigned},
            {tp: end[tp] for tp in assigned},
        )

    def of_partition(self, partition: int, topics: tuple[str, ...]) -> list[TP]:
        """The topics' parts of one partition.

        Raises
        ------
        EngineError
            One of them was given to another worker.
        """
        tps = [TP(topic, partition) for topic in topics]
        if missing := [tp for tp in tps if tp not in self.earliest]:
            raise EngineError(
                f"{missing[0].topic}-{partition} was given to nobody or to another worker than the rest of partition "
                f"{partition}: was the topic deleted, or are there workers of another version in the group?"
            )
        return tps

    def start(self, tp: TP, expected: int | None) -> tuple[int, range]:
        """Where to read on, and the offsets that should have come and are gone.

        `expected` is the offset that the state wants next, None if there is no state.

        Raises
        ------
        EngineError
            The state is ahead of the log: it is not the log it was made from.

        >>> tp = TP("clickstream", 0)
        >>> Assignment(1, {tp: 40}, {tp: 50}, {tp: 90}).start(tp, 30)
        (50, range(30, 50))
        >>> Assignment(1, {tp: 40}, {tp: 0}, {tp: 90}).start(tp, 30)
        (30, range(30, 30))
        """
        earliest, end = self.earliest[tp], self.end[tp]
        if expected is None:
            was_processed = self.committed[tp] is not None
            return earliest, range(earliest if was_processed else 0)
        if expected > end:
            raise EngineError(
                f"The checkpoint of {tp.topic}-{tp.partition} wants record {expected}, and the topic ends at {end}: it "
                "was deleted or cut off. Delete the checkpoints of this application to begin anew."
            )
        return max(expected, earliest), range(expected, max(expected, earliest))
