"""A front end that asks for recommendations when its visitors come, however long the answers before took."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from redis import Redis

from loadtest.cpu_share import CpuShare
from loadtest.scheduling import put_first
from online_models.compiled import Floats


@dataclass(frozen=True)
class Reading:
    """When each read was due, sent and answered (epoch seconds), for how many there was a value, and the share of a
    core that reading took."""

    due: Floats
    sent: Floats
    answered: Floats
    found: int
    cpu_share: float


def read_open_loop(keys: Sequence[str], start: float, rate: float, redis_url: str, first: bool = False) -> Reading:
    """Read keys over one connection, so many a second from `start` on. Runs in a process of its own.

    A read that cannot be sent in time, because the one before is not answered yet, waits as the visitor would. With
    `first`, the process goes before all others.
    """
    if first:
        put_first(os.getpid())
    redis = Redis.from_url(redis_url, single_connection_client=True)
    redis.ping()
    due = start + np.arange(len(keys)) / rate
    sent, answered, found = np.zeros(len(keys)), np.zeros(len(keys)), 0
    time.sleep(max(0.0, start - time.time()))
    with CpuShare() as share:
        for number, (key, moment) in enumerate(zip(keys, due.tolist(), strict=True)):
            while (wait := moment - time.time()) > 0:
                time.sleep(wait)
            sent[number] = time.time()
            found += redis.get(key) is not None
            answered[number] = time.time()
    redis.close()
    return Reading(due, sent, answered, found, share.measured)
