"""Recommendations against the slow merge, and what a list promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from online_models.compiled import Floats, Int32s
from online_models.histories import Histories
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
            self.neighbours.learn_one(self.items.code(item), *self._ranked(ranked))
        self.trending = [self._ranked(entries) for entries in trending or [[]]]

    def _ranked(self, entries: Ranked) -> tuple[Int32s, Floats]:
        return self.items.codes(item for item, _ in entries), np.array([score for _, score in entries])

    def lists(self, users: Sequence[str], segment: int = -1, **options: object) -> Recommendations:
        recommender = Recommender(self.items, RecommendationSettings(**options))  # type: ignore[arg-type]
        chosen = np.array([self.shoppers.code_one(user) for user in users], np.int32)
        segments = np.full(len(users), segment, np.int32)
        histories = Histories.of([(chosen, self.shoppers.shelves)])
        return recommender.predict_many(histories, self.neighbours, segments, self.trending)

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
    """Similarities that are multiples of 1/8: ties abound."""
    return {
        item: {other: float(rng.integers(0, 9)) / 8 for other in items if other != item and rng.random() < 0.3}
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
    history = Folding(events)
    names = [*shoppers.items.names, "lämp", "zeta", "💡"]
    trending = [[(item, 0.9 / (n + 2)) for n, item in enumerate(rng.permutation(names)[:9])] for _ in range(3)]
    similar = random_similarity(names, rng)
    front = Shopfront(shoppers, similar, *trending)
    users = list(history.shoppers)
    options = {"length": 12, "recent_items": 4, "step_weight": 0.5}
    lists = front.lists(users, segment, skip_owned=skip, skip_current=skip, **options)
    for n, user in enumerate(users):
        shopper = history.shoppers[user]
        cart, bought = shopper.owned()
        recent = shopper.recent()[::-1][:4]
        unwanted = {*cart, *bought, *recent[:1]} if skip else set()
        fillers = [[item for item, _ in trending[row]] for row in ([segment, 2] if segment >= 0 else [2])]
        found = front.named(lists, n)
        session, returns = shopper.sessions[-1].items, history.returns(user)
        expected = recommend(recent, session, returns, similar, unwanted, fillers, length=12, step_weight=0.5)
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
        {"newest": {"x": 0.1, "z": 0.2}, "newer": {"x": 0.4}, "old": {"x": 0.5, "y": 0.2}},
    )
    back = [("newer", 0.005, "newer"), ("old", 0.01, "old")]  # nobody went back in two trials, and in one: 0.01 / 2
    x = (0.1 ** (2 / 3) + 0.4 ** (2 / 3) / 2 + 0.5 ** (2 / 3) / 3) ** 1.5
    sums = [("x", x, "newer"), ("z", 0.2, "newest"), ("y", 0.2 * (1 / 3) ** 1.5, "old")]
    share = (1.0 - 0.01 / 2 - 0.01) / sum(part for _, part, _ in sums)
    assert front.of("ada", step_weight=0.5) == [
        *((item, round(share * part, 6), because) for item, part, because in sums), *reversed(back),
    ]  # fmt: skip


def test_only_the_newest_items_are_asked() -> None:
    front = Shopfront(visitor("a", "b", "c"), {"a": {"x": 1.0}, "b": {"y": 1.0}, "c": {"z": 1.0}})
    assert [entry.item for entry in front.of("ada", recent_items=2)] == ["z", "y", "a", "b"]


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
    assert [entry.item for entry in front.of("ada")] == ["x", "v", "y"]
    assert sorted(entry.item for entry in front.of("ada", skip_owned=False)) == ["b", "c", "v", "x", "y"]
    assert sorted(entry.item for entry in front.of("ada", skip_current=False)) == ["v", "w", "x", "y"]


def test_an_item_taken_out_of_the_cart_is_recommended_again() -> None:
    shoppers = visitor("lamp")
    front = Shopfront(shoppers, {"lamp": {"bulb": 0.5}, "sofa": {"bulb": 0.5}})
    shoppers.fold([event(10, "ada", "bulb", 10, "add_to_cart"), event(11, "ada", "sofa", 11)])
    assert [entry.item for entry in front.of("ada")] == ["lamp"]
    shoppers.fold([event(12, "ada", "bulb", 12, "remove_from_cart"), event(13, "ada", "sofa", 13)])
    assert sorted(entry.item for entry in front.of("ada")) == ["bulb", "lamp"]


@pytest.mark.parametrize("lowest", [1e-6, 2e-6, 3e-6, 0.25])
def test_fillers_score_below_the_weakest_neighbour_and_lists_stay_in_order(lowest: float) -> None:
    fillers = [("a", 0.5), ("y", 0.5), ("b", 1e-6)]
    similar = {"lamp": {"k": 1.0 - lowest, "m": lowest}}
    front = Shopfront(visitor("lamp"), similar, fillers, [("c", 0.3), ("z", 0.3)])
    found = front.of("ada", 0)
    assert found[1] == ("m", lowest, "lamp")
    scores = [entry.score or 0.0 for entry in found]
    assert max(scores[2:]) < lowest
    assert [(-(entry.score or 0.0), entry.item) for entry in found] == sorted(
        (-(entry.score or 0.0), entry.item) for entry in found
    )
    assert {entry.item for entry in found} == {"k", "m", "a", "y", "b", "c", "z"}


def test_a_neighbour_too_weak_to_have_a_score_is_left_out() -> None:
    front = Shopfront(visitor("lamp"), {"lamp": {"bulb": 4e-7, "desk": 1.0}}, [("sofa", 0.5)])
    assert front.of("ada") == [("desk", 1.0, "lamp"), ("sofa", 0.4, None)]


def test_shares_of_nothing_still_fill_a_list() -> None:
    front = Shopfront(visitor("lamp"), {}, [("sofa", 0.0), ("desk", 0.0)])
    assert [(entry.item, entry.score) for entry in front.of("ada")] == [("desk", 0.0), ("sofa", 0.0)]


def test_a_new_neighbour_list_takes_the_place_of_the_old_one() -> None:
    front = Shopfront(visitor("lamp"), {"lamp": {"bulb": 0.5, "desk": 0.4}})
    front.neighbours.learn_one(0, front.items.codes(["sofa"]), np.array([0.3]))
    assert front.of("ada") == [("sofa", 1.0, "lamp")]
    longer = front.items.codes(f"sofa {n:02}" for n in range(80))
    front.neighbours.learn_one(0, longer, np.linspace(1.0, 0.1, 80))
    assert len(front.of("ada", length=80)) == 50


def test_shoppers_of_several_partitions_get_the_lists_they_would_get_alone() -> None:
    items, rng = Vocabulary(), np.random.default_rng(3)
    shops = [Shoppers(items) for _ in range(3)]
    for seed, shop in enumerate(shops):
        shop.fold(random_events(seed, 300, UNRULY))
    fronts = [Shopfront(shop, {}, [("pony", 0.2)]) for shop in shops]
    similar = random_similarity(items.names, rng)
    neighbours = Shopfront(shops[0], similar).neighbours
    groups = [(rng.permutation(len(shop)).astype(np.int32)[:9], shop.shelves) for shop in shops]
    recommender, trending = Recommender(items), fronts[0].trending
    together = Histories.of(groups)
    apart = [Histories.of([group]) for group in groups]
    assert (
        recommender.recent_many(together).tolist()
        == np.concatenate([recommender.recent_many(one) for one in apart]).tolist()
    )
    nowhere = np.full(27, -1, np.int32)
    found = recommender.predict_many(together, neighbours, nowhere, trending)
    for n, one in enumerate(apart):
        expected, mine = recommender.predict_many(one, neighbours, nowhere[:9], trending), found.part(9 * n, 9 * n + 9)
        assert expected.lengths.max() > 1
        for name in ("items", "scores", "because", "lengths", "source"):
            assert (getattr(mine, name) == getattr(expected, name)).all()


def test_the_items_asked_for_are_the_recent_ones() -> None:
    shoppers = Shoppers(Vocabulary())
    shoppers.fold(random_events(2, 300, UNRULY))
    chosen = np.arange(len(shoppers), dtype=np.int32)
    asked = Recommender(shoppers.items).recent_many(Histories.of([(chosen, shoppers.shelves)]))
    recent = {item for code in chosen.tolist() for item in recent_items(shoppers, code)[-10:]}
    assert {shoppers.items.names[code] for code in asked.tolist()} == recent


def homecomers(*sessions: str) -> Shoppers:
    """Shoppers who each looked at the items of a word, a letter each."""
    shoppers = Shoppers(Vocabulary())
    visits = [(f"user {n}", item, n + 0.01 * k) for n, word in enumerate(sessions) for k, item in enumerate(word)]
    shoppers.fold(views(visits))
    return shoppers


def test_where_others_went_back_to_is_where_this_one_may_go() -> None:
    """Given 20 sessions of which 15 went back to the first of two items, the chance is (15 + 5 · usual) / (20 + 5)."""
    front = Shopfront(homecomers(*["aba"] * 15, *["abc"] * 5, "xy"), {"y": {"z": 1.0}})
    usual = 15.01 / 21  # what came back was never the one before the newest again: 35 more trials would count there
    found = {entry.item: entry for entry in front.of("user 20")}
    assert found["x"] == ("x", round((15 + 5 * usual) / 25, 6), "x")
    assert found["z"] == ("z", round(1 - (15 + 5 * usual) / 25, 6), "y")
    assert set(found) == {"x", "z"}


def test_the_item_looked_at_is_returned_to_only_where_that_is_allowed() -> None:
    front = Shopfront(homecomers(*["aa"] * 30, "x"), {"x": {"z": 1.0}})
    assert front.of("user 30") == [("z", 1.0, "x")]
    chance = (30 + 5 * 30.01 / 31) / 35
    assert front.of("user 30", skip_current=False) == [("x", round(chance, 6), "x"), ("z", 0.05, "x")]


def test_a_list_of_returns_and_fillers_is_told_from_one_with_neighbours() -> None:
    front = Shopfront(homecomers("xy", "z", "w"), {"z": {"desk": 1.0}}, [("sofa", 0.5)])
    lists = front.lists(["user 0", "user 1", "user 2", "nobody"])
    assert [entry.item for entry in front.named(lists)] == ["x", "sofa"]
    assert lists.has_neighbours.tolist() == [False, True, False, False]
    assert [SOURCES[code] for code in lists.source] == ["personal", "personal", "trending", "trending"]


def test_an_item_of_an_earlier_session_is_no_return() -> None:
    shoppers = visitor("lamp", "bulb")
    shoppers.fold([event(10, "ada", "sofa", 500)])
    front = Shopfront(shoppers, {"sofa": {"desk": 0.5}, "bulb": {"lamp": 0.5}})
    part = 0.5**1.5
    assert front.of("ada", step_weight=0.5) == [
        ("desk", round(1 / (1 + part), 6), "sofa"),
        ("lamp", round(part / (1 + part), 6), "bulb"),
    ]


def test_an_item_of_the_session_gets_a_tenth_of_what_its_neighbours_give() -> None:
    """Given a session of 20 items, the oldest are too long ago to be returned to."""
    front = Shopfront(visitor(*"abcdefghijklmnopqrst"), {"t": {"a": 0.5, "z": 0.5}})
    found = {entry.item: entry.score or 0.0 for entry in front.of("ada", length=30)}
    assert found["a"] == pytest.approx(found["z"] / 10, abs=1e-6)
    assert set(found) == {*"efghijklmnopqrs", "a", "z"}
