"""What upwell's keys cost in Redis: by kind of key from samples, and in all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np

from streams.reading import open_redis, read
from streams.settings import Settings

_SAMPLES: Final = 2000


class RedisUsage(msgspec.Struct, frozen=True):
    """Bytes.

    Attributes
    ----------
    total
        All memory of the server less what it began with.
    keys
        How many keys of each kind there are.
    per_key
        Mean over a sample of each kind: value, key, expiry and all.
    """

    total: int
    keys: dict[str, int]
    per_key: dict[str, float]


def redis_usage(settings: Settings, names: dict[str, Sequence[str]], seed: int) -> RedisUsage:
    """Measure kinds of keys, given as prefix and what may follow it, such as `rec:` and all users."""
    redis: Any = open_redis(settings)
    rng = np.random.default_rng([seed, 4])
    keys, per_key = {}, {}
    for kind, members in names.items():
        chosen = [members[n] for n in rng.permutation(len(members))[:_SAMPLES].tolist()]
        pipeline = redis.pipeline(transaction=False)
        for member in chosen:
            pipeline.memory_usage(f"{settings.prefix}{kind}{member}", samples=0)
        sizes = [size for size in read(pipeline.execute) if size]
        keys[kind] = round(len(members) * len(sizes) / max(len(chosen), 1))
        per_key[kind] = round(sum(sizes) / max(len(sizes), 1), 1)
    memory = read(redis.info, "memory")
    return RedisUsage(memory["used_memory"] - memory["used_memory_startup"], keys, per_key)
