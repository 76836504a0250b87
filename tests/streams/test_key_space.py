"""A database that somebody else uses is left as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from streams.commands.check import _redis
from streams.embedded.redis import EmbeddedRedis
from streams.errors import EngineError, ServerError
from streams.key_space import mark_as_ours
from streams.patience import Patience
from streams.quick_connection import connect
from streams.settings import Settings

OWNERS = ["shoppers:0", "shoppers:1", "learner:0"]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path_factory.mktemp("own")) as redis:
        yield redis


def marked(redis_url: str, prefix: str = "", **keys: str) -> str | None:
    """The mark after a worker began on a database with these keys."""
    with Redis.from_url(redis_url, decode_responses=True) as there:
        there.flushall()
        if keys:
            there.mset(keys)
    return again(redis_url, prefix)


def again(redis_url: str, prefix: str = "") -> str | None:
    """The same, on what is there."""
    settings = Settings(redis=redis_url, prefix=prefix, application="shop")

    async def begin() -> None:
        async with connect(settings) as redis:
            await mark_as_ours(redis, settings, OWNERS, Patience(5))

    asyncio.run(begin())
    with Redis.from_url(redis_url, decode_responses=True) as there:
        found: Any = there.get(f"{prefix}upwell")
    return str(found) if found else None


def test_an_empty_database_and_one_with_a_prefix_are_marked(own: EmbeddedRedis) -> None:
    assert marked(own.url) == "shop 1"
    assert marked(own.url, prefix="shop:", **{"user:ada": "somebody else's"}) == "shop 1"


def test_a_database_with_keys_of_others_is_refused(own: EmbeddedRedis) -> None:
    with pytest.raises(EngineError, match=r"holds 1 keys that are not upwell's.*UPWELL_PREFIX"):
        marked(own.url, **{"user:ada": "somebody else's"})


def test_what_was_written_since_redis_was_emptied_is_known_as_ours(own: EmbeddedRedis) -> None:
    assert marked(own.url, **{"fence:shoppers:1": "4 1 7,7", "rec:ada": "[]"}) is None
    assert marked(own.url, upwell="shop 1", **{"rec:ada": "[]"}) == "shop 1"


def test_a_database_that_is_not_there_is_told_in_a_sentence(own: EmbeddedRedis) -> None:
    with pytest.raises(EngineError, match=r"redis://127.0.0.1:\d+/99 will not have this worker .*UPWELL_REDIS"):
        again(own.url.rpartition("/")[0] + "/99")


def test_another_application_takes_over_what_nobody_is_at_work_on(own: EmbeddedRedis) -> None:
    assert marked(own.url, upwell="another 1", **{"rec:ada": "[]"}) == "shop 1"
    with Redis.from_url(own.url) as redis:
        redis.set("worker:a:1:b", "counters", ex=590)
        redis.set("worker:an:older:version", "counters", ex=86_000)
        redis.set("upwell", "another 1")
        assert again(own.url) == "shop 1"
        redis.set("worker:a:1:b", "counters", ex=600)
        assert again(own.url) == "shop 1"
        redis.set("upwell", "another 1")
        with pytest.raises(EngineError, match=r"Workers of application another.*UPWELL_PREFIX"):
            again(own.url)
        assert redis.get("upwell") == b"another 1"


def test_a_redis_that_drops_keys_when_it_is_full_is_complained_of(own: EmbeddedRedis) -> None:
    settings = Settings(redis=own.url)
    with Redis.from_url(own.url) as redis:
        redis.config_set("maxmemory-policy", "allkeys-lru")
        assert "answers" in _redis(settings)
        redis.config_set("maxmemory", "1gb")
        with pytest.raises(ServerError, match=r"allkeys-lru.*noeviction"):
            _redis(settings)
        redis.config_set("maxmemory-policy", "noeviction")
        assert "answers" in _redis(settings)
