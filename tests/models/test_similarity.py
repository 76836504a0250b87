"""Item-to-item similarity against the formula of its docstring, computed from all increments ever."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.event_time import DAY_MS
from online_models.increments import ACTION, FIRST_IN_SESSION, SEEN_AGAIN
from online_models.shoppers import Shoppers
from online_models.similarity import ItemSimilarity, SimilaritySettings
from online_models.vocabulary import Vocabulary
from tests.models.canonical import named_increments, similarity_state
from tests.models.event_streams import CROWDED, NOON, SCRAMBLED, Shop, random_events
from tests.models.oracles import Increment, similar_items
from tests.models.shopper_oracle import Folding


def learned(increments: Iterable[Increment], **options: float) -> ItemSimilarity:
    similarity = ItemSimilarity(Vocabulary(), SimilaritySettings(**options))  # type: ignore[arg-type]
    for increment in increments:
        similarity.learn_one(*increment[:4], ts=increment.ts)
    return similarity


def assert_same_lists(similarity: ItemSimilarity, increments: list[Increment]) -> None:
    settings = similarity.settings
    expected = similar_items(increments, settings.half_life_days, settings.damping)
    for item in similarity.vocabulary.names:
        found = similarity.predict_one(item)
        neighbours = expected.get(item, {})
        assert found == sorted(found, key=lambda entry: (-entry[1], entry[0]))
        assert len(found) == min(len(neighbours), settings.top)
        for name, score, support in found:
            assert score == pytest.approx(neighbours[name].score, abs=neighbours[name].tolerance)
            assert support == neighbours[name].support
        left_out = set(neighbours) - {name for name, _, _ in found}
        if left_out:
            assert max(neighbours[name].score for name in left_out) <= found[-1][1] + 1e-6


@pytest.mark.parametrize("damping", [0.0, 0.2, 0.5])
@pytest.mark.parametrize("shop", [SCRAMBLED, CROWDED, Shop(users=3, items=200)], ids=["scrambled", "crowded", "long"])
def test_a_random_stream(shop: Shop, damping: float) -> None:
    shoppers = Shoppers(Vocabulary())
    folded = shoppers.fold(random_events(8, 1500, shop))
    similarity = ItemSimilarity(shoppers.items, SimilaritySettings(half_life_days=0.02, damping=damping))
    similarity.learn_many(folded.increments)
    assert_same_lists(similarity, named_increments(folded, shoppers.items))
    similarity_state(similarity)


@pytest.mark.parametrize("shop", [SCRAMBLED, CROWDED], ids=["scrambled", "crowded"])
def test_support_is_the_number_of_sessions_with_both_items(shop: Shop) -> None:
    events = random_events(6, 1500, shop)
    shoppers = Shoppers(Vocabulary())
    similarity = ItemSimilarity(shoppers.items, SimilaritySettings(top=300))
    similarity.learn_many(shoppers.fold(events).increments)
    counted = Folding(events).support()
    found = {
        (item, name): support
        for item in shoppers.items.names
        for name, _, support in similarity.predict_one(item)
        if item < name
    }
    assert len(found) > 100
    assert all(counted[pair] == support for pair, support in found.items())


_INCREMENTS = st.lists(
    st.builds(
        Increment,
        st.sampled_from("abc"),
        st.sampled_from("abcdefghijkl"),
        st.sampled_from([0.0, 0.5, 1.0, 5.0]),
        st.sampled_from([SEEN_AGAIN, FIRST_IN_SESSION, ACTION]),
        st.integers(0, 900).map(lambda days: NOON + days * DAY_MS),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=100, deadline=None)
@given(_INCREMENTS)
def test_any_increments_in_any_order_of_time(increments: list[Increment]) -> None:
    whole = [told._replace(neighbour=told.row) if told.kind == ACTION else told for told in increments]
    assert_same_lists(learned(whole, half_life_days=90.0), whole)


def test_the_order_of_arrival_does_not_matter() -> None:
    """Given increments over 400 half-lives, arriving shuffled, the lists are those of the orderly ones."""
    rng = np.random.default_rng(2)
    increments = [
        Increment(
            f"lamp {n % 5}", f"lamp {n % (5 if n % 4 == 0 else 7)}", 1.0, ACTION if n % 4 == 0 else SEEN_AGAIN, NOON
        )
        for n in range(300)
    ]
    increments = [
        told._replace(neighbour=told.row if told.kind == ACTION else told.neighbour, ts=NOON + n * DAY_MS)
        for n, told in enumerate(increments)
    ]
    shuffled = [increments[place] for place in rng.permutation(len(increments))]
    assert_same_lists(learned(shuffled, half_life_days=0.75), increments)


@pytest.mark.parametrize(("damping", "score"), [(0.0, 0.0625), (0.5, 0.125), (1.0, 0.25)])
def test_the_formula_on_numbers_that_can_be_checked_by_hand(damping: float, score: float) -> None:
    """w = 1, n + 5 = 16, r = 4: 1/16 is the chance that it follows, 1/8 the cosine, 1/4 the share of what it got."""
    similarity = learned([Increment("lamp", "lamp", 11.0, ACTION, 0)], damping=damping)
    similarity.learn_one("lamp", "bulb", 1.0, FIRST_IN_SESSION, ts=0)
    similarity.learn_one("sofa", "bulb", 3.0, FIRST_IN_SESSION, ts=0)
    assert similarity.predict_one("lamp") == [("bulb", score, 1)]


def test_a_meeting_counts_half_after_a_half_life() -> None:
    increments = [
        Increment("lamp", "lamp", 3.0, ACTION, 90 * DAY_MS),
        Increment("lamp", "old", 8.0, FIRST_IN_SESSION, 0),
        Increment("lamp", "new", 8.0, FIRST_IN_SESSION, 90 * DAY_MS),
    ]
    assert learned(increments, damping=0.0).predict_one("lamp") == [("new", 1.0, 1), ("old", 0.5, 1)]


def test_equal_scores_are_in_the_order_of_the_ids() -> None:
    names = ["b", "a", "é", "Z", "aa", "💡", "中"]
    similarity = learned([Increment("lamp", "lamp", 1.0, ACTION, 0)])
    for name in names:
        similarity.learn_one("lamp", name, 1.0, FIRST_IN_SESSION, ts=0)
    assert [name for name, _, _ in similarity.predict_one("lamp")] == sorted(names)


def test_an_item_is_no_neighbour_of_itself() -> None:
    similarity = learned([Increment("lamp", "lamp", 2.0, ACTION, 0), Increment("lamp", "lamp", 1.0, SEEN_AGAIN, 0)])
    assert similarity.predict_one("lamp") == []
    assert not similarity.received.any()


def test_what_is_in_demand_lately_is_held_down_less() -> None:
    """Each received 4 of 8; the novelty all 4 that came lately. So d = 4 · (2 + 3) / (4 + 3), and 4 · 5 / (0 + 3)."""
    later = 1000 * DAY_MS
    increments = [
        Increment("lamp", "lamp", 1.0, ACTION, later),
        Increment("sofa", "classic", 6.0, SEEN_AGAIN, 0),
        Increment("lamp", "classic", 2.0, FIRST_IN_SESSION, 0),
        Increment("sofa", "novelty", 3.0, SEEN_AGAIN, later),
        Increment("lamp", "novelty", 1.0, FIRST_IN_SESSION, later),
    ]
    similarity = learned(increments, half_life_days=1000.0, damping=1.0)
    assert similarity.predict_one("lamp") == [("novelty", 0.35, 1), ("classic", 0.15, 1)]


def test_learning_says_which_lists_learned() -> None:
    shoppers = Shoppers(Vocabulary())
    increments = shoppers.fold(random_events(1, 50)).increments
    changed = ItemSimilarity(shoppers.items).learn_many(increments)
    assert changed.tolist() == sorted(set(increments.row.tolist()))
