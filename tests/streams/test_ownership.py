"""Whoever takes partitions over refuses topics that are not those of its state."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from streams.assignment import Assignment
from streams.checkpoints.format import Checkpoint
from streams.errors import EngineError
from streams.owner import Owner
from streams.ownership import Ownership
from streams.progress import Progress

COUNTS = {"clickstream": 2, "purchases": 2, "covisits": 1}
IDS = {"clickstream": "one", "purchases": "two"}


def an_ownership(seen: dict[str, int]) -> Ownership:
    consumer = SimpleNamespace(topic_partitions=seen.get)
    unused: Any = None
    return Ownership(consumer, unused, Progress(), unused, COUNTS, IDS)


def a_checkpoint(partitions: dict[str, int], ids: dict[str, str]) -> Checkpoint:
    return Checkpoint("shoppers", 0, {"clickstream": 7}, partitions, 0, 1, {}, topic_ids=ids)


def test_partitions_that_were_added_under_a_running_worker_end_it() -> None:
    async def take(counts: dict[str, int]) -> list[Owner]:
        return await an_ownership(counts).take([], Assignment(1, {}, {}, {}), lambda: False)

    assert asyncio.run(take({**COUNTS, "covisits": 0})) == []  # Kafka has not told yet
    with pytest.raises(EngineError, match="clickstream had 2 and has 3"):
        asyncio.run(take({**COUNTS, "clickstream": 3}))


@pytest.mark.parametrize(
    ("checkpoint", "complaint"),
    [
        (a_checkpoint({"clickstream": 1}, {}), "clickstream had 1 and has 2"),
        (a_checkpoint(COUNTS, {"clickstream": "another"}), "clickstream was deleted and created again"),
    ],
)
def test_a_checkpoint_of_other_topics_is_refused(checkpoint: Checkpoint, complaint: str) -> None:
    with pytest.raises(EngineError, match=complaint):
        an_ownership(COUNTS)._refuse_unfit(checkpoint)


@pytest.mark.parametrize("ids", [IDS, {}, {"covisits": "of a Kafka that tells none"}])
def test_a_checkpoint_of_these_topics_is_not(ids: dict[str, str]) -> None:
    an_ownership(COUNTS)._refuse_unfit(a_checkpoint(COUNTS, ids))
