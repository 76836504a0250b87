"""Whose the keys in Redis are: nothing is written where they are somebody else's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from redis.exceptions import ResponseError

from streams.counters import KEPT_SECONDS
from streams.errors import EngineError
from streams.patience import Patience
from streams.redis_writer import fence_key
from streams.settings import Settings

#: A worker that has not reported for so long is gone.
_SILENT_SECONDS: Final = 5


async def mark_as_ours(redis: Any, settings: Settings, owners: Iterable[str], patience: Patience) -> None:
    """Mark the keys behind the prefix as upwell's, before anything is written.

    `owners` are all that may have written before, such as "shoppers:3": a Redis that was emptied may have what they
    wrote since, but no mark yet.

    Raises
    ------
    EngineError
        Redis refuses; the database has keys, none of them ours, and there is no prefix to keep them apart; workers of
        another application are at work behind the same prefix, which would write over what we write.
    """
    key = f"{settings.prefix}upwell"
    try:
        known = await patience.call(lambda: redis.get(key))
    except ResponseError as error:  # there is no database of that number, say
        raise EngineError(
            f"Redis at {settings.redis_place} will not have this worker ({error}): change UPWELL_REDIS."
        ) from None
    if known == mark(settings).encode():
        return
    if known is not None:
        await _refuse_those_at_work(redis, settings, known.decode().split()[0], patience)
    elif await patience.call(lambda: redis.exists(*(fence_key(settings.prefix, owner) for owner in owners))):
        return
    else:
        await _refuse_strangers(redis, settings, patience)
    await patience.call(lambda: redis.set(key, mark(settings)))


async def _refuse_strangers(redis: Any, settings: Settings, patience: Patience) -> None:
    keys = await patience.call(redis.dbsize)
    if keys and not settings.prefix:
        raise EngineError(
            f"The database at {settings.redis_place} holds {keys} keys that are not upwell's, so this worker stops: "
            "give it another database, or set UPWELL_PREFIX."
        )


async def _refuse_those_at_work(redis: Any, settings: Settings, application: str, patience: Patience) -> None:
    """A worker's counters are written all the time, and so expire as late as they can."""

    async def at_work() -> bool:
        reports = redis.scan_iter(f"{settings.prefix}worker:*", count=1000)
        # Older versions let theirs live for a day.
        return any(
            [KEPT_SECONDS - _SILENT_SECONDS <= await redis.ttl(report) <= KEPT_SECONDS async for report in reports]
        )

    if await patience.call(at_work):
        raise EngineError(
            f"Workers of application {application} write the keys at {settings.redis_place}, so this one of "
            f"{settings.application} stops: give it another database, or set UPWELL_PREFIX, or stop the others first."
        )


def mark(settings: Settings) -> str:
    """The value of the key `upwell`: application and version of the keys."""
    return f"{settings.application} 1"
