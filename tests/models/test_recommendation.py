"""Recommendations against the slow merge, and what a list promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from online_models.compiled import Floats, Int32s
from online_models.recommendation import (
    SOURCES,
    Neighbours,
    Recommendations,
    RecommendationSettings,
    Recommender,
)
from online_models.shoppers import Shoppers
from online_models.vocabulary import Vocabulary
from tests.models.canonical import recent_items
from tests.models.event_streams import UNRULY, Shop, event, random_events, views
from tests.models.oracles import Recommended, recommend
from tests.models.shopper_oracle import Folding

Ranked = list[tuple[str, float]]


class Shopfront:
    """Shoppers, neighbour lists and trending lists by name; the last trending list is the one over all."""

    def __init__(self, shoppers: Shoppers, similar: Mapping[str, Mapping[str, float]], *trending: Ranked) -> None:
        self.shoppers, self.items = shoppers, shoppers.items
        self.neighbours = Neighbours(self.items)
        for item, neighbours in similar.items():
            ranked = sorted(neighbours.items(), key=lambda entry: (-entry[1], entry[0]))
            codes, scores = self._ranked([entry for entry in ranked if entry[0] != item])
            self.neighbours.learn_one(self.items.code(item), codes, scores, neighbours.get(item, 0.0))
        self.trending = [self._ranked(entries) for entries in trending or [[]]]

    def _ranked(self, entries: Ranked) -> tuple[Int32s, Floats]:
        return self.items.codes(item for item, _ in entries), np.array([score for _, score in entries])

    def lists(self, users: Sequence[str], segment: int = -1, **options: object) -> Recommendations:
        recommender = Recommender(self.items, RecommendationSettings(**options))  # type: ignore[arg-type]
        chosen = np.array([self.shoppers.code_one(user) for user in users], np.int32)
        segments = np.full(len(users), segment, np.int32)
        return recommender.predict_many(chosen, self.shoppers.shelves, self.neighbours, segments, self.trending)

    def named(self, lists: Recommendations, n: int = 0) -> list[Recommended]:
        names = self.items.names
        rows = zip(lists.items[n].tolist(), lists.scores[n].tolist(), lists.because[n].tolist(), strict=True)
        entries = [
            Recommended(names[item], score, names[because] if because >= 0 else None) for item, score, because in rows
        ]
        return entries[: lists.lengths[n]]

    def of(self, user: str, segment: int = -1, **options: object) -> list[Recommended]:
        return self.named(self.lists([user], segment, **options))


def visitor(*items: str) -> Shoppers:
    """Ada, who viewed items in this order."""
    shoppers = Shoppers(Vocabulary())
    shoppers.fold(views([("ada", item, n) for n, item in enumerate(items)]))
    return shoppers


def random_similarity(items: list[str], rng: np.random.Generator) -> dict[str, dict[str, float]]:
    """Similarities that are multiples of 1/8: sums have six decimals, and ties abound."""
    return {
        item: {other: float(rng.integers(0, 9)) / 8 for other in items if rng.random() < 0.3}
        for item in items
        if rng.random() < 0.8
    }


@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("segment", [-1, 0, 1])
@pytest.mark.parametrize("seed", range(4))
def test_a_random_shop(seed: int, segment: int, skip: bool) -> None:
    rng = np.random.default_rng(seed)
    events = random_events(seed, 400, Shop(users=25, items=40) if seed % 2 else UNRULY)
    shoppers = Shoppers(Vocabulary())
    shoppers.fold(events)
    history = Folding(events).shoppers
    names = [*shoppers.items.names, "lämp", "zeta", "💡"]
    trending = [[(item, 0.9 / (n + 2)) for n, item in enumerate(rng.permutation(names)[:9])] for _ in range(3)]
    similar = random_similarity(names, rng)
    front = Shopfront(shoppers, similar, *trending)
    users = list(history)
    lists = front.lists(users, segment, length=12, recent_items=4, skip_owned=skip, skip_current=skip)
    for n, user in enumerate(users):
        shopper = history[user]
        cart, bought = shopper.owned()
        recent = shopper.recent()[::-1][:4]
        unwanted = {*cart, *bought, *recent[:1]} if skip else set()
        fillers = [[item for item, _ in trending[row]] for row in ([segment, 2] if segment >= 0 else [2])]
        found = front.named(lists, n)
        expected = recommend(recent, similar, unwanted, fillers, length=12)
        assert [entry.item for entry in found] == [entry.item for entry in expected]
        for mine, theirs in zip(found, expected, strict=True):
            assert mine.because == theirs.because
            assert theirs.score is None or mine.score == theirs.score
        keys = [(-(entry.score or 0.0), entry.item) for entry in found]
        assert keys == sorted(keys)
        personal = [entry.score or 0.0 for entry in found if entry.because]
        assert all((entry.score or 0.0) < min(personal, default=2.0) for entry in found if not entry.because)


def test_newer_items_count_more_and_the_largest_part_is_the_reason() -> None:
    front = Shopfront(
        visitor("old", "newer", "newest"),
        {"newest": {"x": 0.1, "z": 0.2}, "newer": {"x": 0.4}, "old": {"x": 0.6, "y": 0.2}},
    )
    assert front.of("ada") == [("x", 0.45, "newer"), ("z", 0.2, "newest"), ("y", 0.05, "old")]


def test_only_the_newest_items_are_asked() -> None:
    front = Shopfront(visitor("a", "b", "c"), {"a": {"x": 1.0}, "b": {"y": 1.0}, "c": {"z": 1.0}})
    assert [entry.item for entry in front.of("ada", recent_items=2)] == ["z", "y"]


def test_equal_scores_are_in_the_order_of_the_ids() -> None:
    names = ["b", "a", "é", "Z", "aa", "💡", "中"]
    front = Shopfront(visitor("lamp"), {"lamp": dict.fromkeys(names, 0.5)})
    assert [entry.item for entry in front.of("ada")] == sorted(names)
    assert [entry.item for entry in front.of("ada", length=3)] == sorted(names)[:3]


def test_a_cold_user_gets_what_trends() -> None:
    front = Shopfront(visitor("lamp"), {"lamp": {"bulb": 1.0}}, [("sofa", 0.4), ("desk", 0.2)])
    lists = front.lists(["nobody"])
    assert [(entry.item, entry.because) for entry in front.named(lists)] == [("sofa", None), ("desk", None)]
    assert SOURCES[lists.source[0]] == "trending"


def test_the_source_is_where_the_first_item_comes_from() -> None:
    front = Shopfront(visitor("lamp"), {"lamp": {"bulb": 1.0}}, [("desk", 0.5)], [], [("sofa", 0.5)])
    cases = [("ada", 0), ("ada", -1), ("nobody", 0), ("nobody", 1), ("nobody", -1)]
    sources = [SOURCES[front.lists([user], segment).source[0]] for user, segment in cases]
    assert sources == ["personal", "personal", "segment", "trending", "trending"]


def test_what_trends_in_the_segment_comes_before_what_trends_everywhere() -> None:
    front = Shopfront(visitor("lamp"), {"lamp": {"bulb": 0.5}}, [("desk", 0.3), ("bulb", 0.2)], [("sofa", 0.9)])
    assert [entry.item for entry in front.of("ada", 0)] == ["bulb", "desk", "sofa"]


def test_what_the_shopper_looks_at_bought_or_has_in_the_cart_is_left_out_everywhere() -> None:
    kinds = ["purchase", "add_to_cart", "view", "view"]
    shoppers = Shoppers(Vocabulary())
    shoppers.fold([event(n, "ada", item, n, kind) for n, (item, kind) in enumerate(zip("bcvw", kinds, strict=True))])
    everything = dict.fromkeys("bcvwx", 0.5)
    front = Shopfront(shoppers, {"w": everything, "v": everything}, [(item, 0.1) for item in "bcwy"])
    assert [entry.item for entry in front.of("ada")] == ["v", "x", "y"]
    assert [entry.item for entry in front.of("ada", skip_owned=False)] == ["b", "c", "v", "x", "y"]
    assert [entry.item for entry in front.of("ada", skip_current=False)] == ["v", "w", "x", "y"]


def test_an_item_taken_out_of_the_cart_is_recommended_again() -> None:
    shoppers = visitor("lamp")
    front = Shopfront(shoppers, {"lamp": {"bulb": 0.5}, "sofa": {"bulb": 0.5}})
    shoppers.fold([event(10, "ada", "bulb", 10, "add_to_cart"), event(11, "ada", "sofa", 11)])
    assert front.of("ada") == []
    shoppers.fold([event(12, "ada", "bulb", 12, "remove_from_cart"), event(13, "ada", "sofa", 13)])
    assert [entry.item for entry in front.of("ada")] == ["bulb"]


@pytest.mark.parametrize("lowest", [1e-6, 2e-6, 3e-6, 0.25])
def test_fillers_score_below_the_weakest_neighbour_and_lists_stay_in_order(lowest: float) -> None:
    fillers = [("a", 0.5), ("y", 0.5), ("b", 1e-6)]
    front = Shopfront(visitor("lamp"), {"lamp": {"m": lowest}}, fillers, [("c", 0.3), ("z", 0.3)])
    found = front.of("ada", 0)
    assert found[0] == ("m", lowest, "lamp")
    scores = [entry.score or 0.0 for entry in found]
    assert max(scores[1:]) < lowest
    assert [(-(entry.score or 0.0), entry.item) for entry in found] == sorted(
        (-(entry.score or 0.0), entry.item) for entry in found
    )
    assert {entry.item for entry in found} == {"m", "a", "y", "b", "c", "z"}


def test_a_neighbour_too_weak_to_have_a_score_is_not_personal() -> None:
    front = Shopfront(visitor("old", "new"), {"old": {"bulb": 1e-6}, "new": {}}, [("sofa", 0.5)])
    lists = front.lists(["ada"], step_weight=0.1)
    assert [entry.item for entry in front.named(lists)] == ["sofa"]
    assert SOURCES[lists.source[0]] == "trending"


def test_shares_of_nothing_still_fill_a_list() -> None:
    front = Shopfront(visitor("lamp"), {}, [("sofa", 0.0), ("desk", 0.0)])
    assert [(entry.item, entry.score) for entry in front.of("ada")] == [("desk", 0.0), ("sofa", 0.0)]


def test_a_new_neighbour_list_takes_the_place_of_the_old_one() -> None:
    front = Shopfront(visitor("lamp"), {"lamp": {"bulb": 0.5, "desk": 0.4}})
    front.neighbours.learn_one(0, front.items.codes(["sofa"]), np.array([0.3]), 0.0)
    assert front.of("ada") == [("sofa", 0.3, "lamp")]
    longer = front.items.codes(f"sofa {n:02}" for n in range(80))
    front.neighbours.learn_one(0, longer, np.linspace(1.0, 0.1, 80), 0.0)
    assert len(front.of("ada", length=80)) == 50


def test_the_items_asked_for_are_the_recent_ones() -> None:
    shoppers = Shoppers(Vocabulary())
    shoppers.fold(random_events(2, 300, UNRULY))
    chosen = np.arange(len(shoppers), dtype=np.int32)
    asked = Recommender(shoppers.items).recent_many(chosen, shoppers.shelves)
    recent = {item for code in chosen.tolist() for item in recent_items(shoppers, code)[-10:]}
    assert {shoppers.items.names[code] for code in asked.tolist()} == recent
