"""Labelled sessions: one example each, told when it is over, and never from what came after a purchase."""

from __future__ import annotations

import numpy as np
import pytest

from online_models.examples import Examples
from online_models.features import PROPENSITY_FEATURES
from online_models.shoppers import Shoppers
from online_models.vocabulary import Vocabulary
from tests.models.canonical import named, named_examples, open_sessions
from tests.models.event_streams import GAP, MINUTE, NOON, UNRULY, event, random_events, views
from tests.models.shopper_oracle import Folding


def items_of(examples: Examples, n: int, items: Vocabulary) -> list[str]:
    return named(items, examples.items[n, : examples.lengths[n]])


def later(shoppers: Shoppers) -> Examples:
    """What is told when someone else comes long after."""
    return shoppers.fold([event(10**6, "someone else", "sofa", 500)]).examples


@pytest.mark.parametrize("after", [0, 1, 20])
def test_a_session_with_a_purchase_is_told_at_its_end_as_it_was_before_the_purchase(after: int) -> None:
    """Given three views, a purchase and more views, the moment is of the first three; the profile is of the end."""
    shoppers = Shoppers(Vocabulary())
    shop = [event(n, "ada", item, n, price=10.0) for n, item in enumerate(["lamp", "bulb", "lamp"])]
    moments = []
    for view in shop:
        shoppers.fold([view])
        moments.append(shoppers.features_many(np.array([0], np.int32))[0])
    rest = [event(9, "ada", "sofa", 5, "purchase", 500.0), *(event(10 + n, "ada", "rug", 6 + n) for n in range(after))]
    assert len(shoppers.fold(rest).examples) == 0
    assert open_sessions(shoppers) == ["ada"]
    profile = shoppers.profiles_many(np.array([0], np.int32))[0]
    told = later(shoppers)
    assert told.bought.tolist() == [1]
    assert told.known_at.tolist() == [NOON + (5 + after) * MINUTE + GAP]
    assert items_of(told, 0, shoppers.items) == ["bulb", "lamp", "sofa", *["rug"][:after]]
    assert any(np.array_equal(told.features[0], moment) for moment in moments)
    np.testing.assert_array_equal(told.profile[0], profile)


def test_buyers_are_told_no_earlier_than_the_others() -> None:
    """Given sessions that begin and end together, some with a purchase, one event tells of all of them."""
    shoppers = Shoppers(Vocabulary())
    users = [f"user {n}" for n in range(8)]
    visits = [event(n, user, "lamp", 0) for n, user in enumerate(users)]
    sales = [event(10 + n, user, "lamp", 1, "purchase" if n % 2 else "view") for n, user in enumerate(users)]
    assert len(shoppers.fold([*visits, *sales]).examples) == 0
    assert later(shoppers).bought.tolist() == [0, 1] * 4


@pytest.mark.parametrize("before", [[], ["impression"], ["impression", "impression"]])
def test_a_session_that_begins_with_its_purchase_is_not_for_propensity(before: list[str]) -> None:
    shoppers = Shoppers(Vocabulary())
    shoppers.fold([event(n, "ada", "lamp", n, kind) for n, kind in enumerate(before)])
    shoppers.fold([event(9, "ada", "lamp", 9, "purchase", 99.0), event(10, "ada", "sofa", 10)])
    shoppers.fold([event(11, "ada", "sofa", 11, "purchase", 99.0)])
    told = later(shoppers)
    assert told.bought.tolist() == [-1]
    assert items_of(told, 0, shoppers.items) == ["lamp", "sofa"]


@pytest.mark.parametrize("kind", ["view", "click", "add_to_wishlist", "add_to_cart", "remove_from_cart"])
def test_any_action_before_the_purchase_makes_a_session_one_for_propensity(kind: str) -> None:
    shoppers = Shoppers(Vocabulary())
    visits = [event(n, "ada", "lamp", n, kind) for n, kind in enumerate([kind, "impression", "purchase"])]
    shoppers.fold(visits)
    assert later(shoppers).bought.tolist() == [1]


def test_a_session_without_a_purchase_is_told_when_the_shop_has_left_it_behind() -> None:
    shoppers = Shoppers(Vocabulary())
    shoppers.fold(views([("ada", "lamp", 0), ("ada", "bulb", 4)]))
    assert len(shoppers.fold([event(8, "bob", "sofa", 34)]).examples) == 0
    told = shoppers.fold([event(9, "bob", "sofa", 35)])
    assert told.examples.bought.tolist() == [0]
    assert told.examples.known_at.tolist() == [NOON + 4 * MINUTE + GAP]
    assert items_of(told.examples, 0, shoppers.items) == ["lamp", "bulb"]
    assert open_sessions(shoppers) == ["bob"]


def test_a_shopper_who_comes_back_ends_the_own_session() -> None:
    shoppers = Shoppers(Vocabulary())
    told = shoppers.fold(views([("ada", "lamp", 0), ("ada", "bulb", 31)]))
    assert told.examples.bought.tolist() == [0]
    assert told.example_event.tolist() == [1]
    assert items_of(told.examples, 0, shoppers.items) == ["lamp"]


def test_a_session_told_late_because_of_events_out_of_order_names_its_own_items() -> None:
    """Given that ada's ten views arrive after one of bob's that is newer, when ada comes back, all ten are told."""
    shoppers = Shoppers(Vocabulary())
    shoppers.fold(views([("bob", "sofa", 20)]))
    shoppers.fold([event(10 + n, "ada", f"lamp {n}", n / 10) for n in range(10)])
    told = shoppers.fold([event(99, "ada", "bulb", 40)]).examples
    assert told.bought.tolist() == [0]
    assert items_of(told, 0, shoppers.items) == [f"lamp {n}" for n in range(10)]


def test_a_session_that_nothing_comes_after_is_not_told() -> None:
    shoppers = Shoppers(Vocabulary())
    assert len(shoppers.fold(views([("ada", "lamp", 0), ("bob", "lamp", 29)])).examples) == 0
    assert open_sessions(shoppers) == ["ada", "bob"]


def test_a_second_purchase_in_a_session_and_events_after_it_tell_nothing_more() -> None:
    shoppers = Shoppers(Vocabulary())
    visits = [event(n, "ada", "lamp", n, kind) for n, kind in enumerate(["view", "purchase", "purchase", "view"])]
    shoppers.fold(visits)
    assert later(shoppers).bought.tolist() == [1]
    assert len(shoppers.fold([event(9, "bob", "lamp", 1000)]).examples) == 1  # of someone else


def test_a_shopper_who_comes_back_after_buying_ends_the_own_session_and_the_next_is_another() -> None:
    shoppers = Shoppers(Vocabulary())
    shop = [event(0, "ada", "lamp", 0), event(1, "ada", "lamp", 1, "purchase"), event(2, "ada", "bulb", 32)]
    told = shoppers.fold(shop)
    assert told.examples.bought.tolist() == [1]
    assert told.examples.known_at.tolist() == [NOON + MINUTE + GAP]
    assert told.example_event.tolist() == [2]
    assert later(shoppers).bought.tolist() == [0]


def test_a_purchase_that_arrives_after_its_session_was_told_tells_nothing_more() -> None:
    shoppers = Shoppers(Vocabulary())
    shoppers.fold(views([("ada", "lamp", 0)]))
    assert shoppers.fold([event(8, "bob", "lamp", 60)]).examples.bought.tolist() == [0]
    assert len(shoppers.fold([event(9, "ada", "lamp", 1, "purchase")]).examples) == 0
    assert shoppers.profile_one("ada")["purchase"] == 1


def test_an_example_names_the_newest_sixteen_items() -> None:
    shoppers = Shoppers(Vocabulary())
    visits = [event(n, "ada", f"lamp {n}", n) for n in range(40)]
    shoppers.fold([*visits, event(99, "ada", "sofa", 41, "purchase")])
    assert items_of(later(shoppers), 0, shoppers.items) == [*(f"lamp {n}" for n in range(25, 40)), "sofa"]


def test_every_session_is_told_exactly_once() -> None:
    """Given an unruly stream and a last event long after it, there are as many examples as sessions."""
    events = [*random_events(3, 1500, UNRULY), event(-1, "last", "lamp", 10**6)]
    shoppers = Shoppers(Vocabulary())
    told = shoppers.fold(events).examples
    sessions = int(shoppers.shelves.shoppers["sessions"].sum()) - 1
    purchases = sum(
        any(visit.type == "purchase" for visit in session.events)
        for shopper in Folding(events).shoppers.values()
        for session in shopper.sessions
    )
    assert len(told) == sessions > 100
    assert 0.9 * purchases <= np.count_nonzero(told.bought) <= purchases


def test_the_moment_of_an_example_is_a_random_one_and_the_same_in_a_replay() -> None:
    """Given sessions of four events, each of the four is the moment about as often."""
    visits = [
        event(4 * n + step, f"user {n}", f"lamp {step}", 1.37 * n + step / 3) for n in range(800) for step in range(4)
    ]
    visits.sort(key=lambda visit: visit.ts)
    first, second = Shoppers(Vocabulary()), Shoppers(Vocabulary())
    told = first.fold(visits)
    assert named_examples(second.fold(visits), second.items) == named_examples(told, first.items)
    log_events = told.examples.features[:, PROPENSITY_FEATURES.index("log_events")]
    chosen = np.bincount(np.rint(np.expm1(log_events)).astype(int), minlength=5)
    assert chosen[0] == 0
    assert (np.abs(chosen[1:] / chosen.sum() - 0.25) < 0.07).all()


def test_some_of_the_examples() -> None:
    told = Shoppers(Vocabulary()).fold(random_events(3, 900, UNRULY)).examples
    some = told.chosen(np.array([7, 2, 2]))
    assert len(some) == 3
    for column in ("features", "profile", "bought", "known_at", "items", "lengths"):
        np.testing.assert_array_equal(getattr(some, column), getattr(told, column)[[7, 2, 2]])
