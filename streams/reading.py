"""Reading Redis as a front end does: plain commands, synchronously."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from streams.errors import ServerError
from streams.settings import Settings


def open_redis(settings: Settings) -> Any:
    """A connection that answers with text."""
    return Redis.from_url(settings.redis, decode_responses=True, socket_connect_timeout=5.0, socket_timeout=10.0)


def read(command: Callable[..., Any], *arguments: Any) -> Any:
    """What a Redis command answers.

    Raises
    ------
    ServerError
        Redis does not answer.
    """
    try:
        return command(*arguments)
    except RedisError as error:
        raise ServerError(f"Redis does not answer ({error}): start it or set UPWELL_REDIS.") from None
