"""Who waits for a better list: shoppers that came before the models knew what goes with what they look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from online_models.compiled import Int32s
from online_models.vocabulary import Vocabulary

#: Shoppers that are looked at again at a time.
_MOST: Final = 500
_NOBODY: Final = np.zeros(0, np.int32)


class Waiting:
    """Shoppers of a partition whose list is empty, and those whose list holds no neighbours of their items.

    The first are looked at again with every micro-batch, in turn, until they have a list; the others once, when there
    is time.

    >>> users = Vocabulary()
    >>> waiting, codes = Waiting(users), users.codes(["ada", "bob", "eve"])
    >>> waiting.note(codes, np.array([0, 20, 20]), np.array([False, False, True]))
    >>> waiting.take(is_idle=False).tolist(), waiting.take(is_idle=True).tolist()
    ([0], [1])
    """

    def __init__(self, users: Vocabulary, empty: Iterable[str] = (), impersonal: Iterable[str] = ()) -> None:
        self._users = users
        self._empty = dict.fromkeys(_codes(users, empty))  # in turn, so that all are looked at
        self._impersonal = set(_codes(users, impersonal))

    def __bool__(self) -> bool:
        return bool(self._empty or self._impersonal)

    def names(self) -> Callable[[], tuple[list[str], list[str]]]:
        """Who they are now, as what makes them anew; the result looks up the names."""
        spelling = self._users.spelling()
        empty, impersonal = (np.fromiter(some, np.int32, len(some)) for some in (self._empty, self._impersonal))
        return lambda: (spelling.chosen(empty).names(), spelling.chosen(impersonal).names())

    def renumber(self, users: Vocabulary) -> None:
        """Shoppers have other codes than before."""
        empty, impersonal = self.names()()
        self._users = users
        self._empty, self._impersonal = dict.fromkeys(_codes(users, empty)), set(_codes(users, impersonal))

    def take(self, *, is_idle: bool) -> Int32s:
        """The codes of some of those who are to be looked at now; they wait no more, unless `note` says so again."""
        if not self._empty and not is_idle:
            return _NOBODY
        taken = list(islice(self._empty, _MOST))
        if is_idle:
            taken += islice(self._impersonal, _MOST - len(taken))
        self._forget(taken)
        return np.array(taken, np.int32)

    def note(
        self, codes: Int32s, lengths: Int32s, has_neighbours: NDArray[np.bool_], again: Int32s | None = None
    ) -> None:
        """Note what new lists hold; those looked at `again` wait on only if they got nothing."""
        is_poor = ~has_neighbours
        if not self and not is_poor.any():
            return
        known = codes.tolist()
        self._forget(known)
        for code, length in zip(codes[is_poor].tolist(), lengths[is_poor].tolist(), strict=True):
            if length:
                self._impersonal.add(code)
            else:
                self._empty[code] = None
        if again is not None:
            self._impersonal.difference_update(again.tolist())

    def _forget(self, codes: list[int]) -> None:
        self._impersonal.difference_update(codes)
        if self._empty:  # it hardly ever is anything
            for code in codes:
                self._empty.pop(code, None)


def _codes(users: Vocabulary, names: Iterable[str]) -> list[int]:
    """Those that are known."""
    return [code for code in users.known_codes(names).tolist() if code >= 0]
