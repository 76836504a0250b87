"""Riding out a Redis that is away, slow or unwilling for a moment, and giving up when the moment gets too long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError, WatchError
from redis.exceptions import TimeoutError as RedisTimeoutError

from streams.errors import EngineError

T = TypeVar("T")

#: Beginnings of answers that may be different in a while: memory is full, a replica was not promoted yet, and so on.
_PASSING: Final = (
    "OOM",
    "READONLY",
    "MISCONF",
    "LOADING",
    "MASTERDOWN",
    "NOREPLICAS",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "BUSY",
)
#: What redis-py takes off.
_CODES: Final = {"ReadOnlyError": "READONLY", "OutOfMemoryError": "OOM", "MasterDownError": "MASTERDOWN"}
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 1.0


class Patience:
    """Tries a call to Redis again and again, for so many seconds in all.

    Every call must be one that may be made twice: whether the last one got through is often not known.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def call(self, call: Callable[[], Awaitable[T]]) -> T:
        """The answer of `call()`.

        Raises
        ------
        EngineError
            Redis did not give one in time.
        RedisError
            It gave one that will not change.
        """
        deadline, pause = time.monotonic() + self.seconds, _FIRST_PAUSE_SECONDS
        while True:
            try:
                return await call()
            except RedisError as error:
                if not is_passing(error):
                    raise
                if time.monotonic() + pause > deadline:
                    said = meaning(error) if isinstance(error, ResponseError) else error
                    raise EngineError(
                        f"Redis has been of no use for {self.seconds:g} s ({said}), so this worker stops: see to "
                        "Redis, and start the worker again."
                    ) from error
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def is_passing(error: RedisError) -> bool:
    """Whether the same call may succeed in a while; after a `WatchError` it does, unless the connection is gone.

    >>> is_passing(ResponseError("OOM command not allowed")), is_passing(ResponseError("ERR unknown command"))
    (True, False)
    """
    if isinstance(error, (RedisConnectionError, RedisTimeoutError, WatchError, NoScriptError)):
        return True
    return isinstance(error, ResponseError) and meaning(error).startswith(_PASSING)


def meaning(error: ResponseError) -> str:
    """What Redis said, with the code in front, which redis-py takes off where it has a class of its own for it.

    Redis 6 puts the place in a script before it, and redis-py the whole command where it was one of a transaction.

    >>> meaning(ResponseError("Error running script (call to f_1b): @user_script:28: @user_script: 28: -OOM is full"))
    'OOM is full'
    >>> meaning(ResponseError("Command # 1 (SET user 1) of pipeline caused error: NOREPLICAS Not enough"))
    'NOREPLICAS Not enough'
    """
    text = str(error)
    if text.startswith("Error running script"):
        text = text.rpartition(": -")[2]
    elif text.startswith("Command # "):
        text = text.rpartition(" of pipeline caused error: ")[2].strip("()'\",")
    code = _CODES.get(type(error).__name__)
    return f"{code} {text}" if code else text
