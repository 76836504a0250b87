"""The whole engine in one process: what the agents do on Kafka and Redis, as plain calls.

Every line of the fold is the one the live workers run; only what connects the models differs. It is what notebooks
and `upwell evaluate` use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from online_models.compiled import Int32s
from online_models.distinct import Distinct
from online_models.events import Event
from online_models.histories import Histories
from online_models.item_partition import ItemPartitions
from online_models.recommendation import Neighbours, RecommendationSettings, Recommender
from online_models.reserve import long_enough
from online_models.shoppers import Shoppers, ShopperSettings
from online_models.similarity import ItemSimilarity, SimilaritySettings
from online_models.trending import Trending
from online_models.vocabulary import Vocabulary


@dataclass(frozen=True)
class EngineSettings:
    """Settings of the parts; `item_partitions` as the topic `covisits` has."""

    shoppers: ShopperSettings = field(default_factory=ShopperSettings)
    similarity: SimilaritySettings = field(default_factory=SimilaritySettings)
    recommendations: RecommendationSettings = field(default_factory=RecommendationSettings)
    item_partitions: int = 4


class Engine:
    """Learns events and recommends, with nothing in between.

    Examples
    --------
    >>> engine = Engine()
    >>> visits = [("ada", "lamp"), ("ada", "bulb"), ("bob", "lamp")]
    >>> engine.learn_many([
    ...     Event(event_id=str(n), type="view", user_id=user, item_id=item, ts=1000 * n)
    ...     for n, (user, item) in enumerate(visits)
    ... ])
    >>> engine.recommend_one("bob")
    [('bulb', 1.0, 'lamp')]
    """

    def __init__(self, settings: EngineSettings | None = None) -> None:
        self.settings = settings or EngineSettings()
        self.items = Vocabulary()
        self.shoppers = Shoppers(self.items, self.settings.shoppers)
        self.similarity = [
            ItemSimilarity(self.items, self.settings.similarity) for _ in range(self.settings.item_partitions)
        ]
        self.trending = Trending(self.items)
        self._owners = ItemPartitions(self.items, self.settings.item_partitions)
        self._recommender = Recommender(self.items, self.settings.recommendations)
        self._neighbours = Neighbours(self.items, self.settings.similarity.top)
        self._ranked = np.zeros(64, np.bool_)  # by item: whether its list in `_neighbours` is up to date
        self._distinct = Distinct()

    @staticmethod
    def warm_up() -> None:
        """Compile the kernels, or load them compiled, so that the first event does not wait for it."""
        engine = Engine()
        engine.learn_many([Event(event_id=str(n), type="view", user_id="a", item_id=str(n), ts=n) for n in range(3)])
        engine.recommend_one("a")

    def learn_many(self, events: Sequence[Event]) -> None:
        """Fold events into the shoppers and let the other models learn from them."""
        folded = self.shoppers.fold(events)
        increments = folded.increments
        owners = self._owners.of(increments.row)
        for owner, similarity in enumerate(self.similarity):
            similarity.learn_many(increments.chosen(np.flatnonzero(owners == owner)))
        self.trending.learn_many(*increments.actions())
        self._ranked[:] = False

    def observe_many(self, events: Sequence[Event]) -> None:
        """Fold events into the shoppers alone: their sessions go on, and no model learns from it."""
        counted = self.shoppers.shelves.returns.copy()
        self.shoppers.fold(events)
        self.shoppers.shelves.returns[:] = counted

    def recommend_one(self, user: str) -> list[tuple[str, float, str | None]]:
        """What to show a shopper now: (item, score, because), best first."""
        chosen = np.array([self.shoppers.code_one(user)], np.int32)
        histories = Histories.of([(chosen, self.shoppers.shelves)])
        self._refresh(self._distinct.among(self._recommender.recent_many(histories), len(self.items)))
        lists = self._recommender.predict_many(
            histories, self._neighbours, np.array([-1], np.int32), [self._trending_list()]
        )
        names = self.items.names
        return [
            (names[item], score, names[because] if because >= 0 else None)
            for item, score, because in zip(
                lists.items[0, : lists.lengths[0]].tolist(),
                lists.scores[0].tolist(),
                lists.because[0].tolist(),
                strict=False,
            )
        ]

    def _trending_list(self) -> tuple[Int32s, np.ndarray]:
        shares = self.trending.top_items()
        return np.array([code for code, _ in shares], np.int32), np.array([share for _, share in shares])

    def _refresh(self, items: Int32s) -> None:
        """Rank the neighbour lists that were not ranked since something was learned, which can change any list."""
        self._ranked = long_enough(self._ranked, len(self.items))
        stale = items[~self._ranked[items]]
        self._ranked[stale] = True
        owners = self._owners.of(stale)
        for owner, similarity in enumerate(self.similarity):
            chosen = stale[owners == owner]
            ids, scores, _, lengths = similarity.predict_many(chosen)
            self._neighbours.learn_many(chosen, ids, scores, lengths)
