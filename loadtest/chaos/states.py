"""The states that the workers left in their checkpoints, and whether they are what they have to be, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from loadtest.chaos.reference import Reference
from online_models import shoppers_state, similarity_state
from online_models.shoppers import Shoppers, ShopperSettings
from online_models.shoppers_state import FrozenShoppers
from online_models.similarity_state import FrozenSimilarity
from online_models.spelling import Spelling
from online_models.trending import Trending
from online_models.vocabulary import Vocabulary
from streams.checkpoints.format import Checkpoint
from streams.checkpoints.store import CheckpointStore
from streams.kafka_admin import cluster_id
from streams.settings import Settings

States = Mapping[tuple[str, int], Checkpoint]


def newest_states(settings: Settings, expected: Reference) -> States:
    """The newest checkpoint of every partition that has one."""
    store = CheckpointStore(settings.checkpoints_url, f"{cluster_id(settings)}/{settings.application}")
    owners = [("shoppers", n) for n in expected.shoppers] + [("affinity", n) for n in expected.affinity]
    found = {owner: store.newest(*owner, is_fit=lambda _: None) for owner in [*owners, ("learner", 0)]}
    return {owner: checkpoint for owner, checkpoint in found.items() if checkpoint is not None}


def unequal(states: States, expected: Reference) -> list[str]:
    """One sentence per partition whose state is not what it has to be."""
    wrong = [_of_shoppers(states.get(("shoppers", n)), n, shoppers) for n, shoppers in expected.shoppers.items()]
    for n, affinity in expected.affinity.items():
        wrong.append(_of_affinity(states.get(("affinity", n)), n, affinity))
    wrong.append(_of_learner(states.get(("learner", 0)), expected))
    return [complaint for complaint in wrong if complaint]


def lost_and_doubled(states: States, expected: Reference) -> tuple[int, int]:
    """How many events the counters of the shoppers lack, and how many they have too many of."""
    lost = doubled = 0
    for partition, shoppers in expected.shoppers.items():
        checkpoint = states.get(("shoppers", partition))
        should = _counts(shoppers)
        is_ = _counts(_revived(checkpoint)) if checkpoint else {}
        for user in should.keys() | is_.keys():
            difference = is_.get(user, 0) - should.get(user, np.int64(0))
            lost += int(np.maximum(-difference, 0).sum())
            doubled += int(np.maximum(difference, 0).sum())
    return lost, doubled


def _counts(shoppers: Shoppers) -> dict[str, Any]:
    counts = shoppers.shelves.shoppers["counts"][: len(shoppers)].astype(np.int64)
    return dict(zip(shoppers.users.names, counts, strict=True))


def _revived(checkpoint: Checkpoint) -> Shoppers:
    return shoppers_state.restored(checkpoint.state["shoppers"], Vocabulary(), ShopperSettings())


def _of_shoppers(checkpoint: Checkpoint | None, partition: int, expected: Shoppers) -> str | None:
    if checkpoint is None:
        return f"shoppers-{partition} has no checkpoint" if len(expected) else None
    mine, theirs = checkpoint.state["shoppers"], FrozenShoppers.of(expected).state()
    return _compared(f"shoppers-{partition}", _plain_shoppers(mine), _plain_shoppers(theirs))


def _plain_shoppers(state: Mapping[str, Any]) -> dict[str, Any]:
    """The same state with items numbered by name, and hashes of event ids in order."""
    revived = shoppers_state.restored(state, _sorted(state["items"]), ShopperSettings())
    plain = FrozenShoppers.of(revived).state()
    plain["recent_ids"] = {name: np.sort(hashes) for name, hashes in plain["recent_ids"].items()}
    return plain


def _of_affinity(checkpoint: Checkpoint | None, partition: int, expected: Any) -> str | None:
    theirs = expected.freeze()()
    if checkpoint is None:
        return f"affinity-{partition} has no checkpoint" if theirs["as_of"] else None
    return _compared(f"affinity-{partition}", _plain_affinity(checkpoint.state), _plain_affinity(theirs))


def _plain_affinity(state: Mapping[str, Any]) -> dict[str, Any]:
    similarity = similarity_state.restored(state["similarity"], _sorted(state["similarity"]["items"]))
    return {
        "similarity": FrozenSimilarity.of(similarity).state(),
        "trending": _plain_trending(state["trending"]),
        "applied": [tuple(entry) for entry in state["applied"]],
        "as_of": state["as_of"],
    }


def _plain_trending(state: Mapping[str, Any]) -> dict[str, Any]:
    return Trending.from_state(_sorted(state["items"]), state).state()


def _of_learner(checkpoint: Checkpoint | None, expected: Reference) -> str | None:
    theirs = expected.learner.state()
    if checkpoint is None:
        return "the learner has no checkpoint" if theirs["as_of"] else None
    return _compared("learner-0", _plain_learner(checkpoint.state), _plain_learner(theirs))


def _plain_learner(state: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "learner": state["learner"],
        "trending": [_plain_trending(part) for part in state["trending"]],
        "applied": [tuple(entry) for entry in state["applied"]],
        "as_of": state["as_of"],
    }


def _sorted(items: Mapping[str, Any]) -> Vocabulary:
    vocabulary = Vocabulary()
    vocabulary.codes(sorted(Spelling(**items).names()))
    return vocabulary


def _compared(name: str, mine: Any, theirs: Any) -> str | None:
    paths = list(_differences(mine, theirs, ""))
    return f"{name} differs in {', '.join(paths[:3])}" if paths else None


def _differences(mine: Any, theirs: Any, path: str) -> list[str]:
    """Where two states differ; arrays have to be equal to the last bit."""
    if isinstance(theirs, Mapping):
        if not isinstance(mine, Mapping) or mine.keys() != theirs.keys():
            return [path or "its parts"]
        return [found for name in theirs for found in _differences(mine[name], theirs[name], f"{path}.{name}")]
    if isinstance(theirs, (list, tuple)):
        if len(mine) != len(theirs):
            return [path]
        pairs = enumerate(zip(mine, theirs, strict=True))
        return [found for n, (one, other) in pairs for found in _differences(one, other, f"{path}[{n}]")]
    if isinstance(theirs, np.ndarray):
        equal = mine.dtype == theirs.dtype and mine.shape == theirs.shape and mine.tobytes() == theirs.tobytes()
        return [] if equal else [path]
    return [] if mine == theirs else [path]
