"""The outputs of all workers as one sees them: from Redis, but for what this worker has made itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import numpy as np

from online_models.features import PROFILE_FEATURES, PROPENSITY_FEATURES
from online_models.item_partition import item_partition
from online_models.learner import Learner
from online_models.vocabulary import Vocabulary
from streams.patience import Patience
from streams.read_view import ReadView

OLD = b'{"items":[{"id":"bulb","score":0.5,"support":1}],"as_of":1}'


class SlowRedis:
    """A Redis whose answer arrives when somebody says so."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.answer = asyncio.Event()

    async def mget(self, names: Sequence[str]) -> list[bytes | None]:
        self.asked.append(list(names))
        await self.answer.wait()
        return [OLD if name == "sim:lamp" else None for name in names]


def neighbours(view: ReadView, item: str) -> list[str]:
    table, code = view.neighbours.table, int(view.items.codes([item])[0])
    row = int(table.place[code])
    return [view.items.names[n] for n in table.items[row, : table.lengths[row]]] if row >= 0 else []


def test_what_this_worker_made_while_redis_was_asked_is_newer() -> None:
    async def played() -> None:
        redis, items = SlowRedis(), Vocabulary()
        view = ReadView(redis, "", items, 0.0, Patience(1.0))
        lamp = items.codes(["lamp"])
        reading = asyncio.ensure_future(view.refresh(lamp))
        await asyncio.sleep(0)
        # When the affinity agent makes a list before the answer is there
        chair = items.codes(["chair"])[None]
        view.take_over(lamp, (chair, np.ones((1, 1)), np.ones((1, 1), np.int32), np.ones(1, np.int32)))
        redis.answer.set()
        await reading
        # Then that one counts, and Redis is not asked for it any more
        assert neighbours(view, "lamp") == ["chair"]
        redis.asked.clear()
        await view.refresh(lamp)
        assert "sim:lamp" not in [name for names in redis.asked for name in names]
        # But for when another worker makes them
        view.let_go(0)
        await view.refresh(lamp)
        assert neighbours(view, "lamp") == ["bulb"]

    asyncio.run(played())


def test_segments_are_not_known_before_what_trends_in_them() -> None:
    """Where lists are made while what trends is still on its way, a list would be missing for every segment."""
    learner, rng = Learner(), np.random.default_rng(1)
    x, z = (rng.normal(size=(1000, len(features))) for features in (PROPENSITY_FEATURES, PROFILE_FEATURES))
    learner.learn_many(x, x[:, 0] > 1.0, z, np.arange(1000))
    parameters = msgspec.json.encode(learner.parameters())

    class Redis:
        answer = asyncio.Event()

        async def mget(self, names: Sequence[str]) -> list[bytes | None]:
            if "trending:0" in names:
                await self.answer.wait()
            return [parameters if name == "model:parameters" else None for name in names]

    async def played() -> list[tuple[int, int]]:
        view, seen = ReadView(Redis(), "", Vocabulary(), 1.0, Patience(1.0)), []
        reading = asyncio.ensure_future(view.refresh(np.zeros(0, np.int32)))
        for _ in range(2):
            for _ in range(9):
                await asyncio.sleep(0)
            seen.append((len(view.scorer.names) if view.scorer else 0, len(view.trending)))
            Redis.answer.set()
        await reading
        return seen

    assert asyncio.run(played()) == [(0, 1), (8, 9)]


def test_lists_that_are_made_here_are_not_read_from_redis() -> None:
    async def played() -> None:
        redis, items = SlowRedis(), Vocabulary()
        redis.answer.set()
        view = ReadView(redis, "", items, 0.0, Patience(1.0), 2)
        lamp, vase, sofa = items.codes(["lamp", "vase", "sofa"]).tolist()
        ours, theirs = (int(n) for n in view.partitions.of(np.array([lamp, vase], np.int32)))
        assert (ours, theirs, int(view.partitions.of(np.array([sofa], np.int32))[0])) == (0, 1, 0)

        async def asked(*names: str) -> set[str]:
            redis.asked.clear()
            await view.refresh(items.codes(names))
            return {name for names in redis.asked for name in names if name.startswith("sim:")}

        # What the checkpoint knew is in Redis until it is made again; what it did not know is nowhere
        view.make_here(ours, np.array([lamp], np.int32))
        assert await asked("lamp", "vase", "sofa") == {"sim:lamp", "sim:vase"}
        assert neighbours(view, "lamp") == ["bulb"]
        # An item that nobody had heard of: here only if its list would be made elsewhere
        assert item_partition("couch", 2) == ours != item_partition("chair", 2)
        assert await asked("couch", "chair") == {"sim:chair"}
        view.let_go(ours)
        assert await asked("lamp", "sofa", "couch") == {"sim:lamp", "sim:sofa", "sim:couch"}

    asyncio.run(played())
