"""What an agent is: topics, a state per partition, and a fold."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NamedTuple, Protocol

from streams.outputs import Outputs
from streams.portion import Portion
from streams.records import Records


class ReadBack(NamedTuple):
    """What an agent reads back from Redis, to make its own values of it: whose it is, and how old it may be."""

    owners: tuple[str, ...] = ()
    seconds: float = 0.0


class Agent(Protocol):
    """What differs between the agents: which topics, which state, which fold.

    Attributes
    ----------
    name
        As in keys and messages.
    topics
        What it reads; the same partition of all of them shares one state.
    reads
        What it reads back from Redis.
    """

    @property
    def name(self) -> str: ...

    @property
    def topics(self) -> tuple[str, ...]: ...

    @property
    def reads(self) -> ReadBack: ...

    def open(self, partition: int, state: Mapping[str, Any] | None) -> None:
        """Begin to own a partition, with the state of a checkpoint or with nothing."""

    def close(self, partition: int) -> None:
        """Cease to own a partition: let go of its state."""

    def freeze(self, partition: int) -> Callable[[], dict[str, Any]]:
        """Copy a partition's state; the result packs the copy for a checkpoint, in any thread.

        The copy is good until the next one is made, of whichever partition.
        """

    def forgive(self, partition: int) -> None:
        """Kafka has lost records of the partition: do not refuse what follows the hole."""

    def read(self, records: Records) -> Portion[Any]:
        """What records of one topic say; nothing is folded yet."""

    async def fold(self, portions: Mapping[int, Portion[Any] | None]) -> dict[int, Outputs]:
        """Fold records of any of the topics into the states of their partitions, in order; say what follows from them.

        With None for a partition that is idle, it may say what was left over.
        """

    def due(self, partition: int) -> float:
        """When there will be something left over though nothing comes in, on the monotonic clock; infinity if never."""

    def everything(self, partition: int) -> AsyncIterator[Outputs]:
        """All that should be in Redis, in portions; other records may be folded in between."""
