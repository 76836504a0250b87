"""The learner agent: owns the models of all shoppers. Labelled sessions in; parameters and segments out."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from online_models.compiled import Int64s
from online_models.examples import Examples
from online_models.learner import Learner
from online_models.trending import Trending
from online_models.vocabulary import Vocabulary
from streams import blocks
from streams.agent import ReadBack
from streams.block_reading import read_examples
from streams.blocks import Block, Blocks
from streams.outputs import Outputs
from streams.portion import Portion
from streams.read_view import ReadView
from streams.records import Records
from streams.sources_applied import SourcesApplied
from streams.topics import EXAMPLES
from streams.trending_merge import trending_list
from streams.values import Values

#: Parameters and lists are written this often at most: nobody reads them back more often than that.
_WRITE_SECONDS: Final = 1.0


class LearnerPartition:
    """The state of the one partition: the models, what trends per segment, and what was applied.

    Attributes
    ----------
    changed
        Whether something was learned since the last parameters were given out, or may have been: after a checkpoint
        nobody knows.
    write_at
        When they are due, on the monotonic clock in seconds.
    """

    def __init__(self, items: Vocabulary, state: Mapping[str, Any] | None = None) -> None:
        self.write_at = -math.inf
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
        self.changed = self.as_of > 0

    def state(self) -> dict[str, Any]:
        """Everything there is to know."""
        return {
            "learner": self.learner.state(),
            "trending": [trending.state() for trending in self.trending],
            "applied": self.applied.state(),
            "as_of": self.as_of,
        }


def learn(state: LearnerPartition, received: Sequence[Block], items: Vocabulary) -> int:
    """Learn what is new of blocks, in their order, however many at once; return how many examples that was."""
    examples = read_examples(received, [state.applied.advance(block) for block in received], items)
    if not len(examples):
        return 0
    segments = state.learner.learn_many(examples.features, examples.bought, examples.profile, examples.known_at)
    _learn_trends(state.trending, examples, segments)
    state.as_of = max(state.as_of, int(examples.known_at.max()))
    state.changed = True
    return len(examples)


def _learn_trends(trends: Sequence[Trending], examples: Examples, segments: Int64s) -> None:
    """Let every segment learn the items of its sessions, in their order; nobody has a segment during warm-up."""
    order = np.argsort(segments, kind="stable")
    lengths = examples.lengths[order]
    seen = examples.items[order][np.arange(examples.items.shape[1]) < lengths[:, None]]
    known_at, weights = np.repeat(examples.known_at[order], lengths), np.ones(len(seen))
    ends = np.concatenate([[0], np.cumsum(lengths)])
    bounds = ends[np.searchsorted(segments[order], np.arange(len(trends) + 1))].tolist()
    for trending, start, end in zip(trends, bounds[:-1], bounds[1:], strict=True):
        if start < end:
            trending.learn_many(seen[start:end], weights[start:end], known_at[start:end])


class LearnerAgent:
    """Folds blocks of labelled sessions; see `streams.agent.Agent`."""

    name = "learner"
    topics = (EXAMPLES,)
    reads = ReadBack()

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

    def due(self, partition: int) -> float:
        """When changed parameters are due."""
        state = self.partitions[partition]
        return state.write_at if state.changed else math.inf

    async def everything(self, partition: int) -> AsyncIterator[Outputs]:
        """The parameters and the lists of all segments."""
        state = self.partitions[partition]
        if state.as_of:
            yield self._outputs(state)

    async def fold(self, portions: Mapping[int, Portion[Blocks] | None]) -> dict[int, Outputs]:
        """Learn the blocks that are new, and give out the parameters, now and then."""
        return {partition: self._fold(self.partitions[partition], portion) for partition, portion in portions.items()}

    def _fold(self, state: LearnerPartition, portion: Portion[Blocks] | None) -> Outputs:
        learn(state, portion.content.blocks if portion else [], self.view.items)
        now = time.monotonic()
        if not state.changed or now < state.write_at:
            return Outputs()
        state.changed, state.write_at = False, now + _WRITE_SECONDS
        return self._outputs(state)

    def _outputs(self, state: LearnerPartition) -> Outputs:
        parameters = state.learner.parameters()
        strings = [("model:parameters", msgspec.json.encode(parameters))]
        for segment, trending in enumerate(state.trending):
            top = trending.top_items()
            names = self.view.items.names_of(np.array([code for code, _ in top], np.int32))
            shares = [(name, share) for name, (_, share) in zip(names, top, strict=True)]
            strings.append((f"trending:{segment}", trending_list(shares, state.as_of, "segment")))
        return Outputs(strings=Values.of(strings))
