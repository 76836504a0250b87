"""One write by itself, as agents make several at once."""

from __future__ import annotations

from typing import Any

from streams.redis_calls import Write
from streams.redis_writer import RedisWriter


async def write(writer: RedisWriter, owner: str, *what: Any, **named: Any) -> None:
    """Have values written in the name of a partition; `what` is what `Write` takes."""
    await writer.write_many([Write(owner, *what, **named)])
