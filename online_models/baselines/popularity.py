"""The same list for everybody: what was acted on most often."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterator

from online_models.visits import Visit


class Popularity:
    """Counts actions over all time; always ranked.

    Parameters
    ----------
    length
        How many items `predict_one` scores.

    Examples
    --------
    >>> popularity = Popularity()
    >>> for item in ("lamp", "bulb", "bulb"):
    ...     popularity.learn_one(Visit("ada"), item)
    >>> popularity.predict_one(Visit("bob"))
    {'bulb': 2.0, 'lamp': 1.0}
    """

    def __init__(self, length: int = 100) -> None:
        self.length = length
        self._counts: Counter[str] = Counter()
        self._ranking: list[tuple[int, str]] = []  # (minus the count, item), ascending

    def learn_one(self, visit: Visit, item: str) -> None:
        """Count one action."""
        place = (-self._counts[item], item)
        if item in self._counts:
            del self._ranking[bisect_left(self._ranking, place)]
        self._counts[item] += 1
        insort(self._ranking, (-self._counts[item], item))

    def predict_one(self, visit: Visit) -> dict[str, float]:
        """The most popular items, best first."""
        return {item: -float(count) for count, item in self._ranking[: self.length]}

    def ranking(self) -> Iterator[str]:
        """All items, the most popular first, equally popular ones in the order of ids."""
        return (item for _, item in self._ranking)
