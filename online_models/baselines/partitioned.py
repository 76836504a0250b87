"""Several copies of a baseline, each of which sees only its own share of the shoppers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from zlib import crc32

from online_models.baselines.baseline import Baseline
from online_models.visits import Visit


class Partitioned:
    """What a model costs in quality that is local to a partition of shoppers: all partitions are kept and asked.

    Parameters
    ----------
    make
        Gives a new baseline, one for each partition.
    partitions
        How many; each shopper belongs to one, by a hash of the id.

    Examples
    --------
    >>> from online_models.baselines import SequentialRules
    >>> rules = Partitioned(SequentialRules, 2)
    >>> rules.learn_one(Visit("ada", 0, ["lamp"]), "bulb")
    >>> [dict(rules.predict_one(Visit(user, 1, ["lamp"]))) for user in ("ada", "dan", "eve")]
    [{'bulb': 1.0}, {}, {'bulb': 1.0}]
    """

    def __init__(self, make: Callable[[], Baseline], partitions: int) -> None:
        self.parts = [make() for _ in range(partitions)]

    def learn_one(self, visit: Visit, item: str) -> None:
        """Let the shopper's partition learn."""
        self._of(visit).learn_one(visit, item)

    def predict_one(self, visit: Visit) -> Mapping[str, float]:
        """Ask the shopper's partition."""
        return self._of(visit).predict_one(visit)

    def _of(self, visit: Visit) -> Baseline:
        return self.parts[crc32(visit.user.encode()) % len(self.parts)]
