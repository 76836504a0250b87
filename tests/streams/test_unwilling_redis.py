"""A Redis that refuses for a while is ridden out; one that was replaced behind its address is found again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from streams.embedded.redis import EmbeddedRedis
from streams.errors import EngineError
from streams.patience import Patience
from streams.quick_connection import connect
from streams.redis_writer import RedisWriter
from streams.settings import Settings
from streams.trending_merge import TrendingPart
from streams.trending_writer import TrendingWriter
from streams.values import Values
from tests.streams.writing import of_hash, write

SHOPPERS, AFFINITY = "shoppers:0", "affinity:0"


async def no() -> bool:
    return False


def lists(value: bytes) -> Values:
    return Values.of([("rec:ada", value)])


@pytest.fixture
def own(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path / "own") as redis:
        yield redis


@pytest.mark.parametrize(("setting", "wrong", "right"), [("min-replicas-to-write", 1, 0), ("maxmemory", 1, 0)])
def test_what_passes_is_ridden_out_in_scripts_and_in_transactions(
    own: EmbeddedRedis, setting: str, wrong: int, right: int
) -> None:
    async def test() -> None:
        async with connect(Settings(redis=own.url)) as redis:
            writer = RedisWriter(redis, "", 60, Patience(20))
            for owner in (SHOPPERS, AFFINITY):
                await writer.claim(owner, 1, 0, (0, 0), no)
            part = TrendingPart(0, 1, 4.0, [("lamp", 2.0)])
            calls: list[Awaitable[None]] = [
                write(writer, SHOPPERS, lists(b"1")),
                TrendingWriter(writer).put([(part, AFFINITY)]),
            ]
            for call in calls:
                await redis.config_set(setting, wrong)
                waiting = asyncio.ensure_future(call)
                await asyncio.sleep(0.3)
                assert not waiting.done()
                await redis.config_set(setting, right)
                await waiting
            assert await redis.exists("rec:ada", "trending:all") == 2

    asyncio.run(test())


def test_whoever_took_over_behind_the_same_address_is_found_though_old_connections_live(
    own: EmbeddedRedis, tmp_path: Path
) -> None:
    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while some := await reader.read(1 << 16):
                writer.write(some)
        writer.close()

    async def test(other: EmbeddedRedis) -> None:
        ports = [own.port]

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            onward = await asyncio.open_connection("127.0.0.1", ports[-1])
            await asyncio.gather(pump(reader, onward[1]), pump(onward[0], writer))

        address = await asyncio.start_server(accept, "127.0.0.1", 0)
        url = f"redis://127.0.0.1:{address.sockets[0].getsockname()[1]}/0"
        async with connect(Settings(redis=own.url)) as old, connect(Settings(redis=url)) as redis:
            writer = RedisWriter(redis, "", 60, Patience(5))
            await writer.claim(SHOPPERS, 1, 0, (0, 0), no)
            await write(writer, SHOPPERS, lists(b"1"))
            # When the server becomes a replica of another one, to which new connections go
            ports.append(other.port)
            await old.replicaof("127.0.0.1", str(other.port))
            await write(writer, SHOPPERS, lists(b"2"))
        async with connect(Settings(redis=other.url)) as new:
            written: Any = await new.get("rec:ada")
            assert written == b"2"
        address.close()

    with EmbeddedRedis(tmp_path / "other") as other:
        asyncio.run(test(other))


def test_a_key_of_somebody_else_is_said_to_be_one(own: EmbeddedRedis) -> None:
    async def test() -> None:
        async with connect(Settings(redis=own.url)) as redis:
            await redis.hset("rec:ada", "name", "Ada")
            await redis.set("user:ada", "somebody else's")
            writer = RedisWriter(redis, "", 60, Patience(5))
            await writer.claim(SHOPPERS, 1, 0, (0, 0), no)
            with pytest.raises(EngineError, match=r"somebody else.*UPWELL_PREFIX"):
                await write(writer, SHOPPERS, hashes=Values.of([("user:ada", of_hash({"view": 1}))]))

    asyncio.run(test())
