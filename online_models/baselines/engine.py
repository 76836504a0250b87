"""A baseline behind the calls of the engine, so that both are measured by the same lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import islice

from online_models.baselines.baseline import Baseline, ranked
from online_models.baselines.popularity import Popularity
from online_models.engine import EngineSettings
from online_models.events import ADD_TO_CART, IMPRESSION, PURCHASE, REMOVE_FROM_CART, Event
from online_models.visits import Visits


class BaselineEngine:
    """Learns events and recommends, under the rules of `online_models.engine.Engine`.

    The switches for the current item and for what is owned are the engine's, and so is the pause that ends a session.
    What a baseline leaves empty of a list is filled with what is popular, as the engine fills with what trends.

    Parameters
    ----------
    baseline
        Scores what may come next.
    settings
        Those of the engine it is compared with; what only the engine has is passed over.

    Examples
    --------
    >>> from online_models.baselines import SequentialRules
    >>> engine = BaselineEngine(SequentialRules())
    >>> visits = [("ada", "lamp"), ("ada", "bulb"), ("bob", "lamp")]
    >>> engine.learn_many([
    ...     Event(event_id=str(n), type="view", user_id=user, item_id=item, ts=1000 * n)
    ...     for n, (user, item) in enumerate(visits)
    ... ])
    >>> engine.recommend_one("bob")
    [('bulb', 1.0, None)]
    """

    def __init__(self, baseline: Baseline, settings: EngineSettings | None = None) -> None:
        self.baseline = baseline
        self.settings = settings or EngineSettings()
        self._popularity = Popularity()
        self._histories = Visits(self.settings.shoppers.session_gap_minutes)
        self._owned: defaultdict[str, set[str]] = defaultdict(set)

    def learn_many(self, events: Sequence[Event]) -> None:
        """Learn events one after the other."""
        for event in events:
            if event.code != IMPRESSION:
                visit = self._histories.at(event.user_id, event.ts)
                self.baseline.learn_one(visit, event.item_id)
                self._popularity.learn_one(visit, event.item_id)
            self._remember(event)

    def observe_many(self, events: Sequence[Event]) -> None:
        """Let sessions go on, and learn nothing from it."""
        for event in events:
            self._remember(event)

    def recommend_one(self, user: str) -> list[tuple[str, float, str | None]]:
        """What to show a shopper now: (item, score, None), best first; fillers score 0."""
        rules = self.settings.recommendations
        visit = self._histories.of(user)
        skip = set(self._owned.get(user, ())) if rules.skip_owned else set()
        if rules.skip_current and visit.items:
            skip.add(visit.items[-1])
        best = ranked(self.baseline.predict_one(visit), rules.length, skip)
        if len(best) < rules.length:
            skip.update(item for item, _ in best)
            fillers = (item for item in self._popularity.ranking() if item not in skip)
            best += [(item, 0.0) for item in islice(fillers, rules.length - len(best))]
        return [(item, score, None) for item, score in best]

    def _remember(self, event: Event) -> None:
        if event.code == IMPRESSION:
            return
        self._histories.learn_one(event.user_id, event.item_id, event.ts)
        if event.code in (ADD_TO_CART, PURCHASE):
            self._owned[event.user_id].add(event.item_id)
        elif event.code == REMOVE_FROM_CART:
            self._owned[event.user_id].discard(event.item_id)
