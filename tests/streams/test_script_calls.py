"""Calls that travel in one trip: each gets its own answer or its own error, and none waits for ever."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvloop
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from streams.quick_connection import connect
from streams.script_calls import call_script
from streams.settings import Settings

_SCRIPT = "if ARGV[1]:sub(1, 2) == 'no' then return redis.error_reply('NO thanks') end; return {KEYS[1], ARGV[1]}"


def test_each_call_gets_its_own_answer_in_one_trip(redis_url: str) -> None:
    async def calls() -> list[Any]:
        async with connect(Settings(redis=redis_url)) as redis:
            await redis.script_flush()
            script = redis.register_script(_SCRIPT)
            assert await call_script(redis, script, [(1, ["key", "first"])]) == [[b"key", b"first"]]
            before = (await redis.info("stats"))["total_reads_processed"]
            answers = await call_script(
                redis, script, [(1, [f"key {n}", "no" if n == 3 else str(n)]) for n in range(8)]
            )
            assert (await redis.info("stats"))["total_reads_processed"] - before == 2  # and the question itself
            return answers

    answers = asyncio.run(calls())
    assert isinstance(answers[3], ResponseError)
    assert "NO thanks" in str(answers[3])
    assert [answer for n, answer in enumerate(answers) if n != 3] == [
        [f"key {n}".encode(), str(n).encode()] for n in range(8) if n != 3
    ]


def test_a_redis_that_cannot_be_reached_is_an_error(redis_url: str) -> None:
    async def calls() -> None:
        async with (
            connect(Settings(redis="redis://127.0.0.1:1/0")) as nowhere,
            connect(Settings(redis=redis_url)) as redis,
        ):
            script = redis.register_script(_SCRIPT)
            with pytest.raises(RedisConnectionError):
                await call_script(nowhere, script, [(1, ["k", "1"])] * 3)
            assert await call_script(redis, script, [(1, ["k", "1"])]) == [[b"k", b"1"]]

    asyncio.run(calls())


def test_a_connection_that_is_closed_while_it_is_written_to_is_an_error_of_redis(redis_url: str) -> None:
    async def calls() -> None:
        async with connect(Settings(redis=redis_url)) as redis:
            pool: Any = redis.connection_pool
            connection = await pool.get_connection()
            connection._writer.transport.abort()
            await asyncio.sleep(0.01)
            with pytest.raises(RedisConnectionError):
                await connection.send_packed_command([b"*1\r\n$4\r\nPING\r\n"])
            await pool.release(connection)
            assert await redis.ping()

    uvloop.run(calls())


async def all_that_comes(reader: asyncio.StreamReader) -> bytes:
    """Until nothing has come for a while, or nothing can."""
    parts = [await reader.read(1 << 20)]
    with suppress(TimeoutError):
        while parts[-1]:
            parts.append(await asyncio.wait_for(reader.read(1 << 20), 0.05))
    return b"".join(parts)


@asynccontextmanager
async def somebody_between(
    redis_url: str, answer: Callable[[asyncio.StreamWriter, bytes, bytes], Awaitable[None]]
) -> AsyncIterator[Redis]:
    """A connection to somebody who asks Redis for us; `answer` sends the answer on, or does not."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = urlsplit(redis_url)
        answers, questions = await asyncio.open_connection(address.hostname, address.port)
        with suppress(ConnectionError):
            while asked := await all_that_comes(reader):
                questions.write(asked)
                await answer(writer, asked, await all_that_comes(answers))
        questions.close()
        writer.close()

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    between = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    async with server, connect(Settings(redis=between)) as redis:
        yield redis


@pytest.mark.parametrize("ends", ["too late", "cancelled", "half an answer"])
def test_what_is_left_of_a_trip_that_failed_is_nobody_elses_answer(redis_url: str, ends: str) -> None:
    async def calls() -> None:
        is_good = True

        async def answer(writer: asyncio.StreamWriter, _: bytes, said: bytes) -> None:
            nonlocal is_good
            if is_good:
                writer.write(said)
                return
            is_good = True
            writer.write(said[: len(said) // 2])
            if ends == "half an answer":
                writer.close()
                return
            await asyncio.sleep(0.4)
            writer.write(said[len(said) // 2 :])

        async with somebody_between(redis_url, answer) as redis:
            redis.connection_pool.connection_kwargs["socket_timeout"] = 0.2 if ends == "too late" else 5.0
            script = redis.register_script(_SCRIPT)
            assert await call_script(redis, script, [(1, ["k", "taught"])]) == [[b"k", b"taught"]]
            # Given a trip of which half of the answers come
            is_good = False
            trip = call_script(redis, script, [(1, ["k", f"old {n}"]) for n in range(3)])
            if ends == "cancelled":
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(trip, 0.2)
            else:
                with pytest.raises(RedisTimeoutError if ends == "too late" else RedisConnectionError):
                    await trip
            # Then the next one gets its own
            redis.connection_pool.connection_kwargs["socket_timeout"] = 5.0
            assert await call_script(redis, script, [(1, ["k", "new"])] * 2) == [[b"k", b"new"]] * 2

    asyncio.run(calls())


def test_what_redis_says_unasked_is_no_answer(redis_url: str) -> None:
    async def calls() -> None:
        async with connect(Settings(redis=redis_url)) as redis:
            # Given a connection on which Redis tells of every key that changes
            pool: Any = redis.connection_pool
            connection = await pool.get_connection()
            await connection.send_command("CLIENT", "TRACKING", "ON", "BCAST")
            assert await connection.read_response() == b"OK"
            await pool.release(connection)
            # When calls change some on it
            script = redis.register_script("redis.call('SET', KEYS[1], ARGV[1]); return ARGV[1]")
            values = [f"{n}" * 3_000 for n in range(9)]
            answers = await call_script(redis, script, [(1, [f"told {n}", value]) for n, value in enumerate(values)])
            # Then each still has its own answer
            assert [answer.decode() for answer in answers] == values

    asyncio.run(calls())


def go_last() -> None:
    """In this thread only."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def stay() -> None:
    """In the ordinary class."""


LAST = pytest.mark.skipif(sys.platform != "linux", reason="no idle class")


@pytest.mark.parametrize(
    ("take_class", "size", "expected"),
    [
        (stay, 20_000, [4, 3]),
        pytest.param(go_last, 20_000, [1] * 7, marks=LAST),
        (stay, 1_000, [12, 12, 12, 1]),
        pytest.param(go_last, 1_000, [3] * 12 + [1], marks=LAST),
    ],
    ids=["large", "large, going last", "three together", "three together, going last"],
)
def test_a_few_pieces_are_on_their_way_at_a_time_and_one_of_who_goes_last(
    redis_url: str, take_class: Callable[[], None], size: int, expected: list[int]
) -> None:
    # Given somebody between us and Redis who passes on what has come when nothing more comes
    async def calls() -> None:
        passed: list[int] = []

        async def answer(writer: asyncio.StreamWriter, asked: bytes, said: bytes) -> None:
            passed.append(asked.count(b"EVALSHA"))
            writer.write(said)

        async with somebody_between(redis_url, answer) as redis:
            script = redis.register_script(_SCRIPT)
            await call_script(redis, script, [(1, ["k", "taught"])])
            passed.clear()
            # When there are many calls, of which one is refused
            values = [(b"no" if n == 3 else b"%02d" % n) * (size // 2) for n in range(sum(expected))]
            answers = await call_script(redis, script, [(1, ["k", value]) for value in values])
        # Then no piece goes before one is done, and all calls get their answers
        assert passed == expected
        assert isinstance(answers.pop(3), ResponseError)
        assert [answer for _, answer in answers] == values[:3] + values[4:]

    with ThreadPoolExecutor(1, initializer=take_class) as thread:
        thread.submit(asyncio.run, calls()).result()


def test_a_command_in_several_large_chunks_is_sent_whole(redis_url: str) -> None:
    async def calls() -> list[Any]:
        async with connect(Settings(redis=redis_url)) as redis, redis.pipeline() as pipe:
            many = {f"field {n}": b"%d" % n * 20_000 for n in range(9)}
            await redis.mset({f"alone {name}": value for name, value in many.items()})
            pipe.hset("together", mapping=many)  # type: ignore[arg-type]
            for name in many:
                pipe.get(f"alone {name}")
            answers: list[Any] = await pipe.execute()
            assert answers[1:] == list(many.values())
            return answers

    assert asyncio.run(asyncio.wait_for(calls(), 4.0))[0] in (0, 9)


def test_what_does_not_fit_into_the_socket_at_once_arrives_whole(redis_url: str) -> None:
    async def calls() -> None:
        async with connect(Settings(redis=redis_url)) as redis:
            script = redis.register_script(_SCRIPT)
            values = [b"%d" % n * 3_000_000 for n in range(8)]
            answers = await call_script(redis, script, [(1, ["k", value]) for value in values])
            assert [answer for _, answer in answers] == values

    uvloop.run(calls())
