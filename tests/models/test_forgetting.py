"""Only so many shoppers and items are kept; those that are forgotten leave no trace."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest

from online_models.increments import ACTION, FIRST_IN_SESSION
from online_models.shoppers import Shoppers, ShopperSettings
from online_models.similarity import ItemSimilarity, SimilaritySettings
from online_models.vocabulary import Vocabulary
from tests.models.canonical import open_sessions, shoppers_state, similarity_state
from tests.models.event_streams import CROWDED, event, random_events, views


def few(most: int) -> Shoppers:
    return Shoppers(Vocabulary(), ShopperSettings(max_shoppers=most))


def test_the_newcomer_who_is_one_too_many_takes_the_place_of_the_one_seen_longest_ago() -> None:
    shoppers = few(3)
    shoppers.fold(views([("ada", "lamp", 0), ("bob", "lamp", 1), ("cyd", "lamp", 2), ("ada", "bulb", 3)]))
    folded = shoppers.fold([event(9, "dan", "sofa", 4)])
    assert shoppers.users.names == ["ada", "cyd", "dan"]
    assert [shoppers.users.names[code] for code in folded.touched.tolist()] == ["dan"]
    assert open_sessions(shoppers) == ["cyd", "ada", "dan"]


def test_as_many_shoppers_as_allowed_are_all_kept() -> None:
    shoppers = few(3)
    shoppers.fold(views([("ada", "lamp", 0), ("bob", "lamp", 1), ("cyd", "lamp", 2)]))
    shoppers.fold([event(9, "ada", "lamp", 3)])
    assert shoppers.users.names == ["ada", "bob", "cyd"]


def test_a_forgotten_shopper_begins_anew() -> None:
    shoppers = few(2)
    shoppers.fold([event(0, "ada", "lamp", 0, "purchase", 9.0), event(1, "ada", "bulb", 1, "add_to_cart")])
    shoppers.fold([event(2, "cyd", "lamp", 3), event(3, "bob", "lamp", 4)])
    assert "ada" not in shoppers.users
    shoppers.fold([event(8, "ada", "sofa", 5)])
    profile = shoppers.profile_one("ada")
    assert (profile["events"], profile["purchase"], profile["sessions"], profile["spend"]) == (1, 0, 1, 0.0)
    record = shoppers.shelves.shoppers[shoppers.users.code("ada")]
    assert (record["cart_length"], record["bought_length"], record["items_length"]) == (0, 0, 1)


def test_a_sixteenth_is_forgotten_at_once() -> None:
    shoppers = few(64)
    shoppers.fold([event(n, f"user {n}", "lamp", n) for n in range(64)])
    shoppers.fold([event(99, "newcomer", "lamp", 99)])
    assert shoppers.users.names == [*(f"user {n}" for n in range(4, 64)), "newcomer"]


@pytest.mark.parametrize("most", [2, 17, 64])
def test_who_is_kept_is_who_was_seen_last(most: int) -> None:
    """Given a crowd and little room, after every batch the kept, their order and their open sessions are right."""
    events = list({visit.event_id: visit for visit in random_events(most, 1500, CROWDED)}.values())
    shoppers = few(most)
    expected: OrderedDict[str, int] = OrderedDict()  # last seen, in order of arrival
    for n in range(0, len(events), 25):
        for visit in events[n : n + 25]:
            if visit.user_id not in expected and len(expected) == most:
                longest_unseen = sorted(expected, key=lambda user: expected[user])
                for user in longest_unseen[: max(1, most // 16)]:
                    del expected[user]
            expected[visit.user_id] = max(visit.ts, expected.get(visit.user_id, 0))
        shoppers.fold(events[n : n + 25])
        assert shoppers.users.names == list(expected)
        assert shoppers.shelves.shoppers["last_seen"][: len(shoppers)].tolist() == list(expected.values())
        shoppers_state(shoppers)
    assert len(shoppers.shelves.shoppers) < 4 * most + 256


def similarity_of(most: int) -> ItemSimilarity:
    return ItemSimilarity(Vocabulary(), SimilaritySettings(max_items=most))


@pytest.mark.parametrize("most", [1, 10, 64, 100])
def test_never_more_items_than_allowed(most: int) -> None:
    similarity = similarity_of(most)
    for n in range(300):
        similarity.learn_one(f"lamp {n}", f"lamp {n}", 1.0, ACTION, ts=n)
        similarity.learn_one(f"lamp {n}", "bulb", 1.0, FIRST_IN_SESSION, ts=n)
        assert len(similarity) <= most
        assert similarity.predict_one(f"lamp {n}")[0][0] == "bulb"
        similarity_state(similarity)
    assert len(similarity.neighbours) < 10_000


def test_the_least_active_items_are_forgotten_by_their_decayed_actions() -> None:
    similarity = similarity_of(3)
    day = 86_400_000
    for item, weight, ts in [("old", 4.0, 0), ("new", 1.0, 300 * day), ("busy", 9.0, 300 * day)]:
        similarity.learn_one(item, item, weight, ACTION, ts=ts)
    similarity.learn_one("next", "next", 1.0, ACTION, ts=300 * day)
    names = [similarity.vocabulary.names[code] for code in similarity.rows["item"][: len(similarity)]]
    assert names == ["new", "busy", "next"]


def test_items_are_kept_while_only_their_neighbours_need_room() -> None:
    """Given as many items as allowed, when their lists grow past the pool, no item is forgotten."""
    similarity = similarity_of(20)
    for n in range(20):
        similarity.learn_one(f"lamp {n}", f"lamp {n}", 1.0, ACTION, ts=n)
    for n in range(20):
        for other in range(200):
            similarity.learn_one(f"lamp {n}", f"bulb {other}", 1.0, FIRST_IN_SESSION, ts=100 + n)
    assert len(similarity) == 20
    assert np.array_equal(similarity.rows["length"][:20], np.full(20, 200))


def test_a_forgotten_item_begins_anew() -> None:
    similarity = similarity_of(2)
    for item, weight in [("lamp", 1.0), ("sofa", 2.0)]:
        similarity.learn_one(item, item, weight, ACTION, ts=0)
    similarity.learn_one("lamp", "bulb", 1.0, FIRST_IN_SESSION, ts=0)
    similarity.learn_one("desk", "desk", 5.0, ACTION, ts=1)
    assert similarity.predict_one("lamp") == []
    similarity.learn_one("lamp", "lamp", 5.0, ACTION, ts=2)
    similarity.learn_one("lamp", "bulb", 1.0, FIRST_IN_SESSION, ts=2)
    assert [(item, support) for item, _, support in similarity.predict_one("lamp")] == [("bulb", 1)]
    similarity_state(similarity)
