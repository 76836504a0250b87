"""What shoppers get: recommendations and a profile, as the values of their keys in Redis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from online_models.compiled import Floats, Int32s, Records
from online_models.events import EVENT_TYPES
from online_models.recommendation import Recommendations, Recommender
from online_models.shoppers import Shoppers
from online_models.shown import ListsOnShow
from online_models.vocabulary import distinct
from streams.counters import Counters
from streams.json_lists import recommendation_lists
from streams.outputs import Hash
from streams.read_view import ReadView
from streams.together import Together
from streams.waiting import Waiting

#: Of a `user:` hash; see `_profiles`.
FIELDS: Final = (
    "events", *EVENT_TYPES, "sessions", "spend", "first_seen", "last_seen", "propensity", "segment",
)  # fmt: skip


@dataclass(frozen=True)
class Audience:
    """Shoppers of one partition.

    Attributes
    ----------
    shoppers, on_show, waiting
        Of the partition.
    codes
        Who gets a new list and profile, ascending.
    again
        Those among them who did nothing, but were waiting for a better list.
    """

    shoppers: Shoppers
    on_show: ListsOnShow
    waiting: Waiting
    codes: Int32s
    again: Int32s


@dataclass(frozen=True)
class Written:
    """Keys and values for an audience: `rec:` strings and `user:` hashes, the latter with the fields `FIELDS`."""

    strings: list[tuple[str, bytes]]
    hashes: list[Hash]


class ListWriter:
    """Writes lists and profiles; those of several partitions, wanted in the same moment, together."""

    def __init__(self, view: ReadView, recommender: Recommender, counters: Counters) -> None:
        self.view = view
        self.recommender = recommender
        self.counters = counters
        self._together: Together[Audience, Written] = Together(self._write)

    async def write(self, audience: Audience) -> Written:
        """Lists and profiles as the models are now."""
        return await self._together(audience) if len(audience.codes) else Written([], [])

    async def _write(self, audiences: Sequence[Audience]) -> list[Written]:
        recent = [self.recommender.recent_many(a.codes, a.shoppers.shelves) for a in audiences]
        await self.view.refresh(distinct(np.concatenate(recent), len(self.view.items)))
        ends = np.cumsum([len(a.codes) for a in audiences])
        segments, propensity = self._scored(audiences)
        lists = [self._lists(a, own) for a, own in zip(audiences, np.split(segments, ends[:-1]), strict=True)]
        records = _records(audiences)
        values = recommendation_lists(Recommendations.joined(lists), records["last_seen"], self.view.items)
        profiles = list(_profiles(records, segments, propensity))
        self.counters.lists += len(values)
        starts = [0, *ends[:-1].tolist()]
        return [
            self._addressed(a, own, values[start:end], profiles[start:end])
            for a, own, start, end in zip(audiences, lists, starts, ends.tolist(), strict=True)
        ]

    def _scored(self, audiences: Sequence[Audience]) -> tuple[Int32s, Floats | None]:
        """The segment of each shopper, -1 for none, and the propensity if there is a model."""
        scorer = self.view.scorer
        if scorer is None:
            return np.full(sum(len(a.codes) for a in audiences), -1, np.int32), None
        segments = scorer.segment(np.concatenate([a.shoppers.profiles_many(a.codes) for a in audiences]))
        propensity = scorer.propensity(np.concatenate([a.shoppers.features_many(a.codes) for a in audiences]))
        return segments.astype(np.int32), propensity

    def _lists(self, audience: Audience, segments: Int32s) -> Recommendations:
        lists = self.recommender.predict_many(
            audience.codes, audience.shoppers.shelves, self.view.neighbours, segments, self.view.trending
        )
        audience.on_show.show_many(audience.codes, lists, self.counters.quality)
        return lists

    def _addressed(
        self, audience: Audience, lists: Recommendations, values: Sequence[bytes], profiles: Sequence[list[Any]]
    ) -> Written:
        users = audience.shoppers.users.names_of(audience.codes)
        again = audience.shoppers.users.names_of(audience.again) if len(audience.again) else []
        audience.waiting.note(users, lists.lengths.tolist(), lists.has_neighbours.tolist(), again)
        return Written(
            strings=[(f"rec:{user}", value) for user, value in zip(users, values, strict=True)],
            hashes=[(f"user:{user}", profile) for user, profile in zip(users, profiles, strict=True)],
        )


def _records(audiences: Sequence[Audience]) -> Records:
    """What is kept of all the shoppers; `np.concatenate` would compare the fields of every part first."""
    parts = [a.shoppers.shelves.shoppers[a.codes] for a in audiences]
    records: Records = np.empty(sum(map(len, parts)), parts[0].dtype)
    start = 0
    for part in parts:
        records[start : start + len(part)] = part
        start += len(part)
    return records


def _profiles(records: Records, segments: Int32s, propensity: Floats | None) -> Iterator[list[Any]]:
    """The values of `user:` hashes in the order of `FIELDS`; what no model can tell yet is left out."""
    counts = records["counts"]
    columns = [
        counts.sum(axis=1).tolist(),
        *counts.T.tolist(),
        records["sessions"].tolist(),
        map(repr, np.round(records["spend"], 6).tolist()),
        records["first_seen"].tolist(),
        records["last_seen"].tolist(),
    ]
    if propensity is None:
        yield from map(list, zip(*columns, strict=True))
        return
    columns.append(map("%.6f".__mod__, propensity.tolist()))
    for segment, *values in zip(segments.tolist(), *columns, strict=True):
        yield [*values, segment] if segment >= 0 else values
