"""What has to be in Redis once all is quiet, from the reference, and what of it is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import numpy as np
from redis import Redis

from loadtest.as_of import TAIL, as_of
from loadtest.chaos.reference import Reference
from online_models.events import EVENT_TYPES
from online_models.shoppers import Shoppers
from streams.agents.affinity import AffinityPartition
from streams.json_lists import similarity_lists
from streams.settings import Settings
from streams.trending_merge import TrendingPart, merged, trending_list
from streams.values import Values

_AT_ONCE: Final = 1000
_FIELDS: Final = tuple(name.encode() for name in ("events", *EVENT_TYPES, "sessions", "first_seen", "last_seen"))


class ShopWindow:
    """Expected values, to the byte where they follow from the state alone.

    Compared are the counters of `user:`, the event time of every `rec:`, and `sim:`, `trending:all`,
    `trending:{segment}` and `model:parameters` as a whole. What is in a `rec:` depends on when neighbour lists were
    read, and so do `segment` and `propensity`; with two input topics, what the models say depends on the order in
    which the topics came in, and only counters are compared.
    """

    def __init__(self, expected: Reference, settings: Settings, *, only_counters: bool) -> None:
        self._redis: Any = Redis.from_url(settings.redis)
        self._prefix = settings.prefix
        self._users: dict[str, tuple[dict[bytes, bytes], int]] = {}
        for shoppers in expected.shoppers.values():
            self._users.update(_users(shoppers))
        self._strings = {} if only_counters else dict(_strings(expected))

    def complaints(self) -> list[str]:
        """One sentence per kind of key that is not as it has to be."""
        return [*self._of_users(), *self._of_strings()]

    def _of_users(self) -> Iterator[str]:
        names = sorted(self._users)
        profiles = self._many("hgetall", [f"user:{name}" for name in names])
        wrong = [
            name
            for name, fields in zip(names, profiles, strict=True)
            if {field: value for field, value in fields.items() if field in _FIELDS} != self._users[name][0]
        ]
        if wrong:
            yield f"{len(wrong)} of {len(names)} user: keys have wrong counters, such as {wrong[0]}"
        tails = self._many("getrange", [f"rec:{name}" for name in names], *TAIL)
        late = [name for name, tail in zip(names, tails, strict=True) if as_of(tail) != self._users[name][1]]
        if late:
            yield f"{len(late)} of {len(names)} rec: keys do not take account of the last event, such as {late[0]}"

    def _of_strings(self) -> Iterator[str]:
        names = sorted(self._strings)
        values = self._many("get", names)
        wrong = [name for name, value in zip(names, values, strict=True) if value != self._strings[name]]
        if wrong:
            yield f"{len(wrong)} of {len(names)} lists and parameters are not as they should be, such as {wrong[0]}"

    def _many(self, command: str, keys: list[str], *arguments: Any) -> list[Any]:
        answers: list[Any] = []
        for start in range(0, len(keys), _AT_ONCE):
            pipeline = self._redis.pipeline(transaction=False)
            for key in keys[start : start + _AT_ONCE]:
                getattr(pipeline, command)(self._prefix + key, *arguments)
            answers += pipeline.execute()
        return answers


def _users(shoppers: Shoppers) -> Iterator[tuple[str, tuple[dict[bytes, bytes], int]]]:
    for name in shoppers.users.names:
        profile = shoppers.profile_one(name)
        fields = {field.decode(): profile[field.decode()] for field in _FIELDS}
        yield name, ({k.encode(): str(v).encode() for k, v in fields.items() if v}, int(profile["last_seen"]))


def _strings(expected: Reference) -> Iterator[tuple[str, bytes]]:
    parts = []
    names = expected.items.names
    for partition, state in sorted(expected.affinity.items()):
        if not state.as_of:
            continue
        yield from _similar(state, expected)
        weights, total = state.trending.weight(state.as_of)
        listed = [names[code] for code in state.trending.list.tolist()]
        parts.append(TrendingPart(partition, state.as_of, total, list(zip(listed, weights.tolist(), strict=True))))
    if parts:
        shares, newest = merged(parts)
        yield "trending:all", trending_list(shares, newest, "trending")
    learner = expected.learner
    if learner.as_of:
        yield "model:parameters", msgspec.json.encode(learner.learner.parameters())
        for segment, trending in enumerate(learner.trending):
            shares = [(names[code], share) for code, share in trending.top_items()]
            yield f"trending:{segment}", trending_list(shares, learner.as_of, "segment")


def _similar(state: AffinityPartition, expected: Reference) -> Iterator[tuple[str, bytes]]:
    rows = np.ascontiguousarray(state.similarity.rows["item"][: len(state.similarity)])
    lists = similarity_lists(state.similarity.predict_many(rows), state.as_of, expected.items)
    yield from Values("sim:", expected.items.spelling().chosen(rows), lists).pairs()
