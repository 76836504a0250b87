"""Arrays that run full in the middle of an event grow, and the event is folded once."""

from __future__ import annotations

import numpy as np
import pytest

from online_models import shoppers as shoppers_module
from online_models.shopper_kernel import MOST_EXAMPLES
from online_models.shopper_records import Found, room_for
from online_models.shoppers import Shoppers
from online_models.similarity import ROW, ItemSimilarity
from online_models.vocabulary import Vocabulary
from tests.models.canonical import (
    named_examples,
    named_increments,
    recent_items,
    shoppers_state,
    similarity_state,
)
from tests.models.event_streams import CROWDED, SKEWED, Shop, event, random_events


def cramped_shoppers(monkeypatch: pytest.MonkeyPatch, examples: int) -> Shoppers:
    """Shoppers with no pool to begin with, and room for a single event's outputs at a time."""

    def little_room(increments: int, _: int) -> Found:
        return room_for(max(2, increments // 16_000), examples)

    monkeypatch.setattr(shoppers_module, "room_for", little_room)
    shoppers = Shoppers(Vocabulary())
    shoppers.shelves = shoppers.shelves._replace(items=np.zeros(8, np.int32))
    return shoppers


def cramped_similarity(items: Vocabulary) -> ItemSimilarity:
    similarity = ItemSimilarity(items)
    similarity.rows = np.zeros(1, ROW)
    similarity.neighbours = np.zeros(8, np.int32)
    similarity.weights, similarity.support = np.zeros(8, np.float32), np.zeros(8, np.uint16)
    return similarity


@pytest.mark.parametrize("examples", [MOST_EXAMPLES, MOST_EXAMPLES + 1])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shop", [SKEWED, CROWDED], ids=["skewed", "crowded"])
def test_shoppers_without_room(monkeypatch: pytest.MonkeyPatch, shop: Shop, seed: int, examples: int) -> None:
    events = random_events(seed, 900, shop)
    roomy = Shoppers(Vocabulary())
    expected = roomy.fold(events)
    cramped = cramped_shoppers(monkeypatch, examples)
    told = cramped.fold(events)
    assert named_increments(told, cramped.items) == named_increments(expected, roomy.items)
    assert named_examples(told, cramped.items) == named_examples(expected, roomy.items)
    np.testing.assert_array_equal(told.increment_event, expected.increment_event)
    np.testing.assert_array_equal(told.example_event, expected.example_event)
    assert shoppers_state(cramped) == shoppers_state(roomy)


@pytest.mark.parametrize("seed", range(3))
def test_similarity_without_room(seed: int) -> None:
    shoppers = Shoppers(Vocabulary())
    increments = shoppers.fold(random_events(seed, 900, CROWDED)).increments
    roomy, cramped = ItemSimilarity(shoppers.items), cramped_similarity(shoppers.items)
    for model in (roomy, cramped):
        model.learn_many(increments)
    assert similarity_state(cramped) == similarity_state(roomy)


def test_recent_items_move_to_larger_slabs_and_back() -> None:
    """Given a session of 300 items, all are remembered; the next session begins in the smallest slab again."""
    shoppers = Shoppers(Vocabulary())
    sizes = []
    for n in range(300):
        shoppers.fold([event(n, "ada", f"lamp {n}", n / 100)])
        sizes.append(int(shoppers.shelves.shoppers[0]["items_size"]))
        assert recent_items(shoppers, 0) == [f"lamp {seen}" for seen in range(n + 1)]
    places = [8, 4, 4, 8, 8, 16, 16, 32, 32, 64, 64, 44]  # that a size has more than the one before
    assert sizes == np.repeat(np.arange(12), places).tolist()
    shoppers.fold([event(999, "ada", "sofa", 100)])
    assert shoppers.shelves.shoppers[0]["items_size"] == 0
    assert recent_items(shoppers, 0) == [*(f"lamp {n}" for n in range(293, 300)), "sofa"]
    shoppers_state(shoppers)


def test_slabs_given_back_are_used_again() -> None:
    """Given shopper after shopper with one long session each, the pool holds a few sessions, not all."""
    shoppers = Shoppers(Vocabulary())
    for user in range(40):
        shoppers.fold([event(1000 * user + n, f"user {user}", f"lamp {n}", 100 * user + n / 100) for n in range(200)])
        shoppers.fold([event(1000 * user + 999, f"user {user}", "sofa", 100 * user + 50)])
    assert shoppers.shelves.top[0] < 2000
    shoppers_state(shoppers)
