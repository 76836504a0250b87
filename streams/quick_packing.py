"""Commands for Redis with thousands of arguments, packed without an object for each.

redis-py packs arguments one by one, with several checks each.
Protocol: https://redis.io/docs/latest/develop/reference/protocol-spec/.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np

from online_models.compiled import Bytes, Int64s, compiled
from online_models.spelling import Spelling
from streams.number_text import put_bytes, put_integer

#: `$`, the digits of a length, and two line ends.
_AROUND: Final = 1 + 19 + 4


class Packed(msgspec.Struct, frozen=True, gc=False):
    """Several arguments as Redis reads them."""

    data: bytes | memoryview
    count: int

    def __str__(self) -> str:
        """For messages about a command that failed: what shoppers do is nobody's business there."""
        return f"({self.count} arguments)"


def packed(arguments: Iterable[bytes | str | int | Packed]) -> bytes:
    """A command as Redis reads it.

    >>> packed(("MGET", b"a", "b", 7))
    b'*4\\r\\n$4\\r\\nMGET\\r\\n$1\\r\\na\\r\\n$1\\r\\nb\\r\\n$1\\r\\n7\\r\\n'
    """
    count, parts = 0, list[bytes | memoryview]([b""])
    for argument in arguments:
        if type(argument) is Packed:
            count += argument.count
            parts.append(argument.data)
            continue
        count += 1
        value = argument if type(argument) is bytes else str(argument).encode()
        parts += b"$%d\r\n" % len(value), value, b"\r\n"
    parts[0] = b"*%d\r\n" % count
    return b"".join(parts)


def packed_texts(before: str, texts: Spelling) -> Packed:
    """An argument for each of the texts, with the same words before each.

    >>> from online_models.spelling import spelled
    >>> bytes(packed_texts("rec:", spelled(["ada", "bob"])).data)
    b'$7\\r\\nrec:ada\\r\\n$7\\r\\nrec:bob\\r\\n'
    """
    return packed_parts(before, texts, [0, len(texts.ends)])[0]


def packed_parts(before: str, texts: Spelling, bounds: Sequence[int]) -> list[Packed]:
    """The same in parts: one with the texts from each of the bounds to before the next."""
    n, words = len(texts.ends), np.frombuffer(before.encode(), np.uint8)
    out = np.empty((int(texts.ends[-1]) if n else 0) + n * (len(words) + _AROUND), np.uint8)
    text = texts.text.view()
    text.flags.writeable = False
    ends = np.zeros(n + 1, np.int64)
    _pack(words, text, texts.ends, out, ends)
    data, places = out.data, ends[bounds].tolist()
    cuts = zip(pairwise(places), pairwise(bounds), strict=True)
    return [Packed(data[start:end], last - first) for (start, end), (first, last) in cuts]


@compiled
def _pack(words: Bytes, text: Bytes, ends: Int64s, out: Bytes, out_ends: Int64s) -> None:
    """Write the arguments, and behind the first of `out_ends` where each of them ends."""
    at = start = 0
    for n in range(len(ends)):
        out[at] = 36  # $
        at = put_integer(len(words) + ends[n] - start, at + 1, out)
        at = _line_end(at, out)
        at = put_bytes(words, 0, len(words), at, out)
        out_ends[n + 1] = at = _line_end(put_bytes(text, start, ends[n], at, out), out)
        start = ends[n]


@compiled
def _line_end(at: int, out: Bytes) -> int:
    out[at], out[at + 1] = 13, 10
    return at + 2
