"""How long lists and learning take, in processor time: what else runs on the machine matters less."""

from __future__ import annotations

import time
from collections.abc import Sequence

from online_models.evaluation import Recommends
from online_models.events import Event


class Stopwatch:
    """Passes calls on to a recommender and adds up how long they take.

    Attributes
    ----------
    predicting, learning
        Seconds of processor time of the calling thread.
    predicted, learned
        How many lists and how many events.
    """

    def __init__(self, engine: Recommends) -> None:
        self.engine = engine
        self.predicting = self.learning = 0.0
        self.predicted = self.learned = 0

    def learn_many(self, events: Sequence[Event]) -> None:
        """Learn events, against the clock."""
        started = time.thread_time()
        self.engine.learn_many(events)
        self.learning += time.thread_time() - started
        self.learned += len(events)

    def observe_many(self, events: Sequence[Event]) -> None:
        """Observe events; nobody counts the time."""
        self.engine.observe_many(events)

    def recommend_one(self, user: str) -> list[tuple[str, float, str | None]]:
        """Make a list, against the clock."""
        started = time.thread_time()
        made = self.engine.recommend_one(user)
        self.predicting += time.thread_time() - started
        self.predicted += 1
        return made

    @property
    def events_per_second(self) -> float:
        """How fast events were learned; 0 if none was."""
        return self.learned / self.learning if self.learning else 0.0

    @property
    def ms_per_prediction(self) -> float:
        """Mean time to make a list; 0 if none was made."""
        return 1000 * self.predicting / self.predicted if self.predicted else 0.0
