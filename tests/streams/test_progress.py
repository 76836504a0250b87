"""What operators are told in Redis about positions and losses, and told again when Redis has forgotten it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from faust.types import TP

from streams.progress import Progress, parsed
from streams.quick_connection import connect
from streams.settings import Settings

ONE, OTHER = TP("clickstream", 3), TP("covisits", 0)


async def report(progress: Progress, redis: Any, prefix: str) -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
    """The hashes `progress` and `lost` after a report."""
    async with redis.pipeline(transaction=False) as pipe:
        progress.report(pipe, prefix)
        await pipe.execute()
    return await redis.hgetall(f"{prefix}progress"), await redis.hgetall(f"{prefix}lost")


def test_a_redis_that_has_forgotten_everything_is_told_it_all_again(redis_url: str) -> None:
    async def test() -> None:
        async with connect(Settings(redis=redis_url)) as redis:
            progress, prefix = Progress(), "told again:"
            progress.advance(ONE, 9, 1_700_000_000_000)
            progress.lose(ONE, range(4, 7))
            progress.lose(OTHER, range(2))
            told = await report(progress, redis, prefix)
            assert parsed(told[0][b"clickstream:3"].decode()).next_offset == 9
            assert told[1] == {b"clickstream:3:4": b"7", b"covisits:0:0": b"2"}
            await redis.delete(f"{prefix}progress", f"{prefix}lost")
            assert await report(progress, redis, prefix) == ({}, {})
            progress.report_all()
            assert await report(progress, redis, prefix) == told

    asyncio.run(test())


def test_a_loss_that_comes_later_is_told_too(redis_url: str) -> None:
    async def test() -> None:
        async with connect(Settings(redis=redis_url)) as redis:
            progress, prefix = Progress(), "later:"
            progress.lose(ONE, range(4, 7))
            await report(progress, redis, prefix)
            progress.lose(ONE, range(8, 9))
            assert (await report(progress, redis, prefix))[1] == {b"clickstream:3:4": b"7", b"clickstream:3:8": b"9"}

    asyncio.run(test())


def test_losses_go_with_the_partition() -> None:
    progress = Progress()
    for tp in (ONE, OTHER):
        progress.lose(tp, range(3))
    progress.forget([ONE])
    assert progress.lost == {OTHER: {0: 3}}


@pytest.mark.parametrize("losses", [1_000, 1_003])
def test_only_the_newest_losses_of_a_partition_are_kept(losses: int) -> None:
    progress = Progress()
    for n in range(losses):
        progress.lose(ONE, range(2 * n, 2 * n + 1))
    assert list(progress.lost[ONE]) == [2 * n for n in range(losses - 1_000, losses)]


def test_losses_that_are_let_go_of_are_let_go_of_in_redis_too(redis_url: str) -> None:
    async def test() -> None:
        async with connect(Settings(redis=redis_url)) as redis:
            progress, prefix = Progress(), "let go:"
            for n in range(1_000):
                progress.lose(ONE, range(2 * n, 2 * n + 1))
            await report(progress, redis, prefix)
            progress.lose(ONE, range(5_000, 5_001))
            _, lost = await report(progress, redis, prefix)
            assert len(lost) == 1_000
            assert b"clickstream:3:0" not in lost

    asyncio.run(test())
