"""The learner agent, fed blocks as the shoppers agent makes them."""

from __future__ import annotations

import asyncio
import math
import time

import numpy as np
import pytest

from online_models.learner import Learner
from online_models.shoppers import Shoppers
from online_models.vocabulary import Vocabulary
from streams import blocks
from streams.agents.learner import LearnerAgent, LearnerPartition, learn
from streams.block_reading import read_examples
from streams.blocks import Block, Blocks
from streams.patience import Patience
from streams.portion import Portion
from streams.read_view import ReadView
from streams.records import Record, Records
from tests.models.event_streams import CROWDED, random_events
from tests.models.oracles import trending_shares
from tests.models.test_learner import frozen


@pytest.fixture(scope="module")
def received() -> list[Block]:
    """What a shoppers agent has told, in many blocks; enough for segments."""
    shoppers = Shoppers(Vocabulary())
    folded = shoppers.fold(random_events(1, 12_000, CROWDED))
    told, offsets = folded.examples, folded.example_event
    cuts = np.flatnonzero(np.diff(offsets))[9::10] + 1
    previous, made = -1, []
    for places in np.split(np.arange(len(told)), cuts):
        part = told.chosen(places)
        made.append(blocks.example_block("clickstream", 0, previous, part, offsets[places], shoppers.items))
        previous = made[-1].last
    return made


@pytest.fixture
def agent() -> LearnerAgent:
    agent = LearnerAgent(ReadView(None, "", Vocabulary(), 1.0, Patience(1.0)))
    agent.open(0, None)
    return agent


def portion_of(some: list[Block]) -> Portion[Blocks]:
    records = [Record("examples", 0, n, 0, None, blocks.encode(block)) for n, block in enumerate(some)]
    return blocks.portion(Records.of(records))


def folded(agent: LearnerAgent, some: list[Block] | None) -> dict[str, bytes]:
    """What a fold gives out."""
    return dict(asyncio.run(agent.fold({0: portion_of(some) if some else None}))[0].strings.pairs())


def all_of(agent: LearnerAgent) -> dict[str, bytes]:
    """What should be in Redis."""

    async def gathered() -> dict[str, bytes]:
        return {key: value async for outputs in agent.everything(0) for key, value in outputs.strings.pairs()}

    return asyncio.run(gathered())


@pytest.mark.parametrize("at_once", [1, 7, 1_000])
def test_how_many_blocks_come_together_makes_no_difference(received: list[Block], at_once: int) -> None:
    """Not even to what trends in a segment, which nobody else learns."""
    state, single = LearnerPartition(items := Vocabulary()), LearnerPartition(others := Vocabulary())
    learned = [learn(state, received[n : n + at_once], items) for n in range(0, len(received), at_once)]
    assert sum(learned) == sum(learn(single, [block], others) for block in received) > 512
    assert frozen(state.state()) == frozen(single.state())
    assert sum(bool(len(trending.list)) for trending in state.trending) > 1
    assert state.as_of == single.as_of > 0
    assert learn(state, received, items) == learn(state, [], items) == 0


def test_a_segment_trends_as_its_sessions_say(received: list[Block]) -> None:
    """Session by session, in the segment it was put into when it was learned."""
    state, learner = LearnerPartition(items := Vocabulary()), Learner()
    actions: dict[int, list[tuple[str, float, int]]] = {n: [] for n in range(-1, 8)}
    for block in received:
        told = read_examples([block], [-1], items)
        segments = learner.learn_many(told.features, told.bought, told.profile, told.known_at).tolist()
        rows = zip(segments, told.items.tolist(), told.lengths.tolist(), told.known_at.tolist(), strict=True)
        for segment, codes, length, known_at in rows:
            actions[segment] += [(items.names[code], 1.0, known_at) for code in codes[:length]]
    learn(state, received, items)
    assert all(actions.values())
    for segment, trending in enumerate(state.trending):
        expected = trending_shares(actions[segment])
        found = {items.names[code]: share for code, share in trending.top_items()}
        assert len(found) == min(len(expected), 50)
        assert found == pytest.approx({name: expected[name] for name in found}, abs=1e-5)


def test_parameters_are_given_out_now_and_then_and_in_the_end(received: list[Block], agent: LearnerAgent) -> None:
    assert agent.due(0) == math.inf
    assert folded(agent, None) == {}
    # Given that the first are given out at once
    assert folded(agent, received[:5]) == all_of(agent)
    assert agent.due(0) == math.inf
    # When more is learned right after, it waits, but not for ever
    assert folded(agent, received[5:]) == folded(agent, None) == {}
    assert 0.0 < agent.due(0) - time.monotonic() <= 1.0
    agent.partitions[0].write_at = -math.inf
    assert agent.due(0) <= time.monotonic()
    # Then it is given out when nothing comes any more, once
    assert folded(agent, None) == all_of(agent)
    assert agent.due(0) == math.inf
    assert folded(agent, None) == {}


def test_what_waits_is_given_out_though_nothing_new_is_learned(received: list[Block], agent: LearnerAgent) -> None:
    folded(agent, received[:5])
    assert folded(agent, received) == {}
    agent.partitions[0].write_at = -math.inf
    assert folded(agent, received) == all_of(agent)


def test_nothing_is_given_out_for_what_is_known(received: list[Block], agent: LearnerAgent) -> None:
    folded(agent, received)
    agent.partitions[0].write_at = -math.inf
    assert folded(agent, received) == {}
    assert agent.due(0) == math.inf


def test_what_waited_at_a_checkpoint_is_given_out_after_it(received: list[Block], agent: LearnerAgent) -> None:
    folded(agent, received[:5])
    assert folded(agent, received[5:]) == {}
    state, expected = agent.freeze(0)(), all_of(agent)
    agent.close(0)
    agent.open(0, state)
    assert agent.due(0) <= time.monotonic()
    assert folded(agent, None) == expected
    assert agent.due(0) == math.inf


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
        assert learn(state, [block], items) == len(places)
        previous = block.last
    other.learn_many(told.features, told.bought, told.profile, told.known_at)
    assert frozen(state.learner.state()) == frozen(other.state())
    assert other.propensity.examples == np.count_nonzero(told.bought >= 0)
    assert other.segments.examples == len(told)
