"""Writes as calls of values.lua: a large one is cut into several, small ones of several partitions go into one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from streams.giving_way import give_way
from streams.quick_packing import Packed, packed_parts, packed_texts
from streams.values import NO_VALUES, Values

#: Keys in one call: Redis serves nobody else while a call runs, a tenth of a millisecond or so.
_FEW_KEYS: Final = 16
#: The more there is to write the larger the calls, as fewer of them take less time: about so many calls, until each
#: has as many keys as a backlog may put into one.
_CALLS: Final = 6
_MANY_KEYS: Final = 64
#: Keys in a call that several share.
_SHARED_KEYS: Final = 32


Offsets = tuple[int, ...]


class Call(NamedTuple):
    """Keys and arguments of values.lua, without those of the fences."""

    keys: Sequence[Packed] = ()
    values: Sequence[Any] = (0,)

    @property
    def has_strings(self) -> bool:
        """Whether it writes any."""
        return bool(self.values[0])


class Write(NamedTuple):
    """What is written in the name of a partition.

    Attributes
    ----------
    owner
        An agent's partition, such as "shoppers:3".
    strings, hashes
        As in `streams.outputs.Outputs`.
    reached
        Up to which offsets, in the order of the agent's topics, Redis has all that follows from them once this is
        written; None for where it is already.
    """

    owner: str
    strings: Values = NO_VALUES
    hashes: Values = NO_VALUES
    reached: Offsets | None = None

    @property
    def keys(self) -> int:
        """How many keys that makes."""
        return len(self.strings) + len(self.hashes)

    @property
    def is_small(self) -> bool:
        """Whether one call suffices."""
        return self.keys <= _FEW_KEYS

    def calls(self, prefix: str) -> Iterator[Call]:
        """One call after the other, at least one."""
        if self.is_small:
            yield one_call(prefix, [self])
            return
        at_once = min(max(_FEW_KEYS, self.keys // _CALLS), _MANY_KEYS)
        strings, bounds = len(self.strings), [*range(0, self.keys, at_once), self.keys]
        of_strings = [min(bound, strings) for bound in bounds]
        of_hashes = [max(bound - strings, 0) for bound in bounds]
        give_way()
        of_each = zip(*_parts(prefix, self.strings, of_strings), *_parts(prefix, self.hashes, of_hashes), strict=True)
        for string_keys, texts, hash_keys, hashed in of_each:
            yield Call([string_keys, hash_keys], [texts.count, texts, hashed])


def _parts(prefix: str, values: Values, bounds: Sequence[int]) -> tuple[list[Packed], list[Packed]]:
    """Keys and values as arguments, cut at bounds."""
    return packed_parts(prefix + values.kind, values.names, bounds), packed_parts("", values.values, bounds)


def one_call(prefix: str, writes: Sequence[Write]) -> Call:
    """All that several small writes write."""
    strings = [write.strings for write in writes if len(write.strings)]
    hashes = [write.hashes for write in writes if len(write.hashes)]
    if not strings and not hashes:
        return Call()
    keys = [packed_texts(prefix + part.kind, part.names) for part in (*strings, *hashes)]
    values = [packed_texts("", part.values) for part in (*strings, *hashes)]
    return Call(keys, [sum(map(len, strings)), *values])


def shared(writes: Sequence[Write]) -> Iterator[slice]:
    """Which of several small writes, one behind the other, go into one call.

    >>> few, more = [Write("shoppers:3", Values.of([(f"rec:{n}", b"1") for n in range(count)])) for count in (5, 15)]
    >>> list(shared([few, more, more, few]))
    [slice(0, 2, None), slice(2, 4, None)]
    """
    start = keys = 0
    for number, write in enumerate(writes):
        if keys + write.keys > _SHARED_KEYS:
            yield slice(start, number)
            start, keys = number, 0
        keys += write.keys
    if writes:
        yield slice(start, len(writes))
