"""Lists of similar items are given out a portion at a time, all of them in the end, also across a checkpoint."""

from __future__ import annotations

import asyncio
import math
import time

import numpy as np
import pytest

from online_models.shoppers import Shoppers
from online_models.vocabulary import Vocabulary
from streams import blocks
from streams.agents.affinity import AffinityAgent
from streams.patience import Patience
from streams.portion import Portion
from streams.read_view import ReadView
from streams.records import Record, Records
from tests.models.event_streams import CROWDED, random_events


@pytest.fixture(scope="module")
def told() -> Portion[blocks.Blocks]:
    shoppers = Shoppers(Vocabulary())
    folded = shoppers.fold(random_events(1, 4_000, CROWDED))
    made = blocks.increment_blocks(
        "clickstream", 0, -1, folded.increments, np.asarray(folded.increment_event, np.int64), shoppers.items
    )
    records = [Record("covisits", 0, n, 0, None, blocks.encode(block)) for n, block in enumerate(made)]
    return blocks.portion(Records.of(records))


def agent() -> AffinityAgent:
    return AffinityAgent(ReadView(None, "", Vocabulary(), 1.0, Patience(1.0)))


def given_out(one: AffinityAgent, portion: Portion[blocks.Blocks] | None = None) -> list[str]:
    """The keys of the lists that come next, without waiting until they are due."""
    one.partitions[0].write_at = -math.inf
    return [key for key, _ in asyncio.run(one.fold({0: portion}))[0].strings.pairs()]


def test_every_list_comes_in_portions_and_once(told: Portion[blocks.Blocks]) -> None:
    one = agent()
    one.open(0, None)
    portions = [given_out(one, told)]
    while one.partitions[0].changed or len(one.partitions[0].due):
        assert one.due(0) < math.inf
        assert one.unwritten == len(one.partitions[0].due) + len(portions[-1])
        portions.append(given_out(one))
    assert one.unwritten == len(portions[-1])  # on their way to Redis, as far as one can know
    asyncio.run(one.fold({0: None}))
    assert one.unwritten == 0
    keys = [key for portion in portions for key in portion]
    assert len(portions) > 2
    assert max(map(len, portions)) < len(keys) / 2
    assert len(keys) == len(set(keys)) == len(one.partitions[0].similarity) > CROWDED.items / 2


def test_what_had_not_come_at_a_checkpoint_comes_after_it(told: Portion[blocks.Blocks]) -> None:
    one, next_one = agent(), agent()
    one.open(0, None)
    before = given_out(one, told)
    next_one.open(0, one.freeze(0)())
    after: list[str] = []
    while len(next_one.partitions[0].due):
        after += given_out(next_one)
    assert sorted(before + after) == sorted(set(before + after))
    assert len(before + after) == len(next_one.partitions[0].similarity)
    # And when all has come, nobody is in a hurry
    last = agent()
    last.open(0, next_one.freeze(0)())
    assert last.due(0) > time.monotonic()
    assert not len(last.partitions[0].due)
    assert len(asyncio.run(last.fold({0: None}))[0].strings) > 0  # a refreshment
