"""The learner agent, fed blocks as the shoppers agent makes them."""

from __future__ import annotations

import numpy as np

from online_models.learner import Learner
from online_models.shoppers import Shoppers
from online_models.vocabulary import Vocabulary
from streams import blocks
from streams.agents.learner import LearnerPartition, learn_examples
from tests.models.event_streams import CROWDED, random_events
from tests.models.test_learner import frozen


def test_what_is_learned_from_blocks_is_what_is_learned_from_their_examples() -> None:
    """Given sessions that bought, that did not, and that began with their purchase, each keeps its label."""
    shoppers = Shoppers(Vocabulary())
    folded = shoppers.fold(random_events(1, 12_000, CROWDED))
    told, offsets = folded.examples, folded.example_event
    assert len(told) > 512
    assert set(told.bought.tolist()) == {-1, 0, 1}
    state, other, previous = LearnerPartition(items := Vocabulary()), Learner(), -1
    for places in np.split(np.arange(len(told)), np.flatnonzero(np.diff(offsets))[9::10] + 1):
        block = blocks.example_block("clickstream", 0, previous, told.chosen(places), offsets[places], shoppers.items)
        assert learn_examples(state, block, items) == len(places)
        previous = block.last
    other.learn_many(told.features, told.bought, told.profile, told.known_at)
    assert frozen(state.learner.state()) == frozen(other.state())
    assert other.propensity.examples == np.count_nonzero(told.bought >= 0)
    assert other.segments.examples == len(told)
