"""Which settings recommend best? A replay is predicted and learned, event by event, once for every setting tried."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from online_models.compiled import Floats, Int64s
from online_models.engine import Engine, EngineSettings
from online_models.events import IMPRESSION, Event
from online_models.visits import Visits

#: Share of a replay that is learned before the first prediction.
_WARM: Final = 0.5
#: Share of the predictions, the earliest, by which settings are chosen; the later ones tell what the choice is worth.
_CHOOSING: Final = 0.6
_PORTION: Final = 4096
Values = Mapping[str, float]


@dataclass(frozen=True)
class Replay:
    """Events in the order they happened, and which of them are predicted.

    Attributes
    ----------
    name
        What to call it.
    events
        All of them are learned, in order; an event is predicted by what was learned before it.
    session_gap_minutes
        When a session is over.
    asked
        Numbers of the events that are predicted.
    """

    name: str
    events: Sequence[Event]
    session_gap_minutes: float
    asked: Int64s

    @classmethod
    def of(cls, name: str, events: Sequence[Event], session_gap_minutes: float, predictions: int) -> Replay:
        """Predict at most so many events of the second half, evenly spread: those on which shoppers move on to another
        item in a session."""
        visits, moves = Visits(session_gap_minutes), list[int]()
        for number, event in enumerate(events):
            if event.code != IMPRESSION:
                goes_on = visits.goes_on(event.user_id, event.ts)
                if goes_on and visits.of(event.user_id).items[-1] != event.item_id:
                    moves.append(number)
                visits.learn_one(event.user_id, event.item_id, event.ts)
        late = np.array([number for number in moves if number >= _WARM * len(events)], np.int64)
        chosen = np.unique(np.linspace(0, len(late) - 1, min(predictions, len(late))).astype(np.int64))
        return cls(name, events, session_gap_minutes, late[chosen])

    @property
    def is_choosing(self) -> NDArray[np.bool_]:
        """Shape (n,): whether settings are chosen by a prediction; the others confirm the choice."""
        return np.arange(len(self.asked)) < _CHOOSING * len(self.asked)

    def shoppers(self, *, choosing: bool) -> Int64s:
        """Shape (n,): by whom the predictions are that choose, or that confirm: 0, 1, 2, …"""
        asked = self.asked[self.is_choosing == choosing].tolist()
        return np.unique([self.events[number].user_id for number in asked], return_inverse=True)[1]


@dataclass(frozen=True)
class Trial:
    """One set of values, tried: per replay an array of shape (n, 2), of hit (0 or 1) and reciprocal rank."""

    values: Values
    scores: list[Floats]


@dataclass(frozen=True)
class Comparison:
    """Two trials on the same predictions, averaged over the replays.

    Attributes
    ----------
    current, best
        Hit rate and mean reciprocal rank of both.
    gain
        By how much hit rate plus mean reciprocal rank is higher.
    standard_error
        Of the gain; paired, and predictions of one shopper count as one observation.
    """

    current: tuple[float, float]
    best: tuple[float, float]
    gain: float
    standard_error: float

    @property
    def is_noise(self) -> bool:
        """Whether the gain is less than two standard errors."""
        return self.gain < 2 * self.standard_error or self.gain <= 0.0


def tried(
    values: Values,
    replays: Sequence[Replay],
    settings: Callable[[Values], EngineSettings],
    note: Callable[[], None] = lambda: None,
) -> Trial:
    """Replay everything with the `settings` that `values` stand for; `note` is called now and then."""
    return Trial(values, [_scores(replay, settings(values), note) for replay in replays])


def _scores(replay: Replay, settings: EngineSettings, note: Callable[[], None]) -> Floats:
    engine = Engine(
        replace(settings, shoppers=replace(settings.shoppers, session_gap_minutes=replay.session_gap_minutes))
    )
    scores = np.zeros((len(replay.asked), 2))
    learned = 0
    for n, place in enumerate(replay.asked.tolist()):
        for start in range(learned, place, _PORTION):
            engine.learn_many(replay.events[start : min(start + _PORTION, place)])
        learned = place
        event = replay.events[place]
        items = [item for item, _, _ in engine.recommend_one(event.user_id)]
        if event.item_id in items:
            scores[n] = 1.0, 1.0 / (items.index(event.item_id) + 1)
        if n % 100 == 0:
            note()
    return scores


def compared(current: Trial, best: Trial, replays: Sequence[Replay], *, choosing: bool) -> Comparison:
    """Compare two trials on the predictions by which settings are chosen, or on those that confirm the choice."""
    means: list[Floats] = []
    gains, errors = [], []
    for replay, before, after in zip(replays, current.scores, best.scores, strict=True):
        places = np.flatnonzero(replay.is_choosing == choosing)
        means.append(np.array([before[places].mean(axis=0), after[places].mean(axis=0)]))
        gain = (after[places] - before[places]).sum(axis=1)
        gains.append(float(gain.mean()))
        errors.append(_standard_error(gain, replay.shoppers(choosing=choosing)))
    overall = np.mean(means, axis=0)
    return Comparison(
        (float(overall[0, 0]), float(overall[0, 1])),
        (float(overall[1, 0]), float(overall[1, 1])),
        float(np.mean(gains)),
        float(np.linalg.norm(errors)) / len(errors),
    )


def _standard_error(gain: Floats, shoppers: Int64s) -> float:
    """Of a mean, where predictions of one shopper are one observation; of a single one nothing can be told."""
    sums = np.bincount(shoppers, gain - gain.mean())
    many = len(sums)
    return sqrt(float((sums**2).sum()) * many / (many - 1)) / len(gain) if many > 1 else inf


def search(
    current: Trial,
    grid: Mapping[str, Sequence[float]],
    replays: Sequence[Replay],
    attempt: Callable[[Values], Trial],
    is_over: Callable[[], bool],
) -> list[Trial]:
    """Coordinate descent from the current values, along one setting at a time; return the trials that won, in order.

    A step to the next value of the `grid` is taken if it gains more than one standard error, by the predictions that
    are for choosing. It ends when no step does, or when time `is_over`.
    """
    won, known = [current], {_key(current.values): current}
    moved = True
    while moved:
        moved = False
        for name in grid:
            for direction in (-1, 1):
                while not is_over():
                    value = _next(grid[name], won[-1].values[name], direction)
                    if value is None:
                        break
                    values = {**won[-1].values, name: value}
                    trial = known[_key(values)] if _key(values) in known else attempt(values)
                    known[_key(values)] = trial
                    step = compared(won[-1], trial, replays, choosing=True)
                    if step.gain <= step.standard_error:
                        break
                    won.append(trial)
                    moved = True
    return won


def _key(values: Values) -> tuple[float, ...]:
    return tuple(values.values())


def _next(choices: Sequence[float], value: float, direction: int) -> float | None:
    """The nearest choice above or below a value; None if there is none."""
    beyond = [choice for choice in choices if (choice - value) * direction > 0]
    return min(beyond, key=lambda choice: abs(choice - value), default=None)
