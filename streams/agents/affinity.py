"""The affinity agent: owns items. Co-visits in; similar items and what trends out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from online_models.compiled import Int32s
from online_models.similarity import ACTION, ItemSimilarity
from online_models.trending import Trending
from streams import blocks
from streams.decoding import Record
from streams.json_lists import similarity_lists
from streams.lane import Entry
from streams.outputs import Outputs
from streams.read_view import ReadView
from streams.sources_applied import SourcesApplied
from streams.topics import COVISITS
from streams.trending_merge import TrendingPart


class AffinityPartition:
    """The state of one item partition: similarity and popularity of its items, and what was applied."""

    def __init__(self, view: ReadView) -> None:
        self.similarity = ItemSimilarity(view.items)
        self.trending = Trending(view.items)
        self.applied = SourcesApplied()
        self.as_of = 0


class AffinityAgent:
    """Folds co-visit blocks; see `streams.micro_batches.Agent`."""

    name = "affinity"
    topics = (COVISITS,)

    def __init__(self, view: ReadView) -> None:
        self.view = view
        self.partitions: dict[int, AffinityPartition] = {}

    def open(self, partition: int) -> None:
        """Begin to own an item partition. (Checkpoints: the place to load the newest one.)"""
        self.partitions[partition] = AffinityPartition(self.view)

    def close(self, partition: int) -> None:
        """Cease to own an item partition."""
        del self.partitions[partition]

    def read(self, records: Sequence[Record]) -> list[Entry]:
        """Decode records: blocks of co-visits."""
        return blocks.entries(records)

    def is_unfinished(self, partition: int) -> bool:
        """Nothing is ever left over here."""
        return False

    async def fold(self, partition: int, entries: Sequence[Entry]) -> Outputs:
        """Learn the blocks that are new, and give out every list that changed."""
        state = self.partitions[partition]
        changed: list[Int32s] = []
        for entry in entries:
            after = state.applied.advance(entry.content)
            increments = blocks.read_increments(entry.content, after, self.view.items)
            if len(increments) == 0:
                continue
            changed.append(state.similarity.learn_many(increments))
            actions = np.flatnonzero(increments.kind == ACTION)
            state.trending.learn_many(
                increments.row[actions], increments.weight[actions].astype(np.float64), increments.ts[actions]
            )
            state.as_of = max(state.as_of, int(increments.ts.max()))
        return self._outputs(state, partition, np.unique(np.concatenate(changed))) if changed else Outputs()

    def _outputs(self, state: AffinityPartition, partition: int, changed: Int32s) -> Outputs:
        names = self.view.items.names
        lists = similarity_lists(state.similarity.predict_many(changed), state.as_of, self.view.items)
        weights, total = state.trending.weight(state.as_of)
        items = [names[code] for code in state.trending.list.tolist()]
        return Outputs(
            strings=[(f"sim:{names[code]}", value) for code, value in zip(changed.tolist(), lists, strict=True)],
            trending=TrendingPart(partition, state.as_of, total, list(zip(items, weights.tolist(), strict=True))),
        )
