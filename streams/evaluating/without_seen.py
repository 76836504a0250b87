"""For items one takes only once, such as films: lists without what the person has had."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from online_models.evaluation import Recommends
from online_models.events import Event


class WithoutSeen:
    """Leaves out of the lists of another recommender everything its shopper has ever acted on.

    Parameters
    ----------
    engine
        Makes the lists; they should be a good deal longer than `length`.
    length
        What remains of them is cut to this.
    """

    def __init__(self, engine: Recommends, length: int) -> None:
        self.engine = engine
        self.length = length
        self._seen: defaultdict[str, set[str]] = defaultdict(set)

    def learn_many(self, events: Sequence[Event]) -> None:
        """Learn events, and remember who had what."""
        self.engine.learn_many(events)
        self._remember(events)

    def observe_many(self, events: Sequence[Event]) -> None:
        """Remember who had what, and learn nothing else from it."""
        self.engine.observe_many(events)
        self._remember(events)

    def recommend_one(self, user: str) -> list[tuple[str, float, str | None]]:
        """What to show a shopper now that is new to them."""
        seen = self._seen.get(user, ())
        return [entry for entry in self.engine.recommend_one(user) if entry[0] not in seen][: self.length]

    def _remember(self, events: Sequence[Event]) -> None:
        for event in events:
            self._seen[event.user_id].add(event.item_id)
