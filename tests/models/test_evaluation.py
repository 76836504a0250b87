"""Next-item quality: which events are predicted, with what list, and the arithmetic of the scores."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from online_models.engine import Engine
from online_models.evaluation import NextItemQuality, Prediction, next_item_predictions
from online_models.events import Event
from tests.models.canonical import shoppers_state, similarity_state
from tests.models.event_streams import UNRULY, event, random_events, views


def test_events_that_go_on_with_a_session_are_predicted() -> None:
    """Sessions begin anew after the gap; impressions are passed over."""
    visits = [
        event(0, "ada", "lamp", 0),
        event(1, "bob", "lamp", 1),
        event(2, "ada", "bulb", 2),
        event(3, "ada", "sofa", 3, "impression"),
        event(4, "ada", "desk", 32),
        event(5, "ada", "lamp", 63),
        event(6, "ada", "bulb", 64),
    ]
    made = next_item_predictions(Engine(), visits, learn=True)
    assert [(told.user, told.position, told.target) for told in made] == [
        ("ada", 1, "bulb"),
        ("ada", 2, "desk"),
        ("ada", 1, "bulb"),
    ]


def test_a_list_knows_nothing_of_its_target() -> None:
    """Given that every item is new, no list can hold it, however often it was learned right after."""
    visits = views([("ada", f"lamp {n}", n) for n in range(30)])
    made = list(next_item_predictions(Engine(), visits, learn=True))
    assert len(made) == 29
    assert all(told.rank is None for told in made)


def test_each_list_is_the_one_the_engine_gave_just_before() -> None:
    visits = random_events(3, 300, UNRULY)
    engine, asked = Engine(), Engine()
    made = iter(next_item_predictions(engine, visits, learn=True))
    predictions = list(made)
    place = 0
    for visit in visits:
        if place < len(predictions) and predictions[place].user == visit.user_id:
            items = [item for item, _, _ in asked.recommend_one(visit.user_id)]
            if (visit.item_id, items) == (predictions[place].target, predictions[place].items):
                place += 1
        asked.learn_many([visit])
    assert place == len(predictions) > 100


def test_without_learning_the_models_stay_and_sessions_move() -> None:
    engine, twin = Engine(), Engine()
    for learner in (engine, twin):
        learner.learn_many(random_events(1, 200))
    visits = random_events(2, 200)
    assert list(next_item_predictions(engine, visits, learn=False))
    returns = shoppers_state(twin.shoppers)["returns"]
    twin.shoppers.fold(visits)
    assert shoppers_state(engine.shoppers) == {**shoppers_state(twin.shoppers), "returns": returns}
    assert shoppers_state(twin.shoppers)["returns"] != returns
    for mine, theirs in zip(engine.similarity, twin.similarity, strict=True):
        assert similarity_state(mine) == similarity_state(theirs)


class Spy:
    """Takes down what is asked and told, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def learn_many(self, events: Sequence[Event]) -> None:
        self.told += [("learn", told.item_id) for told in events]

    def observe_many(self, events: Sequence[Event]) -> None:
        self.told += [("observe", told.item_id) for told in events]

    def recommend_one(self, user: str) -> list[tuple[str, float, str | None]]:
        self.told.append(("predict", user))
        return []


def test_every_event_is_predicted_before_it_is_learned() -> None:
    """Session starts too, when asked for; a prediction that is not waited for must not let the event through."""
    visits = [event(0, "ada", "lamp", 0), event(1, "bob", "sofa", 1), event(2, "ada", "bulb", 2)]
    spy = Spy()
    made = list(next_item_predictions(spy, visits, learn=True, session_starts=True))
    assert spy.told == [
        ("predict", "ada"), ("learn", "lamp"), ("predict", "bob"), ("learn", "sofa"), ("predict", "ada"),
        ("learn", "bulb"),
    ]  # fmt: skip
    assert [told.position for told in made] == [0, 0, 1]


def test_without_learning_every_event_is_observed() -> None:
    spy = Spy()
    visits = [event(0, "ada", "lamp", 0), event(1, "ada", "sofa", 1)]
    list(next_item_predictions(spy, visits, learn=False))
    assert spy.told == [("observe", "lamp"), ("predict", "ada"), ("observe", "sofa")]


def test_the_pause_that_ends_a_session_is_given() -> None:
    visits = [event(0, "ada", "lamp", 0), event(1, "ada", "bulb", 45)]
    assert len(list(next_item_predictions(Spy(), visits, learn=True))) == 0
    assert len(list(next_item_predictions(Spy(), visits, learn=True, gap_minutes=45))) == 1


def test_the_scores() -> None:
    quality = NextItemQuality()
    assert (quality.hit_rate, quality.mean_reciprocal_rank, quality.coverage(0)) == (0.0, 0.0, 0.0)
    for target in ("a", "b", "d", "z"):
        quality.learn_one(Prediction("s", 1, target, ["a", "b", "c", "d"]))
    assert quality.hit_rate == 0.75
    assert quality.mean_reciprocal_rank == pytest.approx((1 + 1 / 2 + 1 / 4) / 4)
    assert quality.coverage(8) == 0.5
