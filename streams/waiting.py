"""Who waits for a better list: shoppers that came before the models knew what goes with what they look at."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from online_models.compiled import Int32s
from online_models.reserve import long_enough
from online_models.vocabulary import Vocabulary

#: Shoppers that are looked at again at a time.
_MOST: Final = 500


class Waiting:
    """Shoppers of a partition whose list is empty, and those whose list holds no neighbours of their items.

    The first are looked at again with every micro-batch until they have a list; the others once, when there is time.

    >>> users = Vocabulary()
    >>> waiting, codes = Waiting(users), users.codes(["ada", "bob", "eve"])
    >>> waiting.note(codes, np.array([0, 20, 20]), np.array([False, False, True]))
    >>> sorted(waiting.take(is_idle=False)), sorted(waiting.take(is_idle=True))
    (['ada'], ['bob'])
    """

    def __init__(self, users: Vocabulary, empty: Iterable[str] = (), impersonal: Iterable[str] = ()) -> None:
        self.empty = set(empty)
        self.impersonal = set(impersonal)
        self.renumber(users)

    def __bool__(self) -> bool:
        return bool(self.empty or self.impersonal)

    def renumber(self, users: Vocabulary) -> None:
        """Shoppers have other codes than before."""
        self._users = users
        self._may_wait = np.zeros(64, np.bool_)  # by code; most are not, and their names are not looked up
        self._mark(users.known_codes(sorted(self.empty | self.impersonal)))

    def take(self, *, is_idle: bool) -> list[str]:
        """Some of those who are to be looked at now; they wait no more, unless `note` says so again."""
        taken = list(islice(self.empty, _MOST))
        if is_idle:
            taken += islice(self.impersonal, _MOST - len(taken))
        self.empty.difference_update(taken)
        self.impersonal.difference_update(taken)
        return taken

    def note(
        self, codes: Int32s, lengths: Int32s, has_neighbours: NDArray[np.bool_], again: Int32s | None = None
    ) -> None:
        """Note what new lists hold; those looked at `again` wait on only if they got nothing."""
        is_poor = (lengths == 0) | ~has_neighbours
        self._may_wait = long_enough(self._may_wait, len(self._users))
        some = np.flatnonzero(is_poor | self._may_wait[codes])
        if not len(some):
            return
        names = self._users.names_of(codes[some])
        self.empty.difference_update(names)
        self.impersonal.difference_update(names)
        self.empty.update(name for name, length in zip(names, lengths[some].tolist(), strict=True) if not length)
        self.impersonal.update(name for name, poor in zip(names, is_poor[some].tolist(), strict=True) if poor)
        self.impersonal.difference_update(self.empty, [] if again is None else self._users.names_of(again))
        self._may_wait[codes[some]] = False
        self._mark(codes[is_poor])

    def _mark(self, codes: Int32s) -> None:
        self._may_wait = long_enough(self._may_wait, len(self._users))
        self._may_wait[codes[codes >= 0]] = True
