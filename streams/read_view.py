"""What other agents wrote to Redis, read back through a small cache: neighbour lists, trending items, models."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np

from online_models.compiled import Floats, Int32s
from online_models.distinct import Distinct
from online_models.item_partition import ItemPartitions
from online_models.learner import Scorer
from online_models.recommendation import Neighbours
from online_models.reserve import long_enough
from online_models.vocabulary import Vocabulary
from streams.patience import Patience

_KEYS_PER_READ: Final = 500
Ranked = tuple[Int32s, Floats]


class _Entry(msgspec.Struct, gc=False):
    id: str
    score: float


class _List(msgspec.Struct):
    items: list[_Entry]


class ReadView:
    """The outputs of all workers as this one sees them, at most `view_seconds` old.

    Lists of similar items that this worker makes are taken over from its agents, all else is read from Redis.

    Parameters
    ----------
    items
        Where item codes come from.
    item_partitions
        How many there are: the lists of those that this worker owns are made by nobody else.

    Attributes
    ----------
    partitions
        Who owns which item.
    neighbours
        The lists of the items asked for with `refresh`.
    scorer
        The newest propensity model and segments; None before the first ones.
    trending
        What trends: one list per segment, and last the one over all shoppers.
    """

    def __init__(
        self,
        redis: Any,
        prefix: str,
        items: Vocabulary,
        view_seconds: float,
        patience: Patience,
        item_partitions: int = 1,
    ) -> None:
        self.redis = redis
        self.prefix = prefix
        self.items = items
        self.view_seconds = view_seconds
        self.patience = patience
        self.neighbours = Neighbours(items)
        self.scorer: Scorer | None = None
        self.trending: list[Ranked] = [_nothing()]
        self.partitions = ItemPartitions(items, item_partitions)
        self._is_made_here = np.zeros(item_partitions, np.bool_)
        self._read_at: Floats = np.zeros(64)
        self._known = 0
        self._distinct = Distinct()
        self._fingerprints: dict[int, int] = {}
        self._models_read_at = -np.inf
        self._list = msgspec.json.Decoder(_List)

    async def refresh(self, items: Int32s) -> None:
        """Read what is too old of the neighbour lists of `items`, which may repeat, and of all other outputs."""
        now = time.monotonic()
        self._know_new_items()
        stale = self._distinct.among(items[now - self._read_at[items] > self.view_seconds], len(self.items)).tolist()
        for start in range(0, len(stale), _KEYS_PER_READ):
            codes = stale[start : start + _KEYS_PER_READ]
            names = self.items.names_of(np.array(codes))
            self._learn(codes, await self._get([f"sim:{name}" for name in names]), now)
        if now - self._models_read_at > self.view_seconds:
            await self._read_models()
            self._models_read_at = now

    def make_here(self, partition: int, restored: Int32s) -> None:
        """An agent of this worker makes the lists of an item partition from now on.

        Until it has made those of the items `restored`, which it knows from before, they are read from Redis.
        """
        self._know_new_items()
        self._is_made_here[partition] = True
        codes = self._codes_of(partition)
        self._read_at[np.setdiff1d(codes, restored)] = np.inf

    def let_go(self, partition: int) -> None:
        """Read the lists of an item partition from Redis again: others will make them."""
        self._know_new_items()
        self._is_made_here[partition] = False
        codes = self._codes_of(partition)
        self._read_at[codes] = -np.inf
        for code in codes.tolist():
            self._fingerprints.pop(code, None)

    def take_over(self, items: Int32s, lists: tuple[Int32s, Floats, Int32s, Int32s]) -> None:
        """Use lists that an agent of this worker has made, as `ItemSimilarity.predict_many` returns them.

        They need not be read back until the agent lets go.
        """
        ids, scores, _, lengths = lists
        self.neighbours.learn_many(items, ids, scores, lengths)
        self._know_new_items()
        self._read_at[items] = np.inf

    def _know_new_items(self) -> None:
        """What is new is unread, or nothing yet where the list would be made here."""
        known, self._known = self._known, len(self.items)
        if known < self._known:
            partitions = self.partitions.by_code()[known : self._known]
            self._read_at = long_enough(self._read_at, self._known)
            self._read_at[known : self._known] = np.where(self._is_made_here[partitions], np.inf, -np.inf)

    def _codes_of(self, partition: int) -> Int32s:
        return np.flatnonzero(self.partitions.by_code()[: self._known] == partition).astype(np.int32)

    def _learn(self, codes: Sequence[int], values: Sequence[bytes | None], asked: float) -> None:
        """Use lists as they were in Redis, but for those that are known already.

        What an agent of this worker has made meanwhile is newer, and need not be read any more.
        """
        read = {code: value for code, value in zip(codes, values, strict=True) if self._read_at[code] < np.inf}
        self._read_at[list(read)] = asked
        fingerprints = {code: hash(value) for code, value in read.items()}
        changed = [
            (code, *self._parsed(value))
            for code, value in read.items()
            if self._fingerprints.get(code) != fingerprints[code]
        ]
        self._fingerprints.update(fingerprints)
        width = max((len(items) for _, items, _ in changed), default=0)
        ids, scores = np.zeros((len(changed), width), np.int32), np.zeros((len(changed), width))
        for row, (_, items, similarities) in enumerate(changed):
            ids[row, : len(items)], scores[row, : len(items)] = items, similarities
        of, lengths = [code for code, _, _ in changed], [len(items) for _, items, _ in changed]
        self.neighbours.learn_many(np.array(of, np.int32), ids, scores, np.array(lengths, np.int32))

    async def _read_models(self) -> None:
        parameters, overall = await self._get(["model:parameters", "trending:all"])
        scorer = _scorer(parameters)
        keys = [f"trending:{segment}" for segment in range(len(scorer.names) if scorer else 0)]
        lists = await self._get(keys) if keys else []
        # Both at once: whoever makes lists meanwhile needs one of what trends for every segment.
        self.scorer, self.trending = scorer, [self._parsed(value) for value in [*lists, overall]]

    async def _get(self, keys: Sequence[str]) -> list[bytes | None]:
        names = [self.prefix + key for key in keys]
        values: list[bytes | None] = await self.patience.call(lambda: self.redis.mget(names))
        return values

    def _parsed(self, value: bytes | None) -> Ranked:
        """A list as codes and scores; a value that is missing or not ours counts as an empty list."""
        if value is None:
            return _nothing()
        try:
            found = self._list.decode(value)
        except msgspec.DecodeError:
            return _nothing()
        codes = self.items.codes(entry.id for entry in found.items)
        scores = np.fromiter((entry.score for entry in found.items), np.float64, len(found.items))
        return codes, scores


def _nothing() -> Ranked:
    return np.zeros(0, np.int32), np.zeros(0)


def _scorer(parameters: bytes | None) -> Scorer | None:
    """The models as published; parameters that are missing or not ours count as no model yet."""
    try:
        return Scorer.from_parameters(msgspec.json.decode(parameters)) if parameters else None
    except (msgspec.DecodeError, ValueError):
        return None
