"""Whose the keys in Redis are: nothing is written where they are somebody else's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from streams.errors import EngineError
from streams.patience import Patience
from streams.redis_writer import fence_key
from streams.settings import Settings


async def mark_as_ours(redis: Any, settings: Settings, owners: Iterable[str], patience: Patience) -> None:
    """Mark the keys behind the prefix as upwell's, before anything is written.

    `owners` are all that may have written before, such as "shoppers:3": a Redis that was emptied may have what they
    wrote since, but no mark yet.

    Raises
    ------
    EngineError
        The database has keys, none of them ours, and there is no prefix to keep them apart.
    """
    ours = [f"{settings.prefix}upwell", *(fence_key(settings.prefix, owner) for owner in owners)]
    if await patience.call(lambda: redis.exists(*ours)):
        return
    keys = await patience.call(redis.dbsize)
    if keys and not settings.prefix:
        raise EngineError(
            f"The database at {settings.redis_place} holds {keys} keys that are not upwell's, so this worker stops: "
            "give it another database, or set UPWELL_PREFIX."
        )
    await patience.call(lambda: redis.set(ours[0], mark(settings)))


def mark(settings: Settings) -> str:
    """The value of the key `upwell`: application and version of the keys."""
    return f"{settings.application} 1"
