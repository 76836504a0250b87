"""How good are the lists? Each next item of a session is compared with the list made before it was known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from online_models.engine import Engine
from online_models.events import EVENT_CODES, IMPRESSION, Event


@dataclass(frozen=True)
class Prediction:
    """One list and what came: `position` is the place of the target in its session, counted from 0."""

    session: str
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
    engine: Engine, events: Iterable[Event], *, learn: bool, clock: Callable[[], None] = lambda: None
) -> Iterator[Prediction]:
    """Replay events in order; yield a prediction for each that goes on with a session.

    Parameters
    ----------
    engine
        Makes the lists; with `learn` it also learns each event after it was predicted.
    events
        In the order they happened; impressions are observed but not predicted.
    clock
        Called right before and right after each list is made, for whoever measures the time.
    """
    gap_ms = int(engine.settings.shoppers.session_gap_minutes * 60_000)
    last_seen: dict[str, int] = {}
    positions: dict[str, int] = {}
    for event in events:
        if EVENT_CODES[event.type] != IMPRESSION:
            user = event.user_id
            goes_on = user in last_seen and event.ts - last_seen[user] <= gap_ms
            positions[user] = positions[user] + 1 if goes_on else 0
            last_seen[user] = max(event.ts, last_seen.get(user, event.ts))
            if goes_on:
                clock()
                items = [item for item, _, _ in engine.recommend_one(user)]
                clock()
                yield Prediction(user, positions[user], event.item_id, items)
        (engine.learn_many if learn else engine.observe_many)([event])
