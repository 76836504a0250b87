"""How good are the lists? Each next item is compared with the list made before it was known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from online_models.events import IMPRESSION, Event
from online_models.visits import Visits


class Recommends(Protocol):
    """What can be measured: `online_models.engine.Engine`, and baselines behind the same calls."""

    def learn_many(self, events: Sequence[Event]) -> None:
        """Learn events in their order."""

    def observe_many(self, events: Sequence[Event]) -> None:
        """Let sessions go on, and learn nothing from it."""

    def recommend_one(self, user: str) -> list[tuple[str, float, str | None]]:
        """What to show a shopper now: (item, score, because), best first."""


@dataclass(frozen=True)
class Prediction:
    """One list and what came: `position` is the place of the target in its session, counted from 0."""

    user: str
    position: int
    target: str
    items: list[str]

    @property
    def rank(self) -> int | None:
        """The place of the target in the list, from 1; None if it is not there."""
        return self.items.index(self.target) + 1 if self.target in self.items else None


@dataclass
class NextItemQuality:
    """Hit rate, mean reciprocal rank and coverage over the predictions so far.

    >>> quality = NextItemQuality()
    >>> quality.learn_one(Prediction("s", 1, "bulb", ["lamp", "bulb"]))
    >>> quality.learn_one(Prediction("s", 2, "sofa", ["lamp", "bulb"]))
    >>> quality.hit_rate, quality.mean_reciprocal_rank
    (0.5, 0.25)
    """

    predictions: int = 0
    hits: int = 0
    reciprocal_ranks: float = 0.0

    def __post_init__(self) -> None:
        self.shown: set[str] = set()

    def learn_one(self, prediction: Prediction) -> None:
        """Add one prediction."""
        self.predictions += 1
        self.shown.update(prediction.items)
        if prediction.rank is not None:
            self.hits += 1
            self.reciprocal_ranks += 1 / prediction.rank

    @property
    def hit_rate(self) -> float:
        """Share of targets that were in the list."""
        return self.hits / self.predictions if self.predictions else 0.0

    @property
    def mean_reciprocal_rank(self) -> float:
        """Mean of 1 / rank of the target, 0 where it was not in the list."""
        return self.reciprocal_ranks / self.predictions if self.predictions else 0.0

    def coverage(self, items: int) -> float:
        """Share of `items` known items that were in any list."""
        return len(self.shown) / items if items else 0.0


def next_item_predictions(
    engine: Recommends,
    events: Iterable[Event],
    *,
    learn: bool,
    session_starts: bool = False,
    gap_minutes: float = 30.0,
) -> Iterator[Prediction]:
    """Replay events in order; yield a prediction for each, made before the event is learned.

    Parameters
    ----------
    engine
        Makes the lists; with `learn` it also learns each event after it was predicted.
    events
        In the order they happened; impressions are observed but not predicted.
    session_starts
        Whether the first event of a session is predicted, too, from what the shopper did before; otherwise only those
        that go on with a session are.
    gap_minutes
        A session is over after this much event time without an action of its shopper.
    """
    histories = Visits(gap_minutes)
    for event in events:
        if event.code != IMPRESSION:
            user = event.user_id
            goes_on = histories.goes_on(user, event.ts)
            if goes_on or session_starts:
                items = [item for item, _, _ in engine.recommend_one(user)]
                yield Prediction(user, len(histories.of(user).items) if goes_on else 0, event.item_id, items)
            histories.learn_one(user, event.item_id, event.ts)
        (engine.learn_many if learn else engine.observe_many)([event])
