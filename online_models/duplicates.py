"""Which event ids were seen before: a bounded memory of the most recent ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from online_models.compiled import Bytes, Int64s
from online_models.spare import Spare
from online_models.spelling import Ids, spelled
from online_models.uncounted import uncounted
from online_models.xxh64 import xxh64

Hashes = NDArray[np.uint64]

_SMALLEST: Final = 1024


class RecentIds:
    """Remembers at least the last `window` distinct ids, and at most twice as many.

    Ids are kept as 64-bit hashes (XXH64) in two generations: when the young one holds `window` ids it becomes the old
    one and the old one is forgotten. Memory grows with what was seen, up to 64 bytes per id of the window (32 where
    it is a power of two); two different ids among n are confused with a chance of n² / 2^65.

    Parameters
    ----------
    window
        How many distinct ids are remembered at the least.

    Examples
    --------
    >>> recent = RecentIds(window=1000)
    >>> recent.learn_many(["e1", "e2", "e1"]).tolist()
    [True, True, False]
    >>> recent.learn_many(["e2", "e3"]).tolist()
    [False, True]
    """

    def __init__(self, window: int = 1 << 20) -> None:
        self.window = window
        self.tables = _Tables(np.zeros(_SMALLEST, np.uint64), np.zeros(_SMALLEST, np.uint64), np.zeros(1, np.int64))

    def learn_many(self, ids: Iterable[str]) -> NDArray[np.bool_]:
        """Whether each id is new, in order; from then on it is not."""
        return self.learn_ids(spelled(ids).ids())

    def learn_ids(self, ids: Ids) -> NDArray[np.bool_]:
        """The same for ids in a text."""
        text, starts, ends = ids.read_only()
        new, digests = np.zeros(len(starts), np.bool_), np.empty(len(starts), np.uint64)
        done = 0
        while (done := _learn(done, text, starts, ends, new, digests, *self.tables, self.window)) < len(new):
            self._grow_or_rotate()
        return new

    def frozen(self, spare: Spare) -> dict[str, Hashes]:
        """Both generations as they are now; `packed` makes them small. The old one does not change any more."""
        return {"young": spare.copy("young", self.tables.young), "old": self.tables.old}

    @staticmethod
    def packed(frozen: Mapping[str, Hashes]) -> dict[str, Hashes]:
        """What `restored` needs: the hashes of each generation, without the gaps."""
        return {name: table[table != 0] for name, table in frozen.items()}

    @classmethod
    def restored(cls, window: int, state: Mapping[str, Hashes]) -> RecentIds:
        """The memory that a state was taken from."""
        recent = cls(window)
        young, old = _table(state["young"]), _table(state["old"])
        recent.tables = _Tables(young, old, np.array([len(state["young"])], np.int64))
        return recent

    def _grow_or_rotate(self) -> None:
        young, old, held = self.tables
        if held[0] >= self.window:
            self.tables = _Tables(np.zeros(len(young), np.uint64), young, np.zeros(1, np.int64))
            return
        larger = np.zeros(2 * len(young), np.uint64)
        _fill(young[young != 0], larger)
        self.tables = _Tables(larger, old, held)


class _Tables(NamedTuple):
    """Two open-addressing hash sets (0 marks a free place) and how many ids the young one holds."""

    young: Hashes
    old: Hashes
    held: Int64s


def _table(hashes: Hashes) -> Hashes:
    """A set of hashes, at most half full."""
    size = _SMALLEST
    while size < 2 * len(hashes):
        size *= 2
    table = np.zeros(size, np.uint64)
    _fill(hashes, table)
    return table


@uncounted
def _fill(hashes: Hashes, table: Hashes) -> None:
    for digest in hashes:
        table[_find(digest, table)] = digest


@uncounted
def _find(wanted: np.uint64, table: Hashes) -> np.uint64:
    """The place that holds `wanted`, or the free place where it belongs."""
    mask = np.uint64(len(table) - 1)
    place = wanted & mask
    while table[place] != 0 and table[place] != wanted:
        place = (place + np.uint64(1)) & mask
    return place


@uncounted
def _learn(
    done: int,
    text: Bytes,
    starts: Int64s,
    ends: Int64s,
    new: NDArray[np.bool_],
    digests: Hashes,
    young: Hashes,
    old: Hashes,
    held: Int64s,
    window: int,
) -> int:
    """Learn ids from number `done` on; return how many are done, fewer than all where the young have no more room.

    All are hashed first: in a loop as short as the second, the processor fetches what several of them need at once.
    """
    for i in range(np.uint64(done), np.uint64(len(starts))):
        digests[i] = max(xxh64(text, starts[i], ends[i]), np.uint64(1))  # 0 marks a free place
    for i in range(np.uint64(done), np.uint64(len(starts))):
        digest = digests[i]
        place = _find(digest, young)
        if young[place] != 0:
            continue
        if held[0] >= window or 2 * (held[0] + 1) > len(young):
            return np.int64(i)  # type: ignore[return-value]
        young[place] = digest
        held[0] += 1
        new[i] = old[_find(digest, old)] == 0
    return len(starts)
