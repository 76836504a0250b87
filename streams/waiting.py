"""Who waits for a better list: shoppers that came before the models knew what goes with what they look at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

#: Shoppers that are looked at again at a time.
_MOST: Final = 500


class Waiting:
    """Shoppers of a partition whose list is empty, and those whose list holds no neighbours of their items.

    The first are looked at again with every micro-batch until they have a list; the others once, when there is time.

    >>> waiting = Waiting()
    >>> waiting.note(["ada", "bob", "eve"], [0, 20, 20], [False, False, True])
    >>> sorted(waiting.take(is_idle=False)), sorted(waiting.take(is_idle=True))
    (['ada'], ['bob'])
    """

    def __init__(self, empty: Iterable[str] = (), impersonal: Iterable[str] = ()) -> None:
        self.empty = set(empty)
        self.impersonal = set(impersonal)

    def __bool__(self) -> bool:
        return bool(self.empty or self.impersonal)

    def take(self, *, is_idle: bool) -> list[str]:
        """Some of those who are to be looked at now; they wait no more, unless `note` says so again."""
        taken = list(islice(self.empty, _MOST))
        if is_idle:
            taken += islice(self.impersonal, _MOST - len(taken))
        self.empty.difference_update(taken)
        self.impersonal.difference_update(taken)
        return taken

    def note(
        self, users: Sequence[str], lengths: Sequence[int], has_neighbours: Sequence[bool], again: Iterable[str] = ()
    ) -> None:
        """Note what new lists hold; those looked at `again` wait on only if they got nothing."""
        self.empty.difference_update(users)
        self.impersonal.difference_update(users)
        self.empty.update(user for user, length in zip(users, lengths, strict=True) if not length)
        self.impersonal.update(user for user, found in zip(users, has_neighbours, strict=True) if not found)
        self.impersonal.difference_update(self.empty, again)
