"""One contender, one split, one row of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from online_models.evaluation import NextItemQuality, Prediction, Recommends, next_item_predictions
from online_models.events import Event
from streams.evaluating.footprint import bytes_of
from streams.evaluating.stopwatch import Stopwatch

_BATCH = 4096


@dataclass(frozen=True)
class Split:
    """What is learned and what is predicted.

    Attributes
    ----------
    title
        What it is called in the table.
    train, test
        Learned only; predicted.
    learn
        Whether each event of `test` is learned after its prediction.
    session_starts
        Whether the first event of a session is predicted, too.
    gap_minutes
        The pause that ends a session.
    """

    title: str
    train: Sequence[Event]
    test: Sequence[Event]
    learn: bool
    session_starts: bool
    gap_minutes: float

    def items(self) -> int:
        """How many different items there are."""
        return len({event.item_id for part in (self.train, self.test) for event in part})


@dataclass
class Row:
    """What came of it.

    Attributes
    ----------
    hits
        A byte per prediction, in order: 1 if the target was in the list.
    state_bytes
        What the models hold in memory at the end.
    """

    name: str
    items: int
    quality: NextItemQuality = field(default_factory=NextItemQuality)
    hits: bytearray = field(default_factory=bytearray)
    ms_per_prediction: float = 0.0
    events_per_second: float = 0.0
    state_bytes: int = 0

    def as_dict(self) -> dict[str, float]:
        """The figures, for a program to read."""
        return {
            "predictions": self.quality.predictions,
            "hr": round(self.quality.hit_rate, 6),
            "mrr": round(self.quality.mean_reciprocal_rank, 6),
            "coverage": round(self.quality.coverage(self.items), 6),
            "ms_per_prediction": round(self.ms_per_prediction, 4),
            "events_per_second": round(self.events_per_second),
            "state_bytes": self.state_bytes,
        }


def measured(
    name: str,
    engine: Recommends,
    split: Split,
    *,
    advance: Callable[[int], object] = lambda events: None,
    note: Callable[[Prediction], object] = lambda prediction: None,
) -> Row:
    """Learn and predict, and return the row.

    Parameters
    ----------
    name, engine
        What to measure, new.
    split
        What it learns and predicts.
    advance, note
        Called with the number of events done since the last call, and with every prediction.
    """
    row, stopwatch = Row(name, split.items()), Stopwatch(engine)
    for start in range(0, len(split.train), _BATCH):
        stopwatch.learn_many(split.train[start : start + _BATCH])
        advance(len(split.train[start : start + _BATCH]))

    made = next_item_predictions(
        stopwatch,
        _counted(split.test, advance),
        learn=split.learn,
        session_starts=split.session_starts,
        gap_minutes=split.gap_minutes,
    )
    for prediction in made:
        row.quality.learn_one(prediction)
        row.hits.append(prediction.rank is not None)
        note(prediction)
    row.ms_per_prediction, row.events_per_second = stopwatch.ms_per_prediction, stopwatch.events_per_second
    row.state_bytes = bytes_of(engine)
    return row


def _counted(events: Sequence[Event], advance: Callable[[int], object]) -> Iterator[Event]:
    for event in events:
        yield event
        advance(1)
