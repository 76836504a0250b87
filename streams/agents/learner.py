"""The learner agent: owns the models of all shoppers. Labelled sessions in; parameters and segments out."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import msgspec
import numpy as np

from online_models.compiled import Int32s
from online_models.learner import Learner
from online_models.trending import Trending
from online_models.vocabulary import Vocabulary
from streams import blocks
from streams.blocks import Block, Blocks
from streams.outputs import Outputs
from streams.portion import Portion
from streams.read_view import ReadView
from streams.records import Records
from streams.sources_applied import SourcesApplied
from streams.topics import EXAMPLES
from streams.trending_merge import trending_list
from streams.values import Values


class LearnerPartition:
    """The state of the one partition: the models, what trends per segment, and what was applied."""

    def __init__(self, items: Vocabulary, state: Mapping[str, Any] | None = None) -> None:
        if state is None:
            self.learner = Learner()
            self.trending = [Trending(items) for _ in range(self.learner.segments.n_segments)]
            self.applied = SourcesApplied()
            self.as_of = 0
        else:
            self.learner = Learner.from_state(state["learner"])
            self.trending = [Trending.from_state(items, part) for part in state["trending"]]
            self.applied = SourcesApplied.from_state(state["applied"])
            self.as_of = state["as_of"]

    def state(self) -> dict[str, Any]:
        """Everything there is to know."""
        return {
            "learner": self.learner.state(),
            "trending": [trending.state() for trending in self.trending],
            "applied": self.applied.state(),
            "as_of": self.as_of,
        }


def learn_examples(state: LearnerPartition, block: Block, items: Vocabulary) -> int:
    """Learn what is new of a block; return how many examples that was."""
    examples = blocks.read_examples(block, state.applied.advance(block), items)
    if not len(examples):
        return 0
    segments = state.learner.learn_many(examples.features, examples.bought, examples.profile, examples.known_at)
    within = np.arange(examples.items.shape[1]) < examples.lengths[:, None]
    for segment, trending in enumerate(state.trending):
        chosen = np.flatnonzero(segments == segment)
        if len(chosen):
            seen: Int32s = examples.items[chosen][within[chosen]]
            known_at = np.repeat(examples.known_at[chosen], examples.lengths[chosen])
            trending.learn_many(seen, np.ones(len(seen)), known_at)
    state.as_of = max(state.as_of, int(examples.known_at.max()))
    return len(examples)


class LearnerAgent:
    """Folds blocks of labelled sessions; see `streams.micro_batches.Agent`."""

    name = "learner"
    topics = (EXAMPLES,)

    def __init__(self, view: ReadView) -> None:
        self.view = view
        self.partitions: dict[int, LearnerPartition] = {}

    def open(self, partition: int, state: Mapping[str, Any] | None) -> None:
        """Begin to own the partition."""
        self.partitions[partition] = LearnerPartition(self.view.items, state)

    def close(self, partition: int) -> None:
        """Cease to own the partition."""
        del self.partitions[partition]

    def freeze(self, partition: int) -> Callable[[], dict[str, Any]]:
        """Copy the state, which is small."""
        state = self.partitions[partition].state()
        return lambda: state

    def forgive(self, partition: int) -> None:
        """Do not refuse blocks that follow a hole."""
        self.partitions[partition].applied.forgive()

    def read(self, records: Records) -> Portion[Blocks]:
        """Decode records: blocks of labelled sessions."""
        return blocks.portion(records)

    def pause(self, partition: int) -> float:
        """Nothing is ever left over here."""
        return math.inf

    async def everything(self, partition: int) -> AsyncIterator[Outputs]:
        """The parameters and the lists of all segments."""
        state = self.partitions[partition]
        if state.as_of:
            yield self._outputs(state)

    async def fold(self, partition: int, portion: Portion[Blocks] | None) -> Outputs:
        """Learn the blocks that are new, and give out the parameters."""
        state = self.partitions[partition]
        received = portion.content.blocks if portion else []
        learned = sum(learn_examples(state, block, self.view.items) for block in received)
        return self._outputs(state) if learned else Outputs()

    def _outputs(self, state: LearnerPartition) -> Outputs:
        names = self.view.items.names
        parameters = state.learner.parameters()
        strings = [("model:parameters", msgspec.json.encode(parameters))]
        for segment, trending in enumerate(state.trending):
            shares = [(names[code], share) for code, share in trending.top_items()]
            strings.append((f"trending:{segment}", trending_list(shares, state.as_of, "segment")))
        return Outputs(strings=Values.of(strings))
