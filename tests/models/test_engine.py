"""The whole engine in one process: cold starts, and a checkerboard whose right answers are known."""

from __future__ import annotations

import math

import pytest

from online_models.engine import Engine, EngineSettings
from online_models.recommendation import RecommendationSettings
from online_models.similarity import SimilaritySettings
from tests.models.event_streams import event, random_events, views


def items_for(engine: Engine, user: str) -> list[str]:
    return [item for item, _, _ in engine.recommend_one(user)]


def test_before_anything_is_learned_there_is_nothing_to_recommend() -> None:
    assert Engine().recommend_one("ada") == []


def test_a_stranger_gets_what_trends_and_stays_a_stranger() -> None:
    """Given as many shoppers as there is room for before the tables grow, a stranger is nobody of them."""
    engine = Engine()
    for n in range(200):
        engine.learn_many([event(n, f"user {n}", "lamp" if n % 2 else "bulb", n, "purchase")])
        assert set(items_for(engine, "stranger")) == ({"lamp", "bulb"} if n else {"bulb"})
        assert len(engine.shoppers) == n + 1
    assert all(because is None for _, _, because in engine.recommend_one("stranger"))


def test_a_new_item_is_recommended_after_a_single_visit_together() -> None:
    engine = Engine()
    engine.learn_many(views([(f"user {n}", f"lamp {n % 5}", n) for n in range(50)]))
    engine.learn_many([event(100, "ada", "lamp 1", 60), event(101, "ada", "brand new", 61)])
    engine.learn_many([event(102, "bob", "lamp 1", 62)])
    best, _, because = engine.recommend_one("bob")[0]
    assert (best, because) == ("brand new", "lamp 1")
    engine.learn_many([event(103, "cyd", "brand new", 63)])
    best, _, because = engine.recommend_one("cyd")[0]
    assert (best, because) == ("lamp 1", "brand new")


@pytest.mark.parametrize("partitions", [1, 4, 13])
def test_a_checkerboard(partitions: int) -> None:
    """Given that even users see even items and odd ones odd, everyone is offered the colour, but not the own gap."""
    engine = Engine(EngineSettings(item_partitions=partitions, recommendations=RecommendationSettings(length=4)))
    board = [(user, item) for user in range(10) for item in range(10) if (user - item) % 2 == 0 and user != item]
    engine.learn_many(views([(f"user {user}", f"item {item}", 0.01 * n) for n, (user, item) in enumerate(board)]))
    for user in range(10):
        found = engine.recommend_one(f"user {user}")
        assert {int(item.removeprefix("item ")) % 2 for item, _, _ in found} == {user % 2}
        assert f"item {user}" in [item for item, _, _ in found]


def test_without_damping_partitions_make_no_difference() -> None:
    """What an item received is known to each partition only for its own rows; without damping it is not asked.

    Nothing fades here: each partition's weights would begin to grow at an event of its own, and be rounded elsewhere.
    """
    events = random_events(1, 600)
    one, many = (
        Engine(EngineSettings(similarity=SimilaritySettings(math.inf, damping=0.0), item_partitions=partitions))
        for partitions in (1, 8)
    )
    one.learn_many(events)
    many.learn_many(events)
    for user in one.shoppers.users.names:
        assert one.recommend_one(user) == many.recommend_one(user)


def test_observed_events_move_sessions_and_teach_nothing() -> None:
    engine = Engine()
    engine.learn_many(views([("ada", "lamp", 0), ("ada", "bulb", 1), ("ada", "sofa", 2)]))
    engine.observe_many([event(10, "bob", "desk", 3), event(11, "bob", "lamp", 4)])
    assert items_for(engine, "ada") == ["bulb", "lamp"]
    assert {(item, because) for item, _, because in engine.recommend_one("bob")} == {
        ("bulb", "lamp"), ("sofa", "lamp"), ("desk", "desk"),
    }  # fmt: skip


def test_asking_changes_nothing() -> None:
    """Given two engines that learn the same, one asked all the time, both say the same in the end."""
    events = random_events(2, 400)
    silent, asked = Engine(), Engine()
    for visit in events:
        silent.learn_many([visit])
        asked.learn_many([visit])
        asked.recommend_one(visit.user_id)
    for user in silent.shoppers.users.names:
        assert asked.recommend_one(user) == silent.recommend_one(user)


def test_what_was_bought_is_left_out_though_the_purchase_came_late() -> None:
    engine = Engine()
    engine.learn_many(views([(f"user {n}", item, n) for n in range(9) for item in ("lamp", "bulb", "sofa")]))
    engine.learn_many([event(100, "ada", "lamp", 600)])
    assert items_for(engine, "ada")[:2] == ["bulb", "sofa"]
    engine.learn_many([event(101, "ada", "bulb", 300, "purchase"), event(102, "ada", "sofa", 300, "add_to_cart")])
    assert items_for(engine, "ada") == ["sofa"]
    engine.learn_many([event(103, "ada", "lamp", 602)])
    assert items_for(engine, "ada") == ["sofa"]
