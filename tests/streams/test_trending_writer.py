"""What trends in item partitions is put together, whoever comes in between, and nobody tries for ever."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

import msgspec
import pytest
from redis.asyncio import Redis

from streams.errors import EngineError
from streams.patience import Patience
from streams.quick_connection import connect
from streams.redis_writer import RedisWriter
from streams.settings import Settings
from streams.trending_merge import TrendingPart
from streams.trending_writer import TrendingWriter


async def no() -> bool:
    return False


async def writer(redis: Redis, prefix: str, partition: int, seconds: float = 10.0) -> TrendingWriter:
    """Of a worker that owns one item partition."""
    owner = RedisWriter(redis, prefix, 60, Patience(seconds))
    await owner.claim(f"affinity:{partition}", 1, 0, (0,), no)
    return TrendingWriter(owner)


def part(partition: int) -> TrendingPart:
    return TrendingPart(partition, 1_700_000_000_000, 4.0, [(f"item {partition}", 2.0 + partition)])


def test_workers_that_write_in_the_same_moment_lose_nothing(redis_url: str) -> None:
    async def test() -> None:
        async with connect(Settings(redis=redis_url)) as redis:
            writers = [await writer(redis, "moment:", partition) for partition in range(5)]
            await asyncio.gather(*(one.put([(part(n), f"affinity:{n}")]) for n, one in enumerate(writers)))
            parts = await redis.hgetall("moment:trending-parts")
            assert sorted(parts) == [b"%d" % n for n in range(5)]
            listed = msgspec.json.decode(await redis.get("moment:trending:all") or b"")["items"]
            assert [item["id"] for item in listed] == [f"item {n}" for n in reversed(range(5))]

    asyncio.run(test())


def test_a_connection_that_always_breaks_is_given_up(redis_url: str) -> None:
    """Just then redis-py speaks of somebody who came in between, and trying again would never end."""

    async def test() -> None:
        address, broken = urlsplit(redis_url), 0

        async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal broken
            answers, questions = await asyncio.open_connection(address.hostname, address.port)
            with suppress(ConnectionError):
                while (asked := await reader.read(1 << 16)) and b"HGETALL" not in asked:
                    questions.write(asked)
                    writer.write(await answers.read(1 << 16))
            broken += b"HGETALL" in asked
            questions.close()
            writer.close()

        server = await asyncio.start_server(pass_on, "127.0.0.1", 0)
        between = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        async with server, connect(Settings(redis=between)) as redis:
            one = await writer(redis, "breaks:", 0, seconds=0.5)
            with pytest.raises(EngineError, match="Redis has been of no use for"):
                await asyncio.wait_for(one.put([(part(0), "affinity:0")]), 10.0)
        assert broken > 1

    asyncio.run(test())
