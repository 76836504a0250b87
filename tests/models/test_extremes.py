"""Numbers that are extreme and still valid leave everything finite."""

from __future__ import annotations

import numpy as np
import pytest

from online_models.engine import Engine
from online_models.events import EVENT_TYPES, Event
from online_models.features import FEATURE_LIMIT
from online_models.shoppers import Shoppers
from online_models.vocabulary import Vocabulary
from tests.models.canonical import shoppers_state, similarity_state
from tests.models.event_streams import NOON

FIRST = 946_684_800_000  # the year 2000, before which an event is refused
LAST = 253_402_300_799_000  # the end of the year 9999


def extreme_events(seed: int, length: int = 400) -> list[Event]:
    """The largest prices and quantities, and times from all over eight thousand years."""
    rng = np.random.default_rng(seed)
    moments = [0, FIRST, NOON, NOON + 1, NOON + 30 * 60_000, 2 * NOON, LAST]
    return [
        Event(
            event_id=f"e{number}",
            type=str(rng.choice(EVENT_TYPES)),
            user_id=f"user {rng.integers(5)}",
            item_id="🛋" * int(rng.integers(1, 33)),
            ts=int(rng.choice(moments)),
            price=float(rng.choice([0.0, 5e-324, 1e-9, 1e9])),
            quantity=int(rng.choice([0, 1, 100_000])),
        )
        for number in range(length)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_extreme_events(seed: int) -> None:
    events = extreme_events(seed)
    shoppers = Shoppers(Vocabulary())
    folded = shoppers.fold(events)
    everyone = np.arange(len(shoppers), dtype=np.int32)
    for rows in (
        folded.examples.features,
        folded.examples.profile,
        shoppers.features_many(everyone),
        shoppers.profiles_many(everyone),
    ):
        assert np.isfinite(rows).all()
        assert (np.abs(rows) <= FEATURE_LIMIT).all()
    assert np.isfinite(folded.increments.weight).all()
    assert np.isfinite(shoppers.shelves.shoppers["spend"]).all()
    shoppers_state(shoppers)


@pytest.mark.parametrize("seed", range(5))
def test_lists_made_of_extreme_events(seed: int) -> None:
    events = extreme_events(seed)
    engine = Engine()
    for start in range(0, len(events), 7):
        engine.learn_many(events[start : start + 7])
        found = engine.recommend_one(events[start].user_id)
        assert all(0.0 <= score < 1e3 for _, score, _ in found)
        assert all(0.0 <= share <= 1.0 for _, share in engine.trending.top_items())
    for similarity in engine.similarity:
        assert np.isfinite(similarity.weights).all()
        assert np.isfinite(similarity.received).all()
        similarity_state(similarity)


def test_a_shopper_who_looks_at_thousands_of_items_in_one_session() -> None:
    """Given a bot that views 1500 items, the newest 512 are remembered, and increments go no further back."""
    shoppers = Shoppers(Vocabulary())
    views = [Event(f"e{n}", "view", "bot", f"item {n:04}", NOON + n) for n in range(1500)]
    folded = shoppers.fold(views)
    record = shoppers.shelves.shoppers[0]
    remembered = shoppers.shelves.items[record["items_start"] :][: record["items_length"]]
    assert [shoppers.items.names[code] for code in remembered.tolist()] == [f"item {n:04}" for n in range(988, 1500)]
    per_event = np.bincount(folded.increment_event)
    assert per_event.tolist() == [1 + 2 * min(n, 511) for n in range(1500)]
    shoppers_state(shoppers)


def test_a_purchase_of_everything() -> None:
    shoppers = Shoppers(Vocabulary())
    shoppers.fold([Event(f"e{n}", "purchase", "ada", "lamp", NOON, 1e9, 100_000) for n in range(1000)])
    assert shoppers.profile_one("ada")["spend"] == 1e17
