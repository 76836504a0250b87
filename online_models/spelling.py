"""Ids as text in two arrays: how the names behind codes are copied in no time and kept in a checkpoint."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from online_models.compiled import Bytes, Int32s, Int64s
from online_models.uncounted import uncounted


class Ids(NamedTuple):
    """Ids somewhere in a text: the UTF-8 of number n is `text[starts[n]:ends[n]]`."""

    text: Bytes
    starts: Int64s
    ends: Int64s

    def chosen(self, places: Int64s | slice) -> Ids:
        """Some of them, in the same text."""
        return Ids(self.text, self.starts[places], self.ends[places])

    def spelling(self) -> Spelling:
        """The same ids end to end, without what lies between them."""
        ends = np.cumsum(self.ends - self.starts)
        text = np.zeros(int(ends[-1]) if len(ends) else 0, np.uint8)
        _gather(self.read_only(), text)
        return Spelling(text, ends)

    def read_only(self) -> Ids:
        """The same for a kernel: one that takes read-only texts only is compiled only once."""
        return self if not self.text.flags.writeable else self._replace(text=_read_only(self.text))


class Spelling(NamedTuple):
    """The ids of codes 0, 1, 2, …: `text` is their UTF-8 end to end, `ends` says where each one ends.

    >>> spelling = spelled(["lamp", "bulb", "chair"])
    >>> spelling.chosen(np.array([2, 0], np.int32)).names()
    ['chair', 'lamp']
    """

    text: Bytes
    ends: Int64s

    def chosen(self, codes: Int32s) -> Spelling:
        """The ids of some codes, in their order."""
        ends = np.empty(len(codes), np.int64)
        text = np.empty(_measure(codes, self.ends, ends), np.uint8)
        _copy(codes, _read_only(self.text), self.ends, text)
        return Spelling(text, ends)

    def part(self, start: int, end: int) -> Spelling:
        """Those from number `start` to before `end`, without a copy."""
        before = int(self.ends[start - 1]) if start > 0 else 0
        ends = self.ends[start:end]
        return Spelling(self.text[before : int(ends[-1]) if len(ends) else before], ends - before)

    def ids(self) -> Ids:
        """The same, with starts."""
        return Ids(self.text, np.concatenate([np.zeros(1, np.int64), self.ends[:-1]])[: len(self.ends)], self.ends)

    def names(self) -> list[str]:
        """The ids as strings."""
        text, ends = self.text.tobytes(), self.ends.tolist()
        return [text[start:end].decode() for start, end in zip([0, *ends[:-1]], ends, strict=True)] if ends else []


def _read_only(text: Bytes) -> Bytes:
    if not text.flags.writeable:
        return text
    view = text.view()
    view.flags.writeable = False
    return view


def spelled(names: Iterable[str]) -> Spelling:
    """The spelling of ids."""
    encoded = [name.encode() for name in names]
    ends = np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)))
    return Spelling(np.frombuffer(b"".join(encoded), np.uint8), ends)


@uncounted
def _measure(codes: Int32s, ends: Int64s, chosen: Int64s) -> int:
    """Note in `chosen` where each of the ids will end, end to end; return how long all are together."""
    length = 0
    for n in range(len(codes)):
        code = codes[n]
        length += ends[code] - (ends[code - 1] if code > 0 else 0)
        chosen[n] = length
    return length


@uncounted
def _copy(codes: Int32s, text: Bytes, ends: Int64s, out: Bytes) -> None:
    """Put the ids of codes end to end."""
    place = np.uint64(0)
    for n in range(len(codes)):
        code = codes[n]
        for k in range(np.uint64(ends[code - 1] if code > 0 else 0), np.uint64(ends[code])):
            out[place] = text[k]
            place += np.uint64(1)


@uncounted
def _gather(ids: Ids, out: Bytes) -> None:
    place = np.uint64(0)
    for n in range(np.uint64(len(ids.starts))):
        for k in range(np.uint64(ids.starts[n]), np.uint64(ids.ends[n])):
            out[place] = ids.text[k]
            place += np.uint64(1)
