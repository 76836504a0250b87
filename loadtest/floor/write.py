"""The values that upwell wrote, into Redis and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from loadtest.floor.material import Material, load
from loadtest.floor.stopwatch import Measured, Stopwatch
from streams.patience import Patience
from streams.quick_connection import connect
from streams.redis_calls import Write
from streams.redis_writer import RedisWriter
from streams.settings import Settings
from streams.values import Values

#: Lists at a time: what a few thousand events lead to while a backlog is drained.
_LISTS_AT_ONCE: Final = 500
_KEEP_SECONDS: Final = 30 * 86_400
_OWNER: Final = "floor:0"
#: What most events change of a profile; the first of a session, with which all is written, is left out: a floor.
_CHANGED: Final = ("events", "last_seen", "propensity", "segment", "view")

#: Keys and values, keys of hashes and their fields.
Batch = tuple[Sequence[tuple[str, bytes]], Sequence[tuple[str, dict[str, str]]]]


async def stock(settings: Settings, directory: Path) -> Measured:
    """SET, HSET and EXPIRE in pipelines of redis-py, as its documentation shows them."""
    material, stopwatch = load(directory), Stopwatch()
    batches = _batches(material)
    redis: Any = Redis.from_url(settings.redis)
    await redis.ping()
    with stopwatch:
        for strings, hashes in batches:
            pipeline = redis.pipeline(transaction=False)
            for key, value in strings:
                pipeline.set(key, value, ex=_KEEP_SECONDS)
            for key, fields in hashes:
                pipeline.hset(key, mapping=fields)
                pipeline.expire(key, _KEEP_SECONDS)
            await pipeline.execute()
    await redis.aclose()
    return stopwatch.measured(material.records)


async def fenced(settings: Settings, directory: Path) -> Measured:
    """As upwell does it: whole batches to a script that lets only the owner of the partition write."""
    material, stopwatch = load(directory), Stopwatch()
    batches = [
        (Values.of(strings), Values.of([(key, _packed(fields)) for key, fields in hashes]))
        for strings, hashes in _batches(material)
    ]
    redis = connect(settings)
    writer = RedisWriter(redis, "", _KEEP_SECONDS, Patience(settings.redis_patience_seconds))
    await writer.claim(_OWNER, 1, 0, (0,), _nobody_newer)
    with stopwatch:
        for strings, hashes in batches:
            await writer.write_many([Write(_OWNER, strings, hashes)])
    await redis.aclose()
    return stopwatch.measured(material.records)


def _batches(material: Material) -> list[Batch]:
    """As many values of each kind as upwell wrote, spread evenly."""
    lists, hashes, similar = cycle(material.list_samples), cycle(material.hash_samples), cycle(material.similar_samples)
    batches: list[Batch] = []
    written = 0
    for start in range(0, material.lists, _LISTS_AT_ONCE):
        count = min(_LISTS_AT_ONCE, material.lists - start)
        due = round(material.similar * (start + count) / material.lists) - written
        written += due
        batches.append(([*islice(lists, count), *islice(similar, due)], list(islice(hashes, count))))
    return batches


def _packed(fields: dict[str, str]) -> bytes:
    """A hash as `values.lua` takes it."""
    changed = {name: fields[name] for name in _CHANGED if name in fields}
    return b"".join(msgspec.msgpack.encode([*chain.from_iterable(some.items())]) for some in (changed, fields))


async def _nobody_newer() -> bool:
    return True
