"""AR: items that occur in one session, whatever the order."""

from __future__ import annotations

from collections import Counter, defaultdict

from online_models.visits import Visit


class AssociationRules:
    """Counts pairs of actions in one session; scores what was together with the newest item.

    Every action makes a pair with every earlier one of its session, in both directions, also with one on the same
    item, as in session-rec [1]_. That keeps the 20 best rules of an item when all is learned; here none is dropped.

    References
    ----------
    .. [1] https://github.com/rn5l/session-rec, algorithms/baselines/ar.py

    Examples
    --------
    >>> rules = AssociationRules()
    >>> rules.learn_one(Visit("ada", 0, ["lamp", "sofa"]), "bulb")
    >>> rules.predict_one(Visit("bob", 1, ["bulb"]))
    {'lamp': 1.0, 'sofa': 1.0}
    """

    def __init__(self) -> None:
        self._together: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def learn_one(self, visit: Visit, item: str) -> None:
        """Count the pairs of this action and the earlier ones of the session."""
        for earlier in visit.items:
            self._together[earlier][item] += 1
            self._together[item][earlier] += 1

    def predict_one(self, visit: Visit) -> dict[str, float]:
        """How often items were together with the newest one."""
        if not visit.items or visit.items[-1] not in self._together:
            return {}
        return {item: float(count) for item, count in self._together[visit.items[-1]].items()}
