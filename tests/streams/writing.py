"""One write by itself, as agents make several at once, and hashes as they make them."""

from __future__ import annotations

from itertools import chain
from typing import Any

import msgspec

from streams.redis_calls import Write
from streams.redis_writer import RedisWriter


async def write(writer: RedisWriter, owner: str, *what: Any, **named: Any) -> None:
    """Have values written in the name of a partition; `what` is what `Write` takes."""
    await writer.write_many([Write(owner, *what, **named)])


def of_hash(whole: dict[str, Any], *changed: str) -> bytes:
    """The value of a hash: its fields, and which of them changed."""
    some = ({name: whole[name] for name in changed}, whole)
    return b"".join(msgspec.msgpack.encode([*chain.from_iterable(fields.items())]) for fields in some)
