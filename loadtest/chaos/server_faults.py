"""Faults of Kafka and Redis themselves: restarted, killed, emptied, slow, unwilling."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Final

from redis.exceptions import RedisError

from loadtest.chaos.arena import Arena

_SLOW_MS: Final = 2_000
#: An idle partition looks every 3 seconds; by then everything has to be back.
_NOTICED_SECONDS: Final = (8.0, 10.0)


def restart_kafka(arena: Arena, amount: int) -> None:
    """Kafka goes, in good order or not, and comes back with its data."""
    for n in range(amount):
        arena.pause(2.0, 6.0)
        (arena.kafka.kill if n % 2 else arena.kafka.stop)()
        arena.pause(0.0, 5.0)
        arena.kafka.start()
        arena.fault()
        arena.wait_until_recovered()


def restart_redis(arena: Arena, amount: int) -> None:
    """Redis goes, in good order or not, and comes back with all but the last second of its data."""
    for n in range(amount):
        arena.pause(1.0, 5.0)
        (arena.redis.kill if n % 2 else arena.redis.stop)()
        arena.pause(0.0, 3.0)
        arena.redis.start()
        arena.fault()


def flush_redis(arena: Arena, amount: int) -> None:
    """Redis forgets everything, every other time while the shop is quiet: then only repair brings values back."""
    for n in range(amount):
        arena.pause(2.0, 8.0)
        if (amount - n) % 2 == 0:
            arena.redis_client().flushall()
            arena.fault()
            continue
        with arena.feeder.hold():
            arena.fault()
            arena.wait_until_recovered()
            arena.redis_client().flushall()
            arena.pause(*_NOTICED_SECONDS)


def redis_errors(arena: Arena, amount: int) -> None:
    """Redis is slow, full, read-only, or its connections break with the answer on its way."""
    kinds = (_slow, _full, _read_only, _reset, _lost_replies)
    for n in range(amount):
        arena.pause(0.2, 1.5)
        kinds[n % len(kinds)](arena)
        arena.fault()


def _slow(arena: Arena) -> None:
    arena.redis_client().execute_command("CLIENT", "PAUSE", _SLOW_MS)


def _full(arena: Arena) -> None:
    redis = arena.redis_client()
    redis.config_set("maxmemory", "1")
    arena.pause(0.5, 2.0)
    _until_done(lambda: redis.config_set("maxmemory", "0"))


def _read_only(arena: Arena) -> None:
    redis = arena.redis_client()
    redis.replicaof("127.0.0.1", "1")
    arena.pause(0.5, 2.0)
    _until_done(lambda: redis.replicaof("NO", "ONE"))


def _reset(arena: Arena) -> None:
    assert arena.redis_proxy
    arena.redis_proxy.reset()


def _lost_replies(arena: Arena) -> None:
    assert arena.redis_proxy
    arena.redis_proxy.drop_replies()
    arena.pause(0.2, 1.0)
    arena.redis_proxy.heal()


def _until_done(action: Callable[[], object]) -> None:
    while True:
        with contextlib.suppress(RedisError):
            action()
            return
        time.sleep(0.1)
