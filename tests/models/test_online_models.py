"""What holds for every online model of the core, in the manner of River's checks: a new model is one line more."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import pytest

from online_models.duplicates import RecentIds
from online_models.engine import Engine
from online_models.events import Event
from online_models.increments import Increments
from online_models.shoppers import Shoppers, ShopperSettings
from online_models.similarity import ItemSimilarity, SimilaritySettings
from online_models.trending import Trending
from online_models.vocabulary import Vocabulary, comes_before
from tests.models.canonical import named_examples, named_increments, shoppers_state, similarity_state, trending_state
from tests.models.event_streams import CROWDED, NOON, UNRULY, Shop, random_events


class Model(Protocol):
    """A model as the checks see it: it learns a batch of events, says what it can, and shows its state."""

    @abstractmethod
    def learn(self, events: Sequence[Event]) -> object: ...

    @abstractmethod
    def predict(self) -> object: ...

    @abstractmethod
    def state(self) -> object: ...

    @abstractmethod
    def places(self) -> int: ...


class VocabularyModel:
    def __init__(self) -> None:
        self.model = Vocabulary()

    def learn(self, events: Sequence[Event]) -> object:
        return self.model.codes(event.item_id for event in events).tolist()

    def predict(self) -> object:
        known = range(len(self.model))
        order = [[comes_before(self.model.text, self.model.ends, a, b) for a in known] for b in known]
        return order, "stranger" in self.model

    def state(self) -> object:
        return list(self.model.names), self.model.text.tobytes(), self.model.ends.tobytes()

    def places(self) -> int:
        return len(self.model.text) + len(self.model.ends)


class RecentIdsModel:
    def __init__(self) -> None:
        self.model = RecentIds(window=100)

    def learn(self, events: Sequence[Event]) -> object:
        return self.model.learn_many([event.event_id for event in events]).tolist()

    def predict(self) -> object:
        return None

    def state(self) -> object:
        return [table.tobytes() for table in self.model.tables]

    def places(self) -> int:
        return sum(len(table) for table in self.model.tables)


class ShoppersModel:
    def __init__(self) -> None:
        self.model = Shoppers(Vocabulary(), ShopperSettings(max_shoppers=50, duplicate_window=100))

    def learn(self, events: Sequence[Event]) -> object:
        folded = self.model.fold(events)
        return (
            folded.touched.tolist(),
            folded.accepted.tolist(),
            named_increments(folded, self.model.items),
            named_examples(folded, self.model.items),
        )

    def predict(self) -> object:
        everyone = np.arange(len(self.model), dtype=np.int32)
        return (
            [self.model.profile_one(user) for user in [*self.model.users.names, "stranger"]],
            self.model.features_many(everyone).tobytes(),
            self.model.profiles_many(everyone).tobytes(),
        )

    def state(self) -> object:
        return shoppers_state(self.model), list(self.model.users.names), list(self.model.items.names)

    def places(self) -> int:
        return len(self.model.shelves.shoppers) + len(self.model.shelves.items)


class SimilarityModel:
    def __init__(self) -> None:
        self.shoppers = Shoppers(Vocabulary())
        self.model = ItemSimilarity(self.shoppers.items, SimilaritySettings(max_items=50))

    def learn(self, events: Sequence[Event]) -> object:
        return self.model.learn_many(self.shoppers.fold(events).increments).tolist()

    def predict(self) -> object:
        return [self.model.predict_one(item) for item in [*self.shoppers.items.names, "stranger"]]

    def state(self) -> object:
        return similarity_state(self.model), list(self.shoppers.items.names)

    def places(self) -> int:
        return len(self.model.rows) + len(self.model.neighbours)


class TrendingModel:
    def __init__(self) -> None:
        self.shoppers = Shoppers(Vocabulary())
        self.model = Trending(self.shoppers.items)

    def learn(self, events: Sequence[Event]) -> object:
        told = self.shoppers.fold(events).increments
        self.model.learn_many(*told.actions())
        return None

    def predict(self) -> object:
        return self.model.top_items(), self.model.weight(NOON)[1]

    def state(self) -> object:
        return trending_state(self.model)

    def places(self) -> int:
        return len(self.model.weights) + len(self.model.list)


class EngineModel:
    def __init__(self) -> None:
        self.model = Engine()

    def learn(self, events: Sequence[Event]) -> object:
        self.model.learn_many(events)
        return None

    def predict(self) -> object:
        return [self.model.recommend_one(user) for user in [*self.model.shoppers.users.names, "stranger"]]

    def state(self) -> object:
        similar = [similarity_state(similarity) for similarity in self.model.similarity]
        return shoppers_state(self.model.shoppers), similar, trending_state(self.model.trending)

    def places(self) -> int:
        return len(self.model.shoppers.shelves.shoppers) + sum(len(part.neighbours) for part in self.model.similarity)


MODELS: list[Callable[[], Model]] = [
    VocabularyModel,
    RecentIdsModel,
    ShoppersModel,
    SimilarityModel,
    TrendingModel,
    EngineModel,
]
every_model = pytest.mark.parametrize("new", MODELS)


@every_model
def test_usable_before_it_has_learned(new: Callable[[], Model]) -> None:
    model = new()
    untouched = model.state()
    model.predict()
    model.learn([])
    model.predict()
    assert model.state() == untouched


@every_model
def test_predicting_changes_nothing(new: Callable[[], Model]) -> None:
    model = new()
    for start in range(0, 300, 100):
        model.learn(random_events(1, 300, UNRULY)[start : start + 100])
        before = model.state()
        assert model.predict() == model.predict()
        assert model.state() == before


@every_model
def test_two_runs_are_the_same(new: Callable[[], Model]) -> None:
    one, two = new(), new()
    for seed in range(3):
        events = random_events(seed, 200, CROWDED)
        assert one.learn(events) == two.learn(events)
        assert one.predict() == two.predict()
    assert one.state() == two.state()


@every_model
def test_a_copy_goes_on_as_the_original(new: Callable[[], Model]) -> None:
    """Given a copy made on the way, both learn the same from there, and neither hears of what the other learns."""
    original = new()
    original.learn(random_events(1, 200, UNRULY))
    twin = copy.deepcopy(original)
    before = twin.state()
    original.learn(random_events(2, 200, UNRULY))
    assert twin.state() == before
    twin.learn(random_events(2, 200, UNRULY))
    assert twin.state() == original.state()
    assert twin.predict() == original.predict()


@every_model
def test_memory_does_not_grow_with_the_length_of_the_stream(new: Callable[[], Model]) -> None:
    """Given the same 40 shoppers and 30 items for ever, as many events again take hardly more room."""
    model = new()
    for seed in range(40):
        model.learn(few_items(seed))
    places = model.places()
    for seed in range(40, 80):
        model.learn(few_items(seed))
    assert model.places() <= 1.25 * places


def few_items(seed: int) -> list[Event]:
    return random_events(seed, 300, Shop(users=40, items=30))


def test_arrays_that_are_learned_are_neither_changed_nor_kept() -> None:
    """Given increments in arrays of the caller, writing over them afterwards changes no model."""
    shoppers = Shoppers(Vocabulary())
    told = shoppers.fold(random_events(1, 300, CROWDED)).increments
    given = copy.deepcopy(told)
    similarity, trending = ItemSimilarity(shoppers.items), Trending(shoppers.items)
    weights = given.weight.astype(np.float64)
    similarity.learn_many(given)
    trending.learn_many(given.row, weights, given.ts)
    assert columns(given) == columns(told)
    before = similarity_state(similarity), trending_state(trending)
    for column in (given.row, given.neighbour, given.weight, given.kind, given.ts, weights):
        column[:] = 1
    assert (similarity_state(similarity), trending_state(trending)) == before


def test_arrays_that_are_given_out_are_not_the_models_own() -> None:
    """Given what a fold and a prediction returned, writing over it changes no model."""
    shoppers = Shoppers(Vocabulary())
    folded = shoppers.fold(random_events(1, 300, CROWDED))
    similarity = ItemSimilarity(shoppers.items)
    similarity.learn_many(folded.increments)
    lists = similarity.predict_many(np.arange(20, dtype=np.int32))
    before = shoppers_state(shoppers), similarity_state(similarity)
    for array in (*lists, folded.touched, folded.examples.features, folded.examples.items, folded.increments.row):
        array[...] = 1
    assert (shoppers_state(shoppers), similarity_state(similarity)) == before


def columns(increments: Increments) -> list[bytes]:
    return [
        column.tobytes()
        for column in (increments.row, increments.neighbour, increments.weight, increments.kind, increments.ts)
    ]
