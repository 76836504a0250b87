"""SR: items that come after an item, the sooner the more."""

from __future__ import annotations

from collections import defaultdict

from online_models.visits import Visit


class SequentialRules:
    """Adds 1 / distance for every earlier action of a session; scores what came after the newest item [1]_.

    Parameters
    ----------
    steps
        How far back in the session an item is still connected.

    References
    ----------
    .. [1] Ludewig, Jannach: Evaluation of session-based recommendation algorithms, UMUAI 28 (2018); defaults as in
       https://github.com/rn5l/session-rec, algorithms/baselines/sr.py

    Examples
    --------
    >>> rules = SequentialRules()
    >>> rules.learn_one(Visit("ada", 0, ["lamp", "sofa"]), "bulb")
    >>> rules.predict_one(Visit("bob", 1, ["lamp"]))
    {'bulb': 0.5}
    """

    def __init__(self, steps: int = 10) -> None:
        self.steps = steps
        self._after: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))

    def learn_one(self, visit: Visit, item: str) -> None:
        """Strengthen the rules from the last `steps` actions to this one."""
        for distance, earlier in enumerate(reversed(visit.items[-self.steps :]), 1):
            self._after[earlier][item] += 1 / distance

    def predict_one(self, visit: Visit) -> dict[str, float]:
        """How strongly items follow the newest one."""
        if not visit.items or visit.items[-1] not in self._after:
            return {}
        return dict(self._after[visit.items[-1]])
