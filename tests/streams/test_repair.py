"""What Redis has lost is written again, and what is made of other lost values once more when those are back."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from redis import Redis

from streams import repair
from streams.agent import ReadBack
from streams.outputs import Outputs
from streams.patience import Patience
from streams.quick_connection import connect
from streams.redis_writer import RedisWriter
from streams.repair import Repair
from streams.settings import Settings
from streams.topic_creation import ensure_topics
from streams.worker_process import WorkerProcess
from tests.streams.broker import publish, wait_until_done
from tests.streams.shop import START, Record

#: Shoppers, and items: more than fit into a few portions.
SOME = 3_000
SHOPPERS, AFFINITY = "shoppers:0", "affinity:0"


async def current() -> bool:
    return True


def agent(name: str, portions: int, *owners: str) -> Any:
    async def everything(_: int) -> AsyncIterator[Outputs]:
        for _portion in range(portions):
            yield Outputs()

    return SimpleNamespace(name=name, everything=everything, reads=ReadBack(owners, 0.05))


async def written(one: Repair, writer: RedisWriter, owner: str) -> int:
    """How many portions come before there are none for now, or before all is whole."""
    count = 0
    while not writer.fences[owner].is_whole and await one.portion() is not None:
        count += 1
    return count


def run(redis_url: str, test: Callable[[RedisWriter], Awaitable[None]]) -> None:
    """With two partitions whose values are gone."""

    async def begin() -> None:
        async with connect(Settings(redis=redis_url)) as redis:
            writer = RedisWriter(redis, "repair:", 60, Patience(10))
            for owner in (SHOPPERS, AFFINITY):
                await redis.delete(f"repair:fence:{owner}")
                await writer.claim(owner, 1, 7, (7,), current)
            await test(writer)

    asyncio.run(begin())


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair, "LOOK_SECONDS", 0.05)


@pytest.mark.usefixtures("_quick")
def test_lists_are_written_at_once_and_again_when_what_they_are_made_of_is_back(redis_url: str) -> None:
    async def test(writer: RedisWriter) -> None:
        lists, items = Repair(agent("shoppers", 2, AFFINITY), 0, writer), Repair(agent("affinity", 3), 0, writer)
        # Then lists are there at once
        assert await written(lists, writer, SHOPPERS) == 2
        # And not again while the others are missing
        await asyncio.sleep(0.15)
        assert await written(lists, writer, SHOPPERS) == 0
        assert await written(items, writer, AFFINITY) == 3
        assert writer.fences[AFFINITY].is_whole
        # Nor before lists that were read too early are too old
        assert await written(lists, writer, SHOPPERS) == 0
        assert not writer.fences[SHOPPERS].is_whole
        await asyncio.sleep(0.15)
        assert await written(lists, writer, SHOPPERS) == 2
        assert writer.fences[SHOPPERS].is_whole

    run(redis_url, test)


@pytest.mark.usefixtures("_quick")
def test_a_loss_while_others_are_waited_for_begins_anew(redis_url: str) -> None:
    async def test(writer: RedisWriter) -> None:
        lists = Repair(agent("shoppers", 2, AFFINITY), 0, writer)
        assert await written(lists, writer, SHOPPERS) == 2
        writer.fences[SHOPPERS].losses += 1
        assert lists.is_new
        assert await written(lists, writer, SHOPPERS) == 2

    run(redis_url, test)


def test_where_there_is_nothing_to_write_nobody_is_waited_for(redis_url: str) -> None:
    async def test(writer: RedisWriter) -> None:
        assert await written(Repair(agent("shoppers", 0, AFFINITY), 0, writer), writer, SHOPPERS) == 0
        assert writer.fences[SHOPPERS].is_whole

    run(redis_url, test)


def visits(shoppers: int, items: int, each: int) -> list[Record]:
    """Views of shoppers, each of whom stays among twenty items that go together."""
    chance, made, now = random.Random(3), list[Record](), START
    for shopper in range(shoppers):
        first = chance.randrange(items // 20) * 20
        for _ in range(each):
            now += 50
            user, item = f"u{shopper}", f"i{first + chance.randrange(20)}"
            event = {"event_id": str(now), "type": "view", "user_id": user, "item_id": item, "ts": now}
            made.append(Record("clickstream", user.encode(), json.dumps(event).encode()))
    return made


def test_lists_after_redis_was_emptied_are_those_that_a_full_redis_leads_to(
    empty_stack: Settings, tmp_path: Path
) -> None:
    redis: Any = Redis.from_url(empty_stack.redis, decode_responses=True)
    ensure_topics(empty_stack)

    def is_whole() -> bool:
        fences = redis.mget(redis.keys("fence:*"))
        return len(fences) == empty_stack.partitions + empty_stack.item_partitions + 1 and "?" not in "".join(fences)

    def lists() -> dict[str, Any]:
        keys = sorted(redis.scan_iter("rec:*", count=1000))
        return {key: json.loads(value)["items"] for key, value in zip(keys, redis.mget(keys), strict=True)}

    # Given a shop that is known, and a Redis that has lost all
    with WorkerProcess(empty_stack, tmp_path / "before") as worker:
        publish(empty_stack, visits(SOME, SOME, 8))
        wait_until_done(empty_stack, worker, 120)
        before = len(redis.keys("rec:*"))
    redis.flushall()
    # When a worker has put everything back
    with WorkerProcess(empty_stack, tmp_path / "after") as worker:
        worker.wait_until(is_whole, 120)
        found = lists()
        # Then lists are as good as those that are written where nothing else is missing
        redis.delete(*redis.keys("fence:shoppers:*"))
        worker.wait_until(is_whole, 60)
        assert len(found) == before == SOME
        assert found == lists()
