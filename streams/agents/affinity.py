"""The affinity agent: owns items. Co-visits in; similar items and what trends out."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from online_models import similarity_state
from online_models.compiled import Int32s
from online_models.similarity import ACTION, ItemSimilarity
from online_models.similarity_state import FrozenSimilarity
from online_models.spare import Spare
from online_models.trending import Trending
from online_models.vocabulary import Vocabulary
from streams import blocks
from streams.blocks import Block
from streams.decoding import Record
from streams.json_lists import similarity_lists
from streams.lane import Entry
from streams.outputs import Outputs
from streams.read_view import ReadView
from streams.sources_applied import SourcesApplied
from streams.topics import COVISITS
from streams.trending_merge import TrendingPart

_LISTS_AT_ONCE: Final = 500


class AffinityPartition:
    """The state of one item partition: similarity and popularity of its items, and what was applied.

    `outdated` is how many lists may have to change though their own rows did not: what a neighbour is worth depends
    on how popular it is. They are written again when there is time, in turn, `next_row` first.
    """

    def __init__(self, items: Vocabulary, state: Mapping[str, Any] | None = None) -> None:
        self.outdated = self.next_row = 0
        if state is None:
            self.similarity = ItemSimilarity(items)
            self.trending = Trending(items)
            self.applied = SourcesApplied()
            self.as_of = 0
        else:
            self.similarity = similarity_state.restored(state["similarity"], items)
            self.trending = Trending.from_state(items, state["trending"])
            self.applied = SourcesApplied.from_state(state["applied"])
            self.as_of = state["as_of"]
            self.outdated = len(self.similarity)

    def freeze(self, spare: Spare) -> Callable[[], dict[str, Any]]:
        """Copy the state now; pack the copy later."""
        similarity, trending = FrozenSimilarity.of(self.similarity, spare), self.trending.state()
        applied, as_of = self.applied.state(), self.as_of
        return lambda: {"similarity": similarity.state(), "trending": trending, "applied": applied, "as_of": as_of}


def learn(state: AffinityPartition, block: Block, items: Vocabulary) -> Int32s:
    """Learn what is new of a block; return the codes of the items whose rows changed."""
    after = state.applied.advance(block)
    increments = blocks.read_increments(block, after, items)
    if len(increments) == 0:
        return np.zeros(0, np.int32)
    changed = state.similarity.learn_many(increments)
    actions = np.flatnonzero(increments.kind == ACTION)
    state.trending.learn_many(
        increments.row[actions], increments.weight[actions].astype(np.float64), increments.ts[actions]
    )
    state.as_of = max(state.as_of, int(increments.ts.max()))
    return changed


class AffinityAgent:
    """Folds co-visit blocks; see `streams.micro_batches.Agent`."""

    name = "affinity"
    topics = (COVISITS,)

    def __init__(self, view: ReadView) -> None:
        self.view = view
        self._spare = Spare()
        self.partitions: dict[int, AffinityPartition] = {}

    def open(self, partition: int, state: Mapping[str, Any] | None) -> None:
        """Begin to own an item partition."""
        self.partitions[partition] = AffinityPartition(self.view.items, state)

    def close(self, partition: int) -> None:
        """Cease to own an item partition."""
        del self.partitions[partition]

    def freeze(self, partition: int) -> Callable[[], dict[str, Any]]:
        """Copy the state of an item partition; the result packs the copy."""
        return self.partitions[partition].freeze(self._spare)

    def forgive(self, partition: int) -> None:
        """Do not refuse blocks that follow a hole."""
        self.partitions[partition].applied.forgive()

    def read(self, records: Sequence[Record]) -> list[Entry]:
        """Decode records: blocks of co-visits."""
        return blocks.entries(records)

    def pause(self, partition: int) -> float:
        """Outdated lists are written again a second after the last block."""
        return 1.0 if self.partitions[partition].outdated else math.inf

    async def fold(self, partition: int, entries: Sequence[Entry]) -> Outputs:
        """Learn the blocks that are new, and give out every list that changed."""
        state = self.partitions[partition]
        if not entries:
            return self._refresh(state, partition)
        changed = [rows for entry in entries if len(rows := learn(state, entry.content, self.view.items))]
        if not changed:
            return Outputs()
        state.outdated = len(state.similarity)
        return self._outputs(state, partition, np.unique(np.concatenate(changed)))

    async def everything(self, partition: int) -> AsyncIterator[Outputs]:
        """All lists, in portions."""
        state = self.partitions[partition]
        for start in range(0, len(state.similarity), _LISTS_AT_ONCE):
            rows = state.similarity.rows[: len(state.similarity)][start : start + _LISTS_AT_ONCE]
            yield self._outputs(state, partition, np.ascontiguousarray(rows["item"]))

    def _refresh(self, state: AffinityPartition, partition: int) -> Outputs:
        """The next portion of lists that may be outdated."""
        if not state.outdated:
            return Outputs()
        if state.next_row >= len(state.similarity):
            state.next_row = 0
        rows = state.similarity.rows[: len(state.similarity)][state.next_row : state.next_row + _LISTS_AT_ONCE]
        state.next_row += len(rows)
        state.outdated = max(state.outdated - len(rows), 0)
        return self._outputs(state, partition, np.ascontiguousarray(rows["item"]))

    def _outputs(self, state: AffinityPartition, partition: int, changed: Int32s) -> Outputs:
        names = self.view.items.names
        lists = similarity_lists(state.similarity.predict_many(changed), state.as_of, self.view.items)
        weights, total = state.trending.weight(state.as_of)
        items = [names[code] for code in state.trending.list.tolist()]
        return Outputs(
            strings=[(f"sim:{names[code]}", value) for code, value in zip(changed.tolist(), lists, strict=True)],
            trending=TrendingPart(partition, state.as_of, total, list(zip(items, weights.tolist(), strict=True))),
        )
