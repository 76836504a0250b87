"""The baselines against examples worked out by hand, and what they owe to fair play."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest

from online_models.baselines import (
    AssociationRules,
    Baseline,
    BaselineEngine,
    ItemCosine,
    Partitioned,
    Popularity,
    SequentialRules,
    SessionKNN,
    Visit,
    Visits,
)
from online_models.engine import EngineSettings
from online_models.evaluation import NextItemQuality, next_item_predictions
from online_models.recommendation import RecommendationSettings
from online_models.shoppers import ShopperSettings
from streams.evaluating.without_seen import WithoutSeen
from streams.sources import read_session_events
from tests.models.event_streams import event
from tests.sources.shared_data import shared


def taught(baseline: Baseline, sessions: Iterable[tuple[str, str]]) -> Visits:
    """Teach the actions of (user, items as letters), each user one session; return who did what."""
    histories = Visits()
    for user, items in sessions:
        for n, item in enumerate(items):
            baseline.learn_one(histories.at(user, n), item)
            histories.learn_one(user, item, n)
    return histories


def test_popularity_counts_actions() -> None:
    popularity = Popularity(length=2)
    histories = taught(popularity, [("u", "abcb"), ("v", "cbd")])
    assert popularity.predict_one(histories.of("u")) == {"b": 3.0, "c": 2.0}
    assert list(popularity.ranking()) == ["b", "c", "a", "d"]


def test_association_rules_count_pairs_in_both_directions() -> None:
    """Session a b a: pairs (a, b), (a, a) twice over, (b, a). Session b c: (b, c)."""
    rules = AssociationRules()
    taught(rules, [("u", "aba"), ("v", "bc")])
    assert rules.predict_one(Visit("w", 2, ["a"])) == {"a": 2.0, "b": 2.0}
    assert rules.predict_one(Visit("w", 2, ["a", "b"])) == {"a": 2.0, "c": 1.0}
    assert rules.predict_one(Visit("w", 2, ["z"])) == {}


def test_sequential_rules_weigh_by_distance() -> None:
    """Session a b a c: from a to b 1, from b to a 1, from a to a 1/2, to c from a 1 + 1/3 and from b 1/2."""
    rules = SequentialRules()
    taught(rules, [("u", "abac")])
    assert rules.predict_one(Visit("w", 2, ["a"])) == pytest.approx({"b": 1, "a": 1 / 2, "c": 4 / 3})
    assert rules.predict_one(Visit("w", 2, ["b"])) == pytest.approx({"a": 1, "c": 1 / 2})
    assert rules.predict_one(Visit("w", 2, ["c"])) == {}


def test_sequential_rules_end_after_some_steps() -> None:
    rules = SequentialRules(steps=2)
    taught(rules, [("u", "abcd")])
    assert rules.predict_one(Visit("w", 2, ["a"])) == {"b": 1, "c": 1 / 2}


def test_item_cosine_is_the_cosine_of_who_had_what() -> None:
    """Three had a, two had b, both of them a as well; one had c, who had all three."""
    cosine = ItemCosine()
    taught(cosine, [("u", "abba"), ("v", "cab"), ("w", "a")])
    found = cosine.predict_one(Visit("x", own={"a": None}))
    assert found == pytest.approx({"b": 2 / math.sqrt(3 * 2), "c": 1 / math.sqrt(3)})
    both = cosine.predict_one(Visit("x", own={"a": None, "b": None}))
    assert both["c"] == pytest.approx(1 / math.sqrt(3) + 1 / math.sqrt(2))


def test_item_cosine_links_the_newest_items() -> None:
    cosine = ItemCosine(linked=1)
    taught(cosine, [("u", "abc")])
    assert cosine.predict_one(Visit("x", own={"a": None})) == pytest.approx({"b": 1.0})
    assert cosine.predict_one(Visit("x", own={"a": None, "c": None})) == pytest.approx({"b": 1.0})


def test_session_knn_adds_up_the_sessions_that_share_items() -> None:
    """Given sessions abx and by, and now a b: similarity 1 + 1/2 and 1, newest shared item one step back in both."""
    knn = SessionKNN()
    taught(knn, [("u", "abx"), ("v", "by")])
    found = knn.predict_one(Visit("w", 2, ["a", "b"]))
    once, twice = 1 + math.log(2 / 1), 1 + math.log(2 / 2)
    assert found == pytest.approx({"a": 1.5 * once, "b": 2.5 * twice, "x": 1.5 * once, "y": 1.0 * once})
    assert knn.predict_one(Visit("w", 2, ["a", "z"]))["x"] == pytest.approx(0.5 / 2 * once)


def test_session_knn_does_not_ask_the_session_itself() -> None:
    knn = SessionKNN()
    histories = taught(knn, [("u", "ab")])
    assert knn.predict_one(histories.of("u")) == {}


def test_session_knn_is_bounded() -> None:
    """One vote from the newest of two sessions that can be looked at, and the oldest session is forgotten."""
    sessions = [("s", "ap"), ("t", "aq"), ("u", "ar")]
    for knn, expected in (
        (SessionKNN(k=1), {"a", "r"}),
        (SessionKNN(sample=2), {"a", "q", "r"}),
        (SessionKNN(max_sessions=1), {"a", "r"}),
    ):
        taught(knn, sessions)
        assert set(knn.predict_one(Visit("w", 3, ["a"]))) == expected


def test_partitions_know_their_own_shoppers_only() -> None:
    rules = Partitioned(SequentialRules, 4)
    taught(rules, [(f"user {n}", "ab") for n in range(40)])
    weights = [rules.predict_one(Visit(f"user {n}", 99, ["a"]))["b"] for n in range(40)]
    assert min(weights) > 1
    assert max(weights) < 40
    assert sum({id(part): part.predict_one(Visit("x", 99, ["a"]))["b"] for part in rules.parts}.values()) == 40


def test_histories_cut_sessions_and_keep_what_is_owned() -> None:
    histories = Visits(gap_minutes=30)
    for minute, item in ((0, "a"), (30, "b"), (61, "a")):
        histories.learn_one("ada", item, minute * 60_000)
    assert histories.of("ada") == Visit("ada", 1, ["a"], {"b": None, "a": None})
    assert histories.of("bob") == Visit("bob")


@pytest.mark.parametrize(
    ("current", "owned", "expected"),
    [(False, False, "abc"), (True, False, "ab"), (False, True, "bc"), (True, True, "b")],
)
def test_the_switches_of_the_engine_hold(current: bool, owned: bool, expected: str) -> None:
    """Given that a is in the cart and c is looked at."""
    rules = RecommendationSettings(skip_current=current, skip_owned=owned)
    engine = BaselineEngine(AssociationRules(), EngineSettings(recommendations=rules))
    engine.learn_many([event(0, "ada", "a", 0, "add_to_cart"), event(1, "ada", "b", 1), event(2, "ada", "c", 2)])
    assert sorted(item for item, _, _ in engine.recommend_one("ada")) == list(expected)


def test_lists_are_filled_with_what_is_popular() -> None:
    engine = BaselineEngine(SequentialRules(), EngineSettings(recommendations=RecommendationSettings(length=3)))
    engine.learn_many([event(n, f"user {n}", "popular", 0) for n in range(5)])
    engine.learn_many([event(10, "ada", "a", 0), event(11, "ada", "b", 1), event(12, "bob", "a", 2)])
    assert engine.recommend_one("bob") == [("b", 1.0, None), ("popular", 0.0, None)]
    assert engine.recommend_one("stranger")[0] == ("popular", 0.0, None)


def test_observing_changes_the_session_and_not_the_model() -> None:
    engine = BaselineEngine(SequentialRules())
    engine.learn_many([event(0, "ada", "a", 0), event(1, "ada", "b", 1)])
    engine.observe_many([event(2, "bob", "a", 2), event(3, "bob", "c", 3), event(4, "eve", "a", 3)])
    assert [item for item, score, _ in engine.recommend_one("eve") if score] == ["b"]
    assert engine.recommend_one("bob") == [("a", 0.0, None), ("b", 0.0, None)]


def test_what_was_seen_is_left_out() -> None:
    engine = WithoutSeen(BaselineEngine(Popularity()), length=2)
    engine.learn_many([event(n, "ada", item, n) for n, item in enumerate("abcdabcabe")])
    engine.observe_many([event(20, "bob", "b", 20)])
    assert [item for item, _, _ in engine.recommend_one("bob")] == ["a", "c"]
    assert engine.recommend_one("ada") == []


@pytest.mark.parametrize(
    ("baseline", "hr", "mrr"), [(AssociationRules(), 0.6333, 0.3266), (SequentialRules(), 0.6178, 0.3526)]
)
def test_session_rec_gets_the_same(baseline: Baseline, hr: float, mrr: float) -> None:
    """RSC15-100k, hold-out, current item allowed; what differs is the order of items with equal scores."""
    settings = EngineSettings(
        shoppers=ShopperSettings(session_gap_minutes=1e7), recommendations=RecommendationSettings(skip_current=False)
    )
    engine = BaselineEngine(baseline, settings)
    engine.learn_many(list(read_session_events(shared("rsc15-100k-train_full.tsv.gz"))))
    quality = NextItemQuality()
    test = read_session_events(shared("rsc15-100k-test.tsv.gz"))
    for prediction in next_item_predictions(engine, test, learn=False, gap_minutes=1e7):
        quality.learn_one(prediction)
    assert quality.predictions == 10_152
    assert quality.hit_rate == pytest.approx(hr, abs=0.005)
    assert quality.mean_reciprocal_rank == pytest.approx(mrr, abs=0.006)
