"""What one shoppers partition has yet to tell the other agents: held for a blink, then sent as a few large blocks.

While a shop is quiet a micro-batch holds a few events. A block for each item partition after each of them, and the
fold of every such block at the other end, would cost several times what the events do. All partitions send at the same
moments: what they tell a receiver then travels together and is folded at once, and one turn waits for Kafka, not
one for each.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

import numpy as np

from online_models.compiled import Int8s, Int32s, Int64s
from online_models.examples import Examples
from online_models.folded import Folded
from online_models.increments import Increments
from online_models.item_partition import ItemPartitions
from streams import block_reading, blocks
from streams.blocks import Block
from streams.holding import HOLD_SECONDS
from streams.increment_columns import Piece, Sources, pieces
from streams.outputs import Message
from streams.records import Record
from streams.ticks import next_tick
from streams.topics import COVISITS, EXAMPLES

#: So many increments are sent without waiting, or so many per receiver, if that is more: while a backlog is drained
#: they come within less, and small blocks cost as much as large ones.
_MANY_INCREMENTS: Final = 20_000
_MANY_PER_RECEIVER: Final = 5_000
#: Examples in one block at most, but for the rest of an event: less than Kafka takes if each has 16 items of its own,
#: with ids as long as can be.
_LARGEST_EXAMPLES: Final = 800
#: Among the receivers of blocks, who are numbered by item partition.
_LEARNER: Final = -1
_NOBODY: Final = np.zeros(0, np.int32)


class _Told(NamedTuple):
    """What a micro-batch led to: rows, and per row its source, as a position among the topics and an offset."""

    increments: Increments
    increment_topic: Int8s
    increment_offset: Int64s
    examples: Examples
    example_topic: Int8s
    example_offset: Int64s


_NONE: Final = (np.zeros(0, np.int8), np.zeros(0, np.int64))
_NO_INCREMENTS: Final = (Increments.empty(), *_NONE)
_NO_EXAMPLES: Final = (Examples.empty(), *_NONE)


class Outbox:
    """Increments for the affinity agent and examples for the learner, in the order of their source offsets.

    What is held is part of the partition's state: it is in the checkpoint that moves Kafka's offset past its events.

    Parameters
    ----------
    topics, partition
        Where the events come from.
    owners
        Who owns which item.
    hold_seconds
        How long something is held at most: it is sent at the next tick, or at once where there is a lot.

    Attributes
    ----------
    due
        When that tick is, on the monotonic clock in seconds; infinity if nothing is held.
    """

    def __init__(
        self,
        topics: Sequence[str],
        partition: int,
        owners: ItemPartitions,
        state: Mapping[str, Any] | None = None,
        hold_seconds: float = HOLD_SECONDS,
    ) -> None:
        self.topics = topics
        self.partition = partition
        self.hold_seconds = hold_seconds
        self._owners = owners
        self._items = owners.items
        self._many = max(_MANY_INCREMENTS, _MANY_PER_RECEIVER * owners.partitions)
        self._last_block: dict[tuple[str, int], int] = {}
        self._held: list[_Told] = []
        self._increments = 0
        self.due = math.inf
        if state is not None:
            self._last_block = {(topic, receiver): last for topic, receiver, last in state["last_block"]}
            for message in state["increments"]:
                self._hold(self._of_increments(message))
            for message in state["examples"]:
                self._hold(self._of_examples(message))

    def put(self, folded: Folded, topic: Int8s, offset: Int64s) -> None:
        """Hold what events led to; `topic` and `offset` say where each event came from."""
        if len(folded.increments) or len(folded.examples):
            by, on = folded.increment_event, folded.example_event
            self._hold(_Told(folded.increments, topic[by], offset[by], folded.examples, topic[on], offset[on]))

    @property
    def is_due(self) -> bool:
        """Whether it is time to send."""
        return self._increments >= self._many or self.due <= time.monotonic()

    def messages(self) -> Iterator[Message]:
        """Everything held, as one block or a few per receiver; from now on it counts as sent."""
        if not self._held:
            return
        told = _joined(self._held)
        self._held, self._increments, self.due = [], 0, math.inf
        found = list(self._pieces(told, self._owners.by_code(), self._owners.partitions))
        for number in range(len(self.topics)):
            yield from self._covisits(number, found)
            yield from self._examples(number, told)

    def state(self) -> dict[str, Any]:
        """Everything there is to know."""
        last_block = [(topic, receiver, last) for (topic, receiver), last in self._last_block.items()]
        if not self._held:
            return {"last_block": last_block, "increments": [], "examples": []}
        told = _joined(self._held)
        found = self._pieces(told, _NOBODY, 1)
        increments = (blocks.increment_block(self.topics[piece.topic], self.partition, -1, piece) for piece in found)
        examples = (self._example_blocks(n, told, -1) for n in range(len(self.topics)))
        return {
            "last_block": last_block,
            "increments": list(map(blocks.encode, increments)),
            "examples": list(map(blocks.encode, chain.from_iterable(examples))),
        }

    def _hold(self, told: _Told) -> None:
        if not self._held:
            self.due = next_tick(self.hold_seconds)
        self._held.append(told)
        self._increments += len(told.increments)

    def _covisits(self, number: int, found: Sequence[Piece]) -> Iterator[Message]:
        """One block per item partition that is concerned, or a few."""
        topic = self.topics[number]
        for piece in found:
            if piece.topic == number:
                previous = self._last_block.get((topic, piece.receiver), -1)
                block = blocks.increment_block(topic, self.partition, previous, piece)
                yield Message(COVISITS, blocks.encode(block), partition=piece.receiver)
                self._last_block[topic, piece.receiver] = block.last

    def _examples(self, number: int, told: _Told) -> Iterator[Message]:
        """One block for the learner, if there is anything to learn."""
        topic = self.topics[number]
        for block in self._example_blocks(number, told, self._last_block.get((topic, _LEARNER), -1)):
            yield Message(EXAMPLES, blocks.encode(block), partition=0)
            self._last_block[topic, _LEARNER] = block.last

    def _pieces(self, told: _Told, owner: Int32s, receivers: int) -> Iterator[Piece]:
        sources = Sources(told.increment_topic, told.increment_offset)
        return pieces(told.increments, sources, len(self.topics), owner, receivers, self._items)

    def _example_blocks(self, number: int, told: _Told, previous: int) -> Iterator[Block]:
        places = np.flatnonzero(told.example_topic == number)
        for start, end in _cuts(told.example_offset[places]):
            some = places[start:end]
            examples, offsets = told.examples.chosen(some), told.example_offset[some]
            yield blocks.example_block(self.topics[number], self.partition, previous, examples, offsets, self._items)
            previous = int(offsets[-1])

    def _of_increments(self, message: bytes) -> _Told:
        block = self._block(message)
        offset = block_reading.read_offsets(block, -1, of_increments=True)
        topic = np.full(len(offset), self.topics.index(block.topic), np.int8)
        increments, _ = block_reading.read_increments([block], [-1], self._items)
        return _Told(increments, topic, offset, *_NO_EXAMPLES)

    def _of_examples(self, message: bytes) -> _Told:
        block = self._block(message)
        offset = block_reading.read_offsets(block, -1, of_increments=False)
        topic = np.full(len(offset), self.topics.index(block.topic), np.int8)
        return _Told(*_NO_INCREMENTS, block_reading.read_examples([block], [-1], self._items), topic, offset)

    def _block(self, message: bytes) -> Block:
        return blocks.decode(Record("checkpoint", self.partition, 0, 0, None, message))


def _cuts(offsets: Int64s) -> Iterator[tuple[int, int]]:
    """Where rows with these source offsets, which ascend, are cut into blocks: between events."""
    start = 0
    while start < len(offsets):
        last = offsets[min(start + _LARGEST_EXAMPLES, len(offsets)) - 1]
        end = int(np.searchsorted(offsets, last, side="right"))
        yield start, end
        start = end


def _joined(held: Sequence[_Told]) -> _Told:
    """What several micro-batches led to, as one."""
    if len(held) == 1:
        return held[0]
    columns = zip(*held, strict=True)
    joins = (Increments.joined, np.concatenate, np.concatenate, Examples.joined, np.concatenate, np.concatenate)
    return _Told(*(join(parts) for join, parts in zip(joins, columns, strict=True)))  # type: ignore[operator]
