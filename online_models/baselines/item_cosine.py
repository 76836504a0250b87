"""Item-to-item collaborative filtering: items that the same people have had."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import islice

from online_models.visits import Visit


class ItemCosine:
    """The cosine of the sets of people who have had two items, kept up to date person by person [1]_ [2]_.

    Knows no sessions: what somebody has had counts once, whenever it was. An item scores the sum of its similarities
    to what the person has had.

    Parameters
    ----------
    linked
        How many of a person's newest items are connected with a new one, and are asked when predicting.

    References
    ----------
    .. [1] Papagelis et al.: Incremental collaborative filtering for highly-scalable recommendation algorithms, 2005.
    .. [2] Huang et al.: TencentRec, real-time stream recommendation in practice, SIGMOD 2015; there the "linked time".

    Examples
    --------
    >>> cosine = ItemCosine()
    >>> cosine.learn_one(Visit("ada"), "lamp")
    >>> cosine.learn_one(Visit("ada", own={"lamp": None}), "bulb")
    >>> cosine.learn_one(Visit("bob"), "bulb")
    >>> {item: round(score, 4) for item, score in cosine.predict_one(Visit("eve", own={"lamp": None})).items()}
    {'bulb': 0.7071}
    """

    def __init__(self, linked: int = 50) -> None:
        self.linked = linked
        self._people: Counter[str] = Counter()
        self._both: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def learn_one(self, visit: Visit, item: str) -> None:
        """Count one more person for the item, and for its pairs, unless the person has had it before."""
        if item in visit.own:
            return
        self._people[item] += 1
        for other in islice(reversed(visit.own), self.linked):
            self._both[item][other] += 1
            self._both[other][item] += 1

    def predict_one(self, visit: Visit) -> dict[str, float]:
        """Sums of similarities."""
        scores: defaultdict[str, float] = defaultdict(float)
        for own in islice(reversed(visit.own), self.linked):
            for item, both in self._both[own].items() if own in self._both else ():
                scores[item] += both / math.sqrt(self._people[own] * self._people[item])
        return scores
