"""The fence in a real Redis: older owners are refused, and lost writes are noticed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from streams import redis_writer
from streams.embedded.redis import EmbeddedRedis
from streams.errors import EngineError
from streams.patience import Patience
from streams.quick_connection import connect
from streams.redis_calls import Write
from streams.redis_writer import RedisWriter
from streams.script_calls import Command, call_script
from streams.settings import Settings
from streams.values import NO_VALUES, Values
from tests.streams.writing import of_hash, write

OWNER = "shoppers:3"


@pytest.fixture
def prefix(redis_url: str, request: pytest.FixtureRequest) -> str:
    return f"{request.node.name}:"


def viewed(times: int) -> Values:
    """Ada's profile."""
    return Values.of([("user:ada", of_hash({"view": times}))])


def run(redis_url: str, test: Callable[[Redis], Awaitable[None]]) -> None:
    async def connected() -> None:
        async with connect(Settings(redis=redis_url)) as redis:
            await test(redis)

    asyncio.run(connected())


async def yes() -> bool:
    return True


async def no() -> bool:
    return False


def writer(redis: Redis, prefix: str, seconds: float = 5.0) -> RedisWriter:
    return RedisWriter(redis, prefix, 60, Patience(seconds))


def test_an_older_owner_is_refused(redis_url: str, prefix: str) -> None:
    async def test(redis: Any) -> None:
        old, new = writer(redis, prefix), writer(redis, prefix)
        await old.claim(OWNER, 4, 0, (0, 0), no)
        await write(old, OWNER, Values.of([("rec:ada", b"old")]), viewed(1))
        await new.claim(OWNER, 5, 0, (0, 0), no)
        with pytest.raises(EngineError, match="to another one"):
            await write(old, OWNER, Values.of([("rec:ada", b"late")]))
        with pytest.raises(EngineError, match="to another one"):
            await write(old, OWNER, NO_VALUES, viewed(9))
        with pytest.raises(EngineError, match="to another one"):
            await old.claim(OWNER, 4, 0, (0, 0), no)
        assert await redis.get(f"{prefix}rec:ada") == b"old"
        assert await redis.hget(f"{prefix}user:ada", "view") == b"1"
        await write(new, OWNER, Values.of([("rec:ada", b"new")]))
        assert await redis.get(f"{prefix}rec:ada") == b"new"

    run(redis_url, test)


def test_a_group_that_counts_from_one_again_may_overrule(redis_url: str, prefix: str) -> None:
    async def test(redis: Any) -> None:
        before, after = writer(redis, prefix), writer(redis, prefix)
        await before.claim(OWNER, 40, 0, (0, 0), no)
        await after.claim(OWNER, 1, 0, (0, 0), yes)

        async def taken_meanwhile() -> bool:
            await redis.set(f"{prefix}fence:{OWNER}", "41 0 0,0")
            return True

        await redis.set(f"{prefix}fence:{OWNER}", "40 0 0,0")
        with pytest.raises(EngineError, match="to another one"):
            await after.claim(OWNER, 1, 0, (0, 0), taken_meanwhile)

    run(redis_url, test)


def test_lost_writes_are_noticed_and_made_good(redis_url: str, prefix: str) -> None:
    async def test(redis: Any) -> None:
        owner = writer(redis, prefix)
        await owner.claim(OWNER, 4, 0, (0, 0), no)
        await write(owner, OWNER, Values.of([("rec:ada", b"1")]))
        assert owner.fences[OWNER].is_whole
        await redis.delete(f"{prefix}fence:{OWNER}", f"{prefix}rec:ada")  # as FLUSHALL does
        await write(owner, OWNER, Values.of([("rec:bob", b"2")]))
        assert not owner.fences[OWNER].is_whole
        assert owner.fences[OWNER].losses == 1
        assert await redis.get(f"{prefix}rec:bob") == b"2"

        next_owner = writer(redis, prefix)  # dies before all is written again: whoever comes must know
        await next_owner.claim(OWNER, 5, 0, (0, 0), no)
        assert not next_owner.fences[OWNER].is_whole
        await write(next_owner, OWNER, Values.of([("rec:ada", b"1")]))
        await next_owner.make_whole(OWNER)
        assert next_owner.fences[OWNER].is_whole

        last = writer(redis, prefix)
        await last.claim(OWNER, 6, next_owner.fences[OWNER].writes, (0, 0), no)
        assert last.fences[OWNER].is_whole

    run(redis_url, test)


def test_writes_that_a_failover_took_back_are_noticed(redis_url: str, prefix: str) -> None:
    async def test(redis: Any) -> None:
        owner = writer(redis, prefix)
        await owner.claim(OWNER, 4, 0, (0, 0), no)
        await write(owner, OWNER, Values.of([("rec:ada", b"1")]))
        before = await redis.get(f"{prefix}fence:{OWNER}")
        await write(owner, OWNER, Values.of([("rec:ada", b"2")]))
        await redis.set(f"{prefix}fence:{OWNER}", before)
        await write(owner, OWNER)
        assert not owner.fences[OWNER].is_whole

    run(redis_url, test)


def test_values_lost_once_more_in_the_midst_of_a_repair_are_noticed(redis_url: str, prefix: str) -> None:
    """Redis dies while it is given its values again, and comes back as it was a moment before."""

    async def test(redis: Any) -> None:
        owner = writer(redis, prefix)
        await owner.claim(OWNER, 4, 0, (0, 0), no)
        await write(owner, OWNER, Values.of([("rec:ada", b"1"), ("rec:bob", b"1")]), reached=(9, 9))
        await redis.delete(*await redis.keys(f"{prefix}*"))
        await write(owner, OWNER)
        assert not owner.fences[OWNER].is_whole
        before = await redis.get(f"{prefix}fence:{OWNER}")
        await write(owner, OWNER, Values.of([("rec:ada", b"1")]))
        await redis.delete(f"{prefix}rec:ada")
        await redis.set(f"{prefix}fence:{OWNER}", before)
        losses = owner.fences[OWNER].losses
        await write(owner, OWNER, Values.of([("rec:bob", b"1")]))
        assert owner.fences[OWNER].losses == losses + 1
        for name in ("rec:ada", "rec:bob"):
            await write(owner, OWNER, Values.of([(name, b"1")]))
        await owner.make_whole(OWNER)
        await write(owner, OWNER)
        assert (owner.fences[OWNER].is_whole, owner.fences[OWNER].losses) == (True, losses + 1)

    run(redis_url, test)


def test_values_that_somebody_took_back_to_an_older_state_are_noticed(redis_url: str, prefix: str) -> None:
    async def test(redis: Any) -> None:
        first = writer(redis, prefix)
        await first.claim(OWNER, 4, 0, (0, 0), no)
        await write(first, OWNER, Values.of([("rec:ada", b"5")]), reached=(5, 1))
        await write(
            first,
            OWNER,
            Values.of([("rec:ada", b"9")]),
            viewed(9),
            reached=(9, 1),
        )
        in_order = writer(redis, prefix)
        await in_order.claim(OWNER, 5, first.fences[OWNER].writes, (9, 1), no)
        assert in_order.fences[OWNER].is_whole

        # Its checkpoint cannot be read for a while: somebody begins anew and dies half way, and then it can be
        anew = writer(redis, prefix)
        await anew.claim(OWNER, 6, 0, (0, 0), no)
        assert anew.fences[OWNER].is_whole
        await write(anew, OWNER, Values.of([("rec:ada", b"5")]), reached=(5, 1))
        later = writer(redis, prefix)
        await later.claim(OWNER, 7, first.fences[OWNER].writes, (9, 1), no)
        assert not later.fences[OWNER].is_whole

    run(redis_url, test)


def test_a_write_that_is_not_over_has_not_reached_anything(
    redis_url: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(redis: Any) -> None:
        owner, fences = writer(redis, prefix), []
        await owner.claim(OWNER, 4, 0, (0,), no)

        async def one_at_a_time(redis: Any, script: Any, calls: Sequence[Command]) -> list[Any]:
            answers = []
            for only in calls:
                answers += await call_script(redis, script, [only])
                fences.append(await redis.get(f"{prefix}fence:{OWNER}"))
            return answers

        monkeypatch.setattr(redis_writer, "call_script", one_at_a_time)
        await write(owner, OWNER, Values.of([(f"rec:{n}", b"1") for n in range(40)]), reached=(7,))
        assert fences == [b"4 1 0", b"4 2 0", b"4 3 7"]

    run(redis_url, test)


async def several(redis: Any, prefix: str) -> RedisWriter:
    """Owner of three partitions."""
    owner = writer(redis, prefix)
    for partition in range(3):
        await owner.claim(f"shoppers:{partition}", 4, 0, (0,), no)
    return owner


def of_each(value: bytes, partitions: int = 3, keys: int = 1) -> list[Write]:
    """Strings and hashes of several partitions."""
    return [
        Write(
            f"shoppers:{p}",
            Values.of([(f"rec:{p}:{n}", value) for n in range(keys)]),
            Values.of([(f"user:{p}", of_hash({"view": value.decode(), "cart": p}))]),
            (p + len(value),),
        )
        for p in range(partitions)
    ]


async def found(redis: Any, prefix: str) -> list[tuple[bytes | None, bytes | None, bytes | None]]:
    """List, profile and fence of each partition."""
    for p in range(3):
        assert await redis.hget(f"{prefix}user:{p}", "cart") == b"%d" % p
    return [
        (
            await redis.get(f"{prefix}rec:{p}:0"),
            await redis.hget(f"{prefix}user:{p}", "view"),
            await redis.get(f"{prefix}fence:shoppers:{p}"),
        )
        for p in range(3)
    ]


def test_small_writes_of_several_partitions_share_a_call_and_each_moves_its_own_fence(
    redis_url: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(redis: Any) -> None:
        owner, made = await several(redis, prefix), []

        async def counted(redis: Any, script: Any, calls: Sequence[Command]) -> list[Any]:
            made.append(len(calls))
            return await call_script(redis, script, calls)

        monkeypatch.setattr(redis_writer, "call_script", counted)
        await owner.write_many(of_each(b"1"))
        assert await found(redis, prefix) == [(b"1", b"1", b"4 1 %d" % (p + 1)) for p in range(3)]
        large, *small = of_each(b"22", keys=20)[:1] + of_each(b"22")[1:]
        await owner.write_many([small[0], large, small[1]])  # the large one in two calls of its own
        assert await found(redis, prefix) == [
            (b"22", b"22", b"4 3 2"),
            (b"22", b"22", b"4 2 3"),
            (b"22", b"22", b"4 2 4"),
        ]
        assert await redis.get(f"{prefix}rec:0:19") == b"22"
        assert made == [1, 3]

    run(redis_url, test)


def test_who_lost_a_partition_writes_nothing_of_it_though_others_wrote_with_the_same_call(
    redis_url: str, prefix: str
) -> None:
    async def test(redis: Any) -> None:
        owner, next_owner = await several(redis, prefix), writer(redis, prefix)
        await owner.write_many(of_each(b"1"))
        await next_owner.claim("shoppers:1", 5, 1, (2,), no)
        with pytest.raises(EngineError, match="lost shoppers:1 to another one"):
            await owner.write_many(of_each(b"2"))
        assert (await found(redis, prefix))[1] == (b"1", b"1", b"5 1 2")

    run(redis_url, test)


@pytest.mark.parametrize("keys", [1, 20])
def test_what_redis_lost_of_one_partition_is_noticed_whoever_wrote_with_the_same_call(
    redis_url: str, prefix: str, keys: int
) -> None:
    async def test(redis: Any) -> None:
        owner = await several(redis, prefix)
        await owner.write_many(of_each(b"1", keys=keys))
        await redis.delete(f"{prefix}fence:shoppers:1", f"{prefix}rec:1:0")
        await owner.write_many(of_each(b"22", keys=keys))
        assert [fence.is_whole for fence in owner.fences.values()] == [True, False, True]
        assert [(rec, view) for rec, view, _ in await found(redis, prefix)] == [(b"22", b"22")] * 3
        await owner.write_many(of_each(b"333", keys=keys))
        assert [(rec, view) for rec, view, _ in await found(redis, prefix)] == [(b"333", b"333")] * 3
        await owner.make_whole("shoppers:1")
        assert all(fence.is_whole for fence in owner.fences.values())
        await owner.write_many(of_each(b"4444", keys=keys))
        assert [fence.losses for fence in owner.fences.values()] == [0, 1, 0]

    run(redis_url, test)


def test_a_connection_that_breaks_under_a_shared_call_loses_nothing(redis_url: str, prefix: str) -> None:
    async def test(redis: Any) -> None:
        owner = await several(redis, prefix)
        await owner.write_many(of_each(b"1"))
        pool: Any = owner.redis.connection_pool
        (connection,) = pool._available_connections
        connection._writer.transport.abort()
        await owner.write_many(of_each(b"22"))
        assert await found(redis, prefix) == [(b"22", b"22", b"4 2 %d" % (p + 2)) for p in range(3)]

    run(redis_url, test)


@pytest.mark.parametrize(("keys", "writes"), [(1, 1), (17, 2), (96, 6), (240, 6), (384, 6), (1000, 16)])
def test_redis_is_asked_for_little_at_a_time_and_for_more_where_there_is_much(
    redis_url: str, prefix: str, keys: int, writes: int
) -> None:
    async def test(redis: Any) -> None:
        owner = writer(redis, prefix)
        await owner.claim(OWNER, 4, 0, (0,), no)
        await write(owner, OWNER, Values.of([(f"rec:{n}", b"1") for n in range(keys)]), reached=(7,))
        assert await redis.get(f"{prefix}fence:{OWNER}") == b"4 %d 7" % writes

    run(redis_url, test)


def test_lists_of_all_partitions_go_before_the_profiles_of_any(redis_url: str, prefix: str) -> None:
    owners = ["shoppers:0", "shoppers:1"]

    async def test(redis: Any) -> None:
        both = writer(redis, prefix)
        for owner in owners:
            await both.claim(owner, 1, 0, (0, 0), no)
        await redis.config_set("notify-keyspace-events", "E$h")
        try:
            async with redis.pubsub() as told:
                await told.psubscribe("__keyevent@*__:*set")
                await both.write_many([Write(owner, *many(owner)) for owner in owners])
                await redis.set("end", 1)
                written = [message async for message in until(told, b"end")]
        finally:
            await redis.config_set("notify-keyspace-events", "")
        kinds = [key.removeprefix(prefix.encode()).split(b":")[0] for key in written]
        assert [kind for kind in kinds if kind != b"fence"] == [b"rec"] * 96 + [b"user"] * 96

    def many(owner: str) -> tuple[Values, Values]:
        names = [f"{owner}-{number}" for number in range(48)]
        profile = of_hash({"view": 1})
        return Values.of([(f"rec:{n}", b"1") for n in names]), Values.of([(f"user:{n}", profile) for n in names])

    async def until(told: Any, last: bytes) -> AsyncIterator[bytes]:
        async for message in told.listen():
            if message["type"] == "pmessage":
                if message["data"] == last:
                    return
                yield message["data"]

    run(redis_url, test)


def test_a_hash_that_is_written_whole_has_the_fields_of_the_last_write_only(redis_url: str, prefix: str) -> None:
    async def test(redis: Any) -> None:
        owner, found = writer(redis, prefix), []
        await owner.claim(OWNER, 4, 0, (0, 0), no)
        for fields in ({"view": 1, "cart": 2, "spend": "0.3"}, {"view": 4, "spend": "5.0"}, {"cart": 8}):
            await write(owner, OWNER, NO_VALUES, Values.of([("user:ada", of_hash(fields))]))
            found.append(await redis.hgetall(f"{prefix}user:ada"))
            assert 0 < await redis.ttl(f"{prefix}user:ada") <= 60
        assert found == [
            {b"view": b"1", b"cart": b"2", b"spend": b"0.3"},
            {b"view": b"4", b"spend": b"5.0"},
            {b"cart": b"8"},
        ]

    run(redis_url, test)


def test_of_a_hash_that_is_there_only_what_changed_is_written(redis_url: str, prefix: str) -> None:
    async def test(redis: Any) -> None:
        owner, key = writer(redis, prefix), f"{prefix}user:ada"
        await owner.claim(OWNER, 4, 0, (0, 0), no)
        await redis.hset(key, mapping={"view": 1, "cart": 1, "spend": "somebody's"})
        await redis.expire(key, 33)
        fields = {"view": 2, "click": 1, "cart": 5, "spend": "5.0"}
        await write(owner, OWNER, NO_VALUES, Values.of([("user:ada", of_hash(fields, "view", "click"))]))
        assert await redis.hgetall(key) == {b"view": b"2", b"cart": b"1", b"spend": b"somebody's", b"click": b"1"}
        assert 0 < await redis.ttl(key) <= 33

    run(redis_url, test)


def test_a_hash_is_written_whole_while_values_are_missing(redis_url: str, prefix: str) -> None:
    async def test(redis: Any) -> None:
        owner, key, found = writer(redis, prefix), f"{prefix}user:ada", []
        await owner.claim(OWNER, 4, 0, (0, 0), no)
        await write(owner, OWNER, NO_VALUES, Values.of([("user:ada", of_hash({"view": 1, "cart": 1}))]))
        await redis.delete(f"{prefix}fence:{OWNER}")  # as when Redis comes back as it was long ago
        for is_over in (False, False, True):
            if is_over:
                await owner.make_whole(OWNER)
            await redis.hset(key, "cart", 0)
            ada = Values.of([("user:ada", of_hash({"view": 2, "cart": 1}, "view"))])
            await owner.write_many([Write(OWNER, hashes=ada)])
            found.append(await redis.hget(key, "cart"))
        assert found == [b"1", b"1", b"0"]

    run(redis_url, test)


def test_a_hash_that_is_gone_is_written_whole_though_little_changed(redis_url: str, prefix: str) -> None:
    async def test(redis: Any) -> None:
        owner, key = writer(redis, prefix), f"{prefix}user:ada"
        await owner.claim(OWNER, 4, 0, (0, 0), no)
        fields = {"view": 2, "click": 1, "cart": 5}
        await write(owner, OWNER, NO_VALUES, Values.of([("user:ada", of_hash(fields, "view", "click"))]))
        assert await redis.hgetall(key) == {b"view": b"2", b"click": b"1", b"cart": b"5"}
        assert 33 < await redis.ttl(key) <= 60

    run(redis_url, test)


def test_a_write_whose_answer_was_lost_may_be_sent_again(redis_url: str, prefix: str) -> None:
    async def test(redis: Any) -> None:
        owner = writer(redis, prefix)
        await owner.claim(OWNER, 4, 0, (0, 0), no)
        await write(owner, OWNER, Values.of([("rec:ada", b"1")]))
        owner.fences[OWNER].writes -= 1  # as if the answer had not arrived
        await write(owner, OWNER, Values.of([("rec:ada", b"1")]))
        assert owner.fences[OWNER].is_whole

    run(redis_url, test)


def test_a_redis_that_is_full_for_a_moment_is_ridden_out_and_one_that_stays_full_is_not(tmp_path: Path) -> None:
    async def test(redis: Any) -> None:
        owner = writer(redis, "", seconds=20.0)
        await owner.claim(OWNER, 4, 0, (0, 0), no)
        await redis.config_set("maxmemory", "1")
        writing = asyncio.create_task(write(owner, OWNER, Values.of([("rec:ada", b"1")])))
        await asyncio.sleep(0.5)
        assert not writing.done()
        await redis.config_set("maxmemory", "0")
        await writing
        assert await redis.get("rec:ada") == b"1"
        await redis.config_set("maxmemory", "1")
        owner.patience.seconds = 0.3
        with pytest.raises(EngineError, match="of no use"):
            await write(owner, OWNER, Values.of([("rec:ada", b"2")]))

    with EmbeddedRedis(tmp_path) as own:
        run(own.url, test)
