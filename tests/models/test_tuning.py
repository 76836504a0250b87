"""Tuning: what is predicted, without a look ahead; what a step takes; what is noise."""

from __future__ import annotations

import numpy as np
import pytest

from online_models.engine import EngineSettings
from online_models.recommendation import RecommendationSettings
from online_models.tuning import Replay, Trial, Values, compared, search, tried
from tests.models.event_streams import event, views

GAP = 30.0


def settings(values: Values) -> EngineSettings:
    return EngineSettings(recommendations=RecommendationSettings(step_weight=values["step_weight"]))


def replay_of(predictions: int, name: str = "a") -> Replay:
    """A replay of as many predictions, each by a shopper of its own."""
    visits = [event(n, f"user {n}", "lamp", n) for n in range(predictions)]
    return Replay(name, visits, GAP, np.arange(predictions))


def trial(step_weight: float, hits: list[float]) -> Trial:
    return Trial({"step_weight": step_weight}, [np.stack([np.array(hits), np.zeros(len(hits))], axis=1)])


def test_moves_to_another_item_in_the_second_half_are_predicted() -> None:
    visits = [
        *(event(n, "ada", f"lamp {n}", n) for n in range(6)),
        event(6, "ada", "lamp 5", 6),
        event(7, "bob", "sofa", 7),
        event(8, "ada", "bulb", 8, "impression"),
        event(9, "ada", "bulb", 9),
        event(10, "bob", "desk", 7 + 31),
        event(11, "bob", "lamp", 40),
    ]
    assert Replay.of("", visits, GAP, 100).asked.tolist() == [9, 11]
    assert Replay.of("", visits, GAP, 1).asked.tolist() == [9]


def test_a_session_goes_on_from_its_highest_time() -> None:
    visits = [event(n, "ada", f"lamp {n}", minute) for n, minute in enumerate((100, 65, 125))]
    assert Replay.of("", visits, GAP, 100).asked.tolist() == [2]


def test_an_item_is_predicted_by_what_came_before_it_alone() -> None:
    """Given pairs that everybody sees once, a later shopper's second item is known; the first shopper's is not."""
    pairs = [(f"{who} {n}", f"{item} {n}") for n in range(40) for who in ("ada", "bob") for item in ("lamp", "bulb")]
    visits = views([(who, item, n) for n, (who, item) in enumerate(pairs)])
    replay = Replay.of("", visits, GAP, 1000)
    (scores,) = tried({"step_weight": 0.4}, [replay], settings).scores
    assert scores[:, 0].tolist() == [float(visits[place].user_id.startswith("bob")) for place in replay.asked]
    assert len(scores) == 40


def test_all_predictions_are_the_same_whether_others_are_asked_for_or_not() -> None:
    rng = np.random.default_rng(1)
    visits = views([(f"user {rng.integers(5)}", f"lamp {rng.integers(9)}", n) for n in range(400)])
    some, every = Replay.of("", visits, GAP, 40), Replay.of("", visits, GAP, 1000)
    (few,), (many,) = (tried({"step_weight": 0.4}, [replay], settings).scores for replay in (some, every))
    assert few.tolist() == many[np.isin(every.asked, some.asked)].tolist()
    assert len(set(few[:, 1].tolist())) > 3


def test_the_standard_error_is_that_of_paired_differences_by_shopper() -> None:
    replays = [replay_of(100)]
    better = compared(trial(0.4, [0.0] * 100), trial(0.5, [0.0, 1.0] * 50), replays, choosing=False)
    assert better.gain == better.best[0] == 0.5
    assert better.standard_error == pytest.approx(0.5 / np.sqrt(39))
    assert not better.is_noise
    one_shopper = Replay("", [event(n, "ada", "lamp", n) for n in range(100)], GAP, np.arange(100))
    assert compared(trial(0.4, [0.0] * 100), trial(0.5, [0.0, 1.0] * 50), [one_shopper], choosing=False).is_noise


def test_what_chance_may_do_is_noise() -> None:
    rng = np.random.default_rng(2)
    noise = [
        compared(
            trial(0.4, (rng.random(500) < 0.3).astype(float).tolist()),
            trial(0.5, (rng.random(500) < 0.3).astype(float).tolist()),
            [replay_of(500)],
            choosing=False,
        ).is_noise
        for _ in range(100)
    ]
    assert sum(noise) > 90
    assert compared(trial(0.4, [1.0] * 50), trial(0.5, [1.0] * 50), [replay_of(50)], choosing=True).is_noise


def test_the_search_climbs_while_steps_gain_and_ends_at_the_top() -> None:
    """Given that the share of hits is highest at 0.6, it goes there from 0.3, and tries no value twice."""
    asked: list[float] = []

    def attempt(values: Values) -> Trial:
        asked.append(values["step_weight"])
        share = 0.5 - (values["step_weight"] - 0.6) ** 2
        return trial(
            values["step_weight"], (np.linspace(0, 1, 1000, endpoint=False) * 7 % 1 < share).astype(float).tolist()
        )

    grid = {"step_weight": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)}
    won = search(attempt({"step_weight": 0.3}), grid, [replay_of(1000)], attempt, lambda: False)
    assert [one.values["step_weight"] for one in won] == [0.3, 0.4, 0.5, 0.6]
    assert len(asked) == len(set(asked)) == 6


def test_the_search_keeps_what_it_has_when_time_is_over() -> None:
    current = trial(0.3, [0.0] * 10)
    won = search(current, {"step_weight": (0.3, 0.4)}, [replay_of(10)], lambda _: trial(0.4, [1.0] * 10), lambda: True)
    assert won == [current]
