"""Where a stream is cut into batches makes no difference, not by a single bit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from online_models.engine import Engine, EngineSettings
from online_models.events import Event
from online_models.increments import Increments
from online_models.shoppers import Shoppers, ShopperSettings
from online_models.similarity import ItemSimilarity, SimilaritySettings
from online_models.trending import Trending
from online_models.vocabulary import Vocabulary
from tests.models.canonical import (
    named_examples,
    named_increments,
    shoppers_state,
    similarity_state,
    trending_state,
)
from tests.models.event_streams import CROWDED, ORDERLY, SCRAMBLED, SKEWED, UNRULY, Shop, random_batches, random_events

SHOPS = pytest.mark.parametrize(
    "shop", [ORDERLY, UNRULY, SCRAMBLED, SKEWED, CROWDED], ids=["orderly", "unruly", "scrambled", "skewed", "crowded"]
)


def history(batches: Sequence[Sequence[Event]], settings: ShopperSettings) -> dict[str, object]:
    """All that the shoppers said and are, after some batches; events are numbered through."""
    shoppers = Shoppers(Vocabulary(), settings)
    increments: list[object] = []
    examples: list[object] = []
    accepted: list[bool] = []
    for batch in batches:
        folded, start = shoppers.fold(batch), len(accepted)
        accepted += folded.accepted.tolist()
        increments += zip(
            (folded.increment_event + start).tolist(), named_increments(folded, shoppers.items), strict=True
        )
        examples += zip((folded.example_event + start).tolist(), named_examples(folded, shoppers.items), strict=True)
        touched = {shoppers.users.names[code] for code in folded.touched.tolist()}
        acted = {event.user_id for event, new in zip(batch, folded.accepted.tolist(), strict=True) if new}
        assert touched == acted & set(shoppers.users.names)
    return {"increments": increments, "examples": examples, "accepted": accepted, **shoppers_state(shoppers)}


@SHOPS
@pytest.mark.parametrize("seed", range(3))
def test_shoppers(shop: Shop, seed: int) -> None:
    events = random_events(seed, 700, shop)
    expected = history([events], ShopperSettings())
    assert history(random_batches(events, seed), ShopperSettings()) == expected
    assert history([[event] for event in events], ShopperSettings()) == expected


@SHOPS
@pytest.mark.parametrize("most", [1, 3, 40])
def test_shoppers_that_are_forgotten_on_the_way(shop: Shop, most: int) -> None:
    events = random_events(most, 500, shop)
    limited = ShopperSettings(max_shoppers=most)
    expected = history([events], limited)
    assert history(random_batches(events, most), limited) == expected
    assert history([[event] for event in events], limited) == expected


def test_duplicates_that_the_window_covers_or_not() -> None:
    events = random_events(5, 1500, Shop(repeated=0.3))
    limited = ShopperSettings(duplicate_window=200)
    expected = history([events], limited)
    assert history(random_batches(events, 7), limited) == expected
    assert history([[event] for event in events], limited) == expected
    assert len({event.event_id for event in events}) < np.count_nonzero(np.array(expected["accepted"])) < 1500


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=12), st.integers(0, 1000))
def test_shoppers_cut_anywhere(portions: list[int], seed: int) -> None:
    events = random_events(seed, sum(portions), SCRAMBLED)
    ends = np.cumsum([0, *portions]).tolist()
    batches = [events[end - portion : end] for portion, end in zip(portions, ends[1:], strict=True)]
    assert history(batches, ShopperSettings()) == history([events], ShopperSettings())


def increments_of(seed: int) -> tuple[Vocabulary, Increments]:
    shoppers = Shoppers(Vocabulary())
    return shoppers.items, shoppers.fold(random_events(seed, 800, CROWDED)).increments


def portions_of(increments: Increments, seed: int) -> list[Increments]:
    rng = np.random.default_rng(seed)
    cuts = np.sort(rng.integers(0, len(increments), size=40))
    return [increments.chosen(places) for places in np.split(np.arange(len(increments)), cuts)]


@pytest.mark.parametrize("max_items", [1_000_000, 60])
@pytest.mark.parametrize("seed", range(3))
def test_similarity(seed: int, max_items: int) -> None:
    items, increments = increments_of(seed)
    whole, parts = (ItemSimilarity(items, SimilaritySettings(0.01, max_items=max_items)) for _ in range(2))
    whole.learn_many(increments)
    for portion in portions_of(increments, seed):
        parts.learn_many(portion)
    assert similarity_state(parts) == similarity_state(whole)


@pytest.mark.parametrize("seed", range(3))
def test_trending(seed: int) -> None:
    items, increments = increments_of(seed)
    whole, parts = Trending(items, 0.05, top=20), Trending(items, 0.05, top=20)
    for model, portions in ((whole, [increments]), (parts, portions_of(increments, seed))):
        for portion in portions:
            model.learn_many(*portion.actions())
    assert trending_state(parts) == trending_state(whole)
    assert parts.top_items() == whole.top_items()


def test_the_whole_engine() -> None:
    events = random_events(4, 1200, CROWDED)
    whole, parts = Engine(EngineSettings()), Engine(EngineSettings())
    whole.learn_many(events)
    for n, batch in enumerate(random_batches(events, 4)):
        parts.learn_many(batch)
        if n % 10 == 0:  # asking in between changes nothing either
            parts.recommend_one(events[0].user_id)
    for user in {event.user_id for event in events}:
        assert parts.recommend_one(user) == whole.recommend_one(user)
    for mine, theirs in zip(parts.similarity, whole.similarity, strict=True):
        assert similarity_state(mine) == similarity_state(theirs)
