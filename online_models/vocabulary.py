"""Ids, of items or of shoppers, as small integers, so that the models can work on arrays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from online_models.compiled import Bytes, Int32s, Int64s
from online_models.reserve import long_enough
from online_models.spelling import Ids, Spelling, spelled
from online_models.uncounted import uncounted
from online_models.vocabulary_kernel import Hashes, fill, learn, look_up

_FREE: Final = -1
_SMALLEST: Final = 128


class _Table(NamedTuple):
    """All ids, and a hash table over them.

    Attributes
    ----------
    text, ends, hashes
        By code: the UTF-8 of all ids end to end, where each one ends, and its XXH64.
    slots
        Open addressing: codes, at most half of the places taken.
    known
        Shape (1,): how many ids there are; the other arrays are longer than that.
    """

    text: Bytes
    ends: Int64s
    hashes: Hashes
    slots: Int32s
    known: Int64s


class Vocabulary:
    """Gives every id a code: 0, 1, 2, … in order of first appearance.

    Models keep codes and never see the strings; kernels that need the text (to break ties by id, to write JSON)
    read its UTF-8 bytes from `text[ends[code - 1]:ends[code]]`.

    >>> vocabulary = Vocabulary()
    >>> vocabulary.codes(["lamp", "chair", "lamp"]).tolist()
    [0, 1, 0]
    >>> vocabulary.names[1], len(vocabulary)
    ('chair', 2)
    """

    def __init__(self) -> None:
        self._table = _Table(
            text=np.zeros(1024, np.uint8),
            ends=np.zeros(_SMALLEST // 2, np.int64),
            hashes=np.zeros(_SMALLEST // 2, np.uint64),
            slots=np.full(_SMALLEST, _FREE, np.int32),
            known=np.zeros(1, np.int64),
        )
        self._names: list[str] = []

    def __len__(self) -> int:
        return int(self._table.known[0])

    def __contains__(self, name: str) -> bool:
        return int(self.known_codes([name])[0]) >= 0

    @property
    def text(self) -> Bytes:
        """All ids as UTF-8, end to end, and room for more."""
        return self._table.text

    @property
    def ends(self) -> Int64s:
        """Where each id ends in `text`; longer than there are ids."""
        return self._table.ends

    @property
    def names(self) -> list[str]:
        """All ids by code; kept from then on. Where few are needed of many, `names_of` needs no memory."""
        if len(self._names) < len(self):
            self._names += self.names_of(np.arange(len(self._names), len(self)))
        return self._names

    def names_of(self, codes: NDArray[np.integer]) -> list[str]:
        """The ids of some codes."""
        return self.spelling().chosen(codes.astype(np.int32)).names()

    def code(self, name: str) -> int:
        """The code of one id; a new id gets the next one."""
        return int(self.codes([name])[0])

    def codes(self, names: Iterable[str]) -> Int32s:
        """The codes of many ids, in their order; new ids get the next ones."""
        return self.codes_of(spelled(names).ids())

    def codes_of(self, ids: Ids) -> Int32s:
        """The same for ids in a text."""
        text, starts, ends = ids.read_only()
        codes, digests, done = np.empty(len(starts), np.int32), np.empty(len(starts), np.uint64), 0
        while (done := learn(done, text, starts, ends, codes, digests, *self._table)) < len(codes):
            self._make_room(int(ends[done] - starts[done]))
        return codes

    def known_codes(self, names: Iterable[str]) -> Int32s:
        """The codes of many ids, -1 for those that have none."""
        text, starts, ends = spelled(names).ids().read_only()
        codes = np.empty(len(starts), np.int32)
        look_up(text, starts, ends, codes, np.empty(len(starts), np.uint64), *self._table[:-1])
        return codes

    def spelling(self) -> Spelling:
        """All ids as they are now, without a copy: what is there never changes, there is only more."""
        ends = self.ends[: len(self)]
        return Spelling(self.text[: int(ends[-1]) if len(ends) else 0], ends)

    def _make_room(self, length: int) -> None:
        """For one more id of so many bytes."""
        table, count = self._table, len(self)
        end = int(table.ends[count - 1]) if count else 0
        slots = table.slots
        if 2 * (count + 1) > len(slots):
            slots = np.full(2 * len(slots), _FREE, np.int32)
            fill(table.hashes[:count], slots)
        self._table = _Table(
            text=long_enough(table.text, end + length),
            ends=long_enough(table.ends, count + 1),
            hashes=long_enough(table.hashes, count + 1),
            slots=slots,
            known=table.known,
        )


@uncounted
def comes_before(text: Bytes, ends: Int64s, a: int, b: int) -> bool:
    """Whether the id with code `a` sorts before the id with code `b`, as Python sorts the strings."""
    start_a = ends[a - 1] if a > 0 else 0
    start_b = ends[b - 1] if b > 0 else 0
    length_a = ends[a] - start_a
    length_b = ends[b] - start_b
    for i in range(min(length_a, length_b)):
        if text[start_a + i] != text[start_b + i]:
            return bool(text[start_a + i] < text[start_b + i])
    return bool(length_a < length_b)
