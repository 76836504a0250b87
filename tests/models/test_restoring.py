"""A model that was packed and brought back to life goes on exactly as if nothing had happened."""

from __future__ import annotations

import pytest

from online_models import shoppers_state, similarity_state
from online_models.shoppers import Shoppers, ShopperSettings
from online_models.shoppers_state import FrozenShoppers
from online_models.similarity import ItemSimilarity, SimilaritySettings
from online_models.similarity_state import FrozenSimilarity
from online_models.trending import Trending
from online_models.vocabulary import Vocabulary
from tests.models import canonical
from tests.models.event_streams import CROWDED, SCRAMBLED, SKEWED, UNRULY, Shop, random_events
from tests.models.test_batches import history, increments_of, portions_of

SHOPS = pytest.mark.parametrize(
    "shop", [UNRULY, SCRAMBLED, SKEWED, CROWDED], ids=["unruly", "scrambled", "skewed", "crowded"]
)


def other_vocabulary() -> Vocabulary:
    """A worker that knows other items already, so that codes differ."""
    items = Vocabulary()
    items.codes(["something", "item 3", "else"])
    return items


@SHOPS
@pytest.mark.parametrize("settings", [ShopperSettings(), ShopperSettings(max_shoppers=3, duplicate_window=50)])
def test_shoppers(shop: Shop, settings: ShopperSettings) -> None:
    events = random_events(1, 900, shop)
    shoppers = Shoppers(Vocabulary(), settings)
    increments: list[object] = []
    for start in range(0, len(events), 60):
        folded = shoppers.fold(events[start : start + 60])
        increments += zip(
            (folded.increment_event + start).tolist(),
            canonical.named_increments(folded, shoppers.items),
            strict=True,
        )
        state = FrozenShoppers.of(shoppers).state()
        shoppers = shoppers_state.restored(state, other_vocabulary(), settings)
    expected = history([events], settings)
    assert increments == expected["increments"]
    for name, value in canonical.shoppers_state(shoppers).items():
        assert value == expected[name]


def test_a_frozen_copy_does_not_change() -> None:
    events = random_events(3, 600, CROWDED)
    shoppers = Shoppers(Vocabulary())
    shoppers.fold(events[:300])
    before = canonical.shoppers_state(shoppers)
    frozen = FrozenShoppers.of(shoppers)
    shoppers.fold(events[300:])
    again = shoppers_state.restored(frozen.state(), Vocabulary(), ShopperSettings())
    assert canonical.shoppers_state(again) == before


@pytest.mark.parametrize("max_items", [1_000_000, 60])
def test_similarity(max_items: int) -> None:
    items, increments = increments_of(1)
    settings = SimilaritySettings(0.01, max_items=max_items)
    whole, parts = ItemSimilarity(items, settings), ItemSimilarity(items, settings)
    whole.learn_many(increments)
    for portion in portions_of(increments, 1):
        parts.learn_many(portion)
        parts = similarity_state.restored(FrozenSimilarity.of(parts).state(), items, settings)
    assert canonical.similarity_state(parts) == canonical.similarity_state(whole)
    elsewhere = similarity_state.restored(FrozenSimilarity.of(parts).state(), other_vocabulary(), settings)
    assert canonical.similarity_state(elsewhere) == canonical.similarity_state(whole)


def test_trending() -> None:
    items, increments = increments_of(2)
    whole, parts = Trending(items), Trending(items)
    for model, portions in ((whole, [increments]), (parts, portions_of(increments, 2))):
        for portion in portions:
            model.learn_many(*portion.actions())
            if model is parts:
                model = parts = Trending.from_state(items, parts.state())
    assert canonical.trending_state(parts) == canonical.trending_state(whole)
    elsewhere = Trending.from_state(other_vocabulary(), parts.state())
    assert canonical.trending_state(elsewhere) == canonical.trending_state(whole)
