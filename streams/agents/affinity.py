"""The affinity agent: owns items. Co-visits in; similar items and what trends out."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any, Final

import numpy as np

from online_models import similarity_state
from online_models.compiled import Floats, Int32s
from online_models.increments import Increments
from online_models.similarity import ItemSimilarity, SimilaritySettings
from online_models.similarity_state import FrozenSimilarity
from online_models.spelling import Spelling
from online_models.trending import Trending
from online_models.vocabulary import Vocabulary
from streams import blocks
from streams.agent import ReadBack
from streams.beside import beside
from streams.block_reading import read_increments
from streams.blocks import Block, Blocks
from streams.json_lists import similarity_lists
from streams.outputs import Outputs
from streams.portion import Portion
from streams.read_view import ReadView
from streams.records import Records
from streams.sources_applied import SourcesApplied
from streams.topics import COVISITS
from streams.trending_merge import TrendingPart
from streams.values import Values

#: Lists of similar items that are made and written at once: a millisecond or two, beside the shoppers.
_LISTS_AT_ONCE: Final = 128
#: A list is written this often at most: the popular ones change with every block.
_WRITE_SECONDS: Final = 1.0
#: While a backlog is drained all change all the time: making them takes no more than this part of the time, unless
#: they would get older than the second number.
_WRITE_SHARE: Final = 0.04
_OLDEST_SECONDS: Final = 5.0
#: Outdated lists are written again so many at a time, so often: shoppers are served on the same cores.
_REFRESHED_AT_ONCE: Final = 32
_REFRESH_SECONDS: Final = 0.25
#: So many increments take longer to learn than it takes to hand them to another thread.
_MANY: Final = 1_000


class AffinityPartition:
    """The state of one item partition: similarity and popularity of its items, and what was applied.

    Attributes
    ----------
    changed
        Codes of the items whose rows have changed since their lists were written, with repetitions.
    due
        Codes of those whose turn to be written it is, a portion at a time; what changes meanwhile waits for the next
        round.
    round
        How many there were in the beginning of this round.
    in_hand
        How many were given out last: they may still be on their way to Redis.
    write_at
        When the next portion is due, on the monotonic clock in seconds.
    outdated
        How many lists may have to change though their own rows did not: what a neighbour is worth depends on how
        popular it is. They are written again when there is time, in turn, `next_row` first.
    """

    def __init__(
        self, items: Vocabulary, state: Mapping[str, Any] | None = None, settings: SimilaritySettings | None = None
    ) -> None:
        self.changed: list[Int32s] = []
        self.due: Int32s = np.zeros(0, np.int32)
        self.round = self.in_hand = 0
        self.write_at = -math.inf
        self.outdated = self.next_row = 0
        if state is None:
            self.similarity = ItemSimilarity(items, settings)
            self.trending = Trending(items)
            self.applied = SourcesApplied()
            self.as_of = 0
        else:
            self.similarity = similarity_state.restored(state["similarity"], items, settings)
            self.trending = Trending.from_state(items, state["trending"])
            self.applied = SourcesApplied.from_state(state["applied"])
            self.as_of = state["as_of"]
            self.outdated = len(self.similarity)
            self.due = np.ascontiguousarray(self.similarity.rows["item"][state["changed_rows"]])
            self.round = len(self.due)

    def freeze(self) -> Callable[[], dict[str, Any]]:
        """Copy the state now; pack the copy later, after which it is gone: it is half as large as all other state."""
        similarity, trending = FrozenSimilarity.of(self.similarity), self.trending.state()
        rest = {"applied": self.applied.state(), "as_of": self.as_of, "changed_rows": self._changed_rows()}
        return lambda: {"similarity": similarity.state(), "trending": trending, **rest}

    def taken(self) -> Int32s:
        """The codes of the next items whose lists have to be written; from now on they count as written."""
        if not len(self.due):
            self.due, self.changed = np.unique(np.concatenate([self.due, *self.changed])), []
            self.round = len(self.due)
        taken, self.due = self.due[:_LISTS_AT_ONCE], self.due[_LISTS_AT_ONCE:]
        self.in_hand = len(taken)
        return taken

    @property
    def unwritten(self) -> int:
        """How many lists that changed are not known to be in Redis, some counted more than once."""
        return self.in_hand + len(self.due) + sum(map(len, self.changed))

    def _changed_rows(self) -> Int32s:
        """Where in the table of rows those are whose lists have yet to be written; forgotten ones are not."""
        if self.changed:
            self.changed = [np.unique(np.concatenate(self.changed))]
        rows: Int32s = self.similarity.row_of[np.unique(np.concatenate([self.due, *self.changed]))]
        return rows[rows >= 0]


def learn(state: AffinityPartition, received: Sequence[Block], items: Vocabulary) -> Int32s:
    """Learn what is new of blocks, in their order; return the codes of the items whose rows changed."""
    (increments,) = _new([(state, received)], items)
    return _learned(state, increments)


def _new(told: Sequence[tuple[AffinityPartition, Sequence[Block]]], items: Vocabulary) -> list[Increments]:
    """What is new for each partition of blocks; from now on it counts as applied."""
    after = [state.applied.advance(block) for state, received in told for block in received]
    increments, ends = read_increments([block for _, received in told for block in received], after, items)
    bounds = [0, *ends]
    last = [0, *accumulate(len(received) for _, received in told)]
    return [increments.chosen(slice(bounds[start], bounds[end])) for start, end in pairwise(last)]


def _learned(state: AffinityPartition, increments: Increments) -> Int32s:
    """Learn increments; return the codes of the items whose rows changed."""
    if len(increments) == 0:
        return np.zeros(0, np.int32)
    changed = state.similarity.learn_many(increments)
    state.trending.learn_many(*increments.actions())
    state.as_of = max(state.as_of, int(increments.ts.max()))
    return changed


class AffinityAgent:
    """Folds co-visit blocks; see `streams.agent.Agent`."""

    name = "affinity"
    topics = (COVISITS,)
    reads = ReadBack()

    def __init__(self, view: ReadView, settings: SimilaritySettings | None = None) -> None:
        self.view = view
        self.settings = settings
        self.partitions: dict[int, AffinityPartition] = {}

    def open(self, partition: int, state: Mapping[str, Any] | None) -> None:
        """Begin to own an item partition."""
        opened = self.partitions[partition] = AffinityPartition(self.view.items, state, self.settings)
        self.view.make_here(partition, opened.similarity.rows["item"][: len(opened.similarity)])

    def close(self, partition: int) -> None:
        """Cease to own an item partition: others will change its lists."""
        del self.partitions[partition]
        self.view.let_go(partition)

    def freeze(self, partition: int) -> Callable[[], dict[str, Any]]:
        """Copy the state of an item partition; the result packs the copy."""
        return self.partitions[partition].freeze()

    def forgive(self, partition: int) -> None:
        """Do not refuse blocks that follow a hole."""
        self.partitions[partition].applied.forgive()

    @property
    def unwritten(self) -> int:
        """How many lists that changed are not known to be in Redis: 0 once all that was learned can be read."""
        return sum(state.unwritten for state in self.partitions.values())

    def read(self, records: Records) -> Portion[Blocks]:
        """Decode records: blocks of co-visits."""
        return blocks.portion(records)

    def due(self, partition: int) -> float:
        """When changed lists are due; when there are none, outdated ones are written again, a hundred a second."""
        state = self.partitions[partition]
        if state.changed or len(state.due):
            return state.write_at
        return time.monotonic() + _REFRESH_SECONDS if state.outdated else math.inf

    async def fold(self, portions: Mapping[int, Portion[Blocks] | None]) -> dict[int, Outputs]:
        """Learn the blocks that are new, and give out every list that changed, now and then."""
        await self._learn(portions)
        return {partition: await self._given_out(partition, portion) for partition, portion in portions.items()}

    async def _learn(self, portions: Mapping[int, Portion[Blocks] | None]) -> None:
        states = [self.partitions[partition] for partition in portions]
        received = [portion.content.blocks if portion else [] for portion in portions.values()]
        new = _new(list(zip(states, received, strict=True)), self.view.items)

        def learned() -> list[Int32s]:
            return [_learned(state, increments) for state, increments in zip(states, new, strict=True)]

        # The partitions are ours alone until their fold returns.
        found = learned() if sum(map(len, new)) < _MANY else await beside(learned)
        for state, changed in zip(states, found, strict=True):
            if len(changed):
                state.changed.append(changed)
                state.outdated = len(state.similarity)

    async def _given_out(self, partition: int, portion: Portion[Blocks] | None) -> Outputs:
        """The next lists that are due of a partition."""
        state = self.partitions[partition]
        state.in_hand = 0
        if not state.changed and not len(state.due):
            return Outputs() if portion else await self._refresh(state)
        began = time.monotonic()
        if began < state.write_at:
            return Outputs()
        outputs = await self._outputs(state, taken := state.taken())
        if len(taken) + len(state.due) == state.round:
            outputs.trending = self._trending(state, partition)
        # The portions of a round are spread over the time that the whole round may take.
        share = len(taken) / state.round
        seconds = (time.monotonic() - began) * len(self.partitions) / _WRITE_SHARE / share
        state.write_at = began + share * min(max(_WRITE_SECONDS, seconds), _OLDEST_SECONDS)
        return outputs

    async def everything(self, partition: int) -> AsyncIterator[Outputs]:
        """All lists, in portions, and what trends.

        From the last row to the first: when items are forgotten in between, those behind them move to the front.
        """
        state = self.partitions[partition]
        if len(state.similarity):
            yield Outputs(trending=self._trending(state, partition))
        end = len(state.similarity)
        while end > 0:
            start, end = max(0, end - _LISTS_AT_ONCE), min(end, len(state.similarity))
            yield await self._outputs(state, np.ascontiguousarray(state.similarity.rows["item"][start:end]))
            end = start

    async def _refresh(self, state: AffinityPartition) -> Outputs:
        """The next portion of lists that may be outdated."""
        if not state.outdated:
            return Outputs()
        if state.next_row >= len(state.similarity):
            state.next_row = 0
        rows = state.similarity.rows[: len(state.similarity)][state.next_row : state.next_row + _REFRESHED_AT_ONCE]
        state.next_row += len(rows)
        state.outdated = max(state.outdated - len(rows), 0)
        return await self._outputs(state, np.ascontiguousarray(rows["item"]))

    async def _outputs(self, state: AffinityPartition, changed: Int32s) -> Outputs:
        """Lists; the shoppers of this worker see them at once."""

        def ranked() -> tuple[tuple[Int32s, Floats, Int32s, Int32s], Spelling]:
            neighbours = state.similarity.predict_many(changed)
            return neighbours, similarity_lists(neighbours, state.as_of, self.view.items)

        neighbours, lists = await beside(ranked)
        self.view.take_over(changed, neighbours)
        return Outputs(strings=Values("sim:", self.view.items.spelling().chosen(changed), lists))

    def _trending(self, state: AffinityPartition, partition: int) -> TrendingPart:
        """What trends among the items of the partition."""
        weights, total = state.trending.weight(state.as_of)
        items = self.view.items.names_of(state.trending.list)
        return TrendingPart(partition, state.as_of, total, list(zip(items, weights.tolist(), strict=True)))
