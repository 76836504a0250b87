"""The fold of events into shoppers, against the slow obvious one."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models import slabs
from online_models.events import EVENT_TYPES, Event
from online_models.features import PROPENSITY_FEATURES
from online_models.folded import Folded
from online_models.increments import SEEN_AGAIN
from online_models.shopper_kernel import MOST_EXAMPLES
from online_models.shoppers import Shoppers
from online_models.shoppers_state import FrozenShoppers, restored
from online_models.vocabulary import Vocabulary
from tests.models.canonical import (
    named,
    named_increments,
    open_sessions,
    owned_items,
    recent_items,
    shoppers_state,
)
from tests.models.event_streams import (
    CROWDED,
    MINUTE,
    NOON,
    ORDERLY,
    SCRAMBLED,
    SKEWED,
    UNRULY,
    Shop,
    event,
    random_events,
    views,
)
from tests.models.oracles import Increment
from tests.models.shopper_oracle import Folding, Standing

STREAMS = [(ORDERLY, 600), (UNRULY, 600), (SCRAMBLED, 600), (SKEWED, 600), (CROWDED, 1200)]


def folded(events: list[Event]) -> tuple[Shoppers, Folded]:
    shoppers = Shoppers(Vocabulary())
    return shoppers, shoppers.fold(events)


def telling(increments: list[Increment]) -> Counter[Increment]:
    """Increments without those that say nothing: met again, with no weight."""
    return Counter(increment for increment in increments if increment.weight or increment.kind != SEEN_AGAIN)


def returns_by_standing(shoppers: Shoppers) -> dict[Standing, tuple[int, int]]:
    """The return table, as the oracle keeps it: trials and hits of every standing that occurred."""
    found = {
        Standing(place, how, more_than_once, distinct): counts
        for (place, how, more_than_once, distinct), counts in zip(
            product(range(6), ("new", "back", "again"), (False, True), range(1, 5)),
            shoppers.shelves.returns.T.tolist(),
            strict=True,
        )
    }
    return {standing: (trials, hits) for standing, (trials, hits) in found.items() if trials}


def assert_same_shoppers(shoppers: Shoppers, expected: Folding) -> None:
    assert set(shoppers.users.names) == set(expected.shoppers)
    for code, user in enumerate(shoppers.users.names):
        shopper = expected.shoppers[user]
        assert shoppers.profile_one(user) == shopper.profile()
        assert recent_items(shoppers, code) == shopper.recent()
        assert owned_items(shoppers, code) == shopper.owned()
        chosen = np.array([code], np.int32)
        np.testing.assert_array_equal(shoppers.features_many(chosen)[0], shopper.features())
        np.testing.assert_array_equal(shoppers.profiles_many(chosen)[0], shopper.description())
    assert returns_by_standing(shoppers) == {
        standing: (trials, expected.hits[standing]) for standing, trials in expected.trials.items()
    }
    assert open_sessions(shoppers) == expected.open_sessions
    shoppers_state(shoppers)


def assert_same_increments(shoppers: Shoppers, result: Folded, expected: Folding) -> None:
    told: list[list[Increment]] = [[] for _ in expected.increments]
    for number, increment in zip(
        result.increment_event.tolist(), named_increments(result, shoppers.items), strict=True
    ):
        told[number].append(increment)
    assert result.increment_event.tolist() == sorted(result.increment_event.tolist())
    for mine, theirs in zip(told, expected.increments, strict=True):
        as_told = [increment._replace(weight=float(np.float32(increment.weight))) for increment in theirs]
        assert telling(mine) == telling(as_told)


def assert_same_examples(shoppers: Shoppers, result: Folded, expected: Folding) -> None:
    examples = result.examples
    assert len(examples) == len(expected.examples)
    for n, example in enumerate(expected.examples):
        assert (result.example_event[n], examples.bought[n], examples.known_at[n]) == example[:3]
        assert named(shoppers.items, examples.items[n, : examples.lengths[n]]) == example.items
        np.testing.assert_array_equal(examples.profile[n], example.profile)
        assert any(np.array_equal(examples.features[n], moment) for moment in example.moments)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("shop", "length"), STREAMS, ids=["orderly", "unruly", "scrambled", "skewed", "crowded"])
def test_a_random_stream_folds_as_the_oracle_says(seed: int, shop: Shop, length: int) -> None:
    events = random_events(seed, length, shop)
    shoppers, result = folded(events)
    expected = Folding(events)
    assert_same_shoppers(shoppers, expected)
    assert_same_increments(shoppers, result, expected)
    assert_same_examples(shoppers, result, expected)
    ids = [event.event_id for event in events]
    assert result.accepted.tolist() == [event_id not in ids[:n] for n, event_id in enumerate(ids)]
    assert named(shoppers.users, result.touched) == shoppers.users.names


_ACTS = st.tuples(
    st.sampled_from("ab"),
    st.sampled_from("wxyz"),
    st.sampled_from(EVENT_TYPES),
    st.integers(-70, 70),  # minutes since the event before: late ones, and ends of sessions to the minute
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_ACTS, max_size=40))
def test_any_short_stream_folds_as_the_oracle_says(acts: list[tuple[str, str, str, int]]) -> None:
    minutes = np.cumsum([act[3] for act in acts]).tolist()
    events = [
        Event(f"e{n}", kind, user, item, NOON + minute * MINUTE)
        for n, ((user, item, kind, _), minute) in enumerate(zip(acts, minutes, strict=True))
    ]
    shoppers, result = folded(events)
    expected = Folding(events)
    assert_same_shoppers(shoppers, expected)
    assert_same_increments(shoppers, result, expected)
    assert_same_examples(shoppers, result, expected)


def test_a_session_lasts_through_a_pause_of_the_gap_and_not_a_millisecond_more() -> None:
    shoppers, _ = folded(views([("ada", "lamp", 0), ("ada", "bulb", 30)]))
    assert shoppers.profile_one("ada")["sessions"] == 1
    shoppers.fold([Event("late", "view", "ada", "sofa", NOON + 60 * MINUTE + 1)])
    assert shoppers.profile_one("ada")["sessions"] == 2


def test_an_event_from_long_before_the_session_counts_and_teaches_nothing() -> None:
    shoppers, result = folded(views([("ada", "lamp", 120), ("ada", "bulb", 0), ("ada", "sofa", 121)]))
    assert {(told.row, told.neighbour) for told in named_increments(result, shoppers.items)} == {
        ("lamp", "lamp"), ("sofa", "sofa"), ("lamp", "sofa"), ("sofa", "lamp"),
    }  # fmt: skip
    assert shoppers.profile_one("ada")["view"] == 3
    assert shoppers.profile_one("ada")["first_seen"] == NOON
    assert shoppers.profile_one("ada")["sessions"] == 1


def test_items_of_the_last_session_are_context_and_are_not_met() -> None:
    """Given a session with ten items, when the shopper comes back, seven are remembered and none is met."""
    first = [("ada", f"old {n}", n) for n in range(10)]
    shoppers, _ = folded(views(first))
    result = shoppers.fold([event(99, "ada", "new", 500)])
    assert recent_items(shoppers, 0) == [*(f"old {n}" for n in range(3, 10)), "new"]
    assert [told.row for told in named_increments(result, shoppers.items)] == ["new"]


def test_an_item_carried_over_and_seen_again_is_remembered_once() -> None:
    shoppers, _ = folded(views([("ada", "lamp", 0), ("ada", "bulb", 1), ("ada", "lamp", 500), ("ada", "lamp", 501)]))
    assert recent_items(shoppers, 0) == ["bulb", "lamp"]


def features_of(shoppers: Shoppers, user: str) -> dict[str, float]:
    row = shoppers.features_many(np.array([shoppers.code_one(user)], np.int32))[0]
    return dict(zip(PROPENSITY_FEATURES, row.tolist(), strict=True))


def test_the_buying_share_is_of_the_sessions_before_this_one() -> None:
    """Given two sessions with a purchase, one of them with two, and one without, it changes between sessions only."""
    shoppers = Shoppers(Vocabulary())
    shares = []
    acts = [(0, "view"), (1, "purchase"), (2, "purchase"), (100, "view"), (200, "purchase"), (300, "view")]
    for n, (minute, kind) in enumerate(acts):
        shoppers.fold([event(n, "ada", "lamp", minute, kind)])
        shares.append(features_of(shoppers, "ada")["buying_share"])
    assert shares == pytest.approx([0.5 / 5, 0.5 / 5, 0.5 / 5, 1.5 / 6, 1.5 / 7, 2.5 / 8])
    assert features_of(shoppers, "nobody")["buying_share"] == pytest.approx(0.5 / 5)


def test_whether_the_item_of_the_last_action_is_in_the_cart() -> None:
    """Given a cart that outlasts its session; impressions are no action."""
    shoppers = Shoppers(Vocabulary())
    found = []
    acts = [
        (0, "lamp", "add_to_cart"), (1, "sofa", "impression"), (2, "lamp", "view"), (3, "sofa", "view"),
        (100, "sofa", "impression"), (101, "lamp", "view"), (102, "lamp", "remove_from_cart"), (103, "lamp", "view"),
        (104, "lamp", "add_to_cart"), (105, "lamp", "purchase"), (106, "lamp", "view"),
    ]  # fmt: skip
    for n, (minute, item, kind) in enumerate(acts):
        shoppers.fold([event(n, "ada", item, minute, kind)])
        features = features_of(shoppers, "ada")
        found.append((features["just_carted"], features["item_in_cart"]))
    assert found == [(1, 1), (1, 1), (0, 1), (0, 0), (0, 0), (0, 1), (0, 0), (0, 0), (1, 1), (0, 0), (0, 0)]


def test_the_cart_keeps_its_newest_twelve_and_purchases_their_newest_twenty_four() -> None:
    carts = [event(n, "ada", f"item {n}", n, "add_to_cart") for n in range(20)]
    sales = [event(100 + n, "ada", f"item {n}", 20 + n / 2, "purchase") for n in range(12, 40)]
    shoppers, _ = folded(carts)
    assert owned_items(shoppers, 0) == ([f"item {n}" for n in range(8, 20)], [])
    shoppers.fold(sales)
    assert owned_items(shoppers, 0) == (
        [f"item {n}" for n in range(8, 12)],
        [f"item {n}" for n in range(16, 40)],
    )


def test_only_those_who_own_something_have_a_slab_for_it() -> None:
    shoppers = Shoppers(Vocabulary())
    sizes = []
    for n, kind in enumerate(["view", "add_to_cart", "remove_from_cart", "purchase", "view"]):
        shoppers.fold([event(n, "ada", "lamp", n, kind)])
        sizes.append(int(shoppers.shelves.shoppers[0]["owned_size"]))
        shoppers_state(shoppers)
    assert sizes == [-1, 0, -1, 0, 0]
    shoppers.fold([event(10 + n, "ada", f"item {n}", 5, "purchase") for n in range(30)])
    assert slabs.slab_length(int(shoppers.shelves.shoppers[0]["owned_size"])) == 32


def test_only_sessions_that_are_not_over_have_a_row() -> None:
    """Given shopper after shopper, each an hour after the one before, there is a single open session at any time."""
    shoppers = Shoppers(Vocabulary())
    shoppers.fold([event(n, f"user {n}", "lamp", 60 * n) for n in range(200)])
    assert open_sessions(shoppers) == ["user 199"]
    assert len(shoppers.shelves.sessions) == 64


def test_after_a_quiet_night_sessions_end_a_few_at_a_time_whatever_the_batches() -> None:
    evening = [Event(f"e{n}", "view", f"u{n}", "lamp", NOON + n) for n in range(3 * MOST_EXAMPLES)]
    morning = [Event(f"m{n}", "view", "early", "lamp", NOON + 600 * MINUTE + n) for n in range(5)]
    events = [*evening, *morning]
    at_once = Shoppers(Vocabulary()).fold(events)
    assert at_once.example_event.tolist() == [example.event for example in Folding(events).examples]
    per_event = np.bincount(at_once.example_event, minlength=len(events))[len(evening) :].tolist()
    assert per_event == [MOST_EXAMPLES - 1] * 3 + [3, 0]
    shoppers = Shoppers(Vocabulary())
    one_by_one = [len(shoppers.fold([one]).examples) for one in events]
    assert one_by_one[len(evening) :] == per_event


@pytest.mark.parametrize("people", [3 * MOST_EXAMPLES, 1_022])
def test_who_ends_whose_session_does_not_depend_on_pools_that_grow(people: int) -> None:
    """Newcomers in the morning need places, and where there is none an event is tried once more."""
    evening = [Event(f"e{n}", "view", f"u{n}", "lamp", NOON + n) for n in range(people)]
    morning = [Event(f"m{n}", "view", f"new{n}", "lamp", NOON + 600 * MINUTE + n) for n in range(300)]
    events = [*evening, *morning]
    expected = [example.event for example in Folding(events).examples]
    for size in (1, 7, 50, len(events)):
        shoppers = Shoppers(Vocabulary())
        told: list[int] = []
        for start in range(0, len(events), size):
            told += (start + shoppers.fold(events[start : start + size]).example_event).tolist()
        assert told == expected
    for split in range(people - 135, people - 120):  # a pool that was restored has room for 128 newcomers
        items = Vocabulary()
        before = Shoppers(items)
        told = before.fold(events[:split]).example_event.tolist()
        after = restored(FrozenShoppers.of(before).state(), Vocabulary(), before.settings)
        assert told + (split + after.fold(events[split:]).example_event).tolist() == expected
