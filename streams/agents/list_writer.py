"""What shoppers get: recommendations and a profile, as the values of their keys in Redis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from online_models.compiled import Floats, Int32s, Records
from online_models.recommendation import Recommendations, Recommender
from online_models.reserve import as_bytes
from online_models.shoppers import Shoppers
from online_models.shown import ListsOnShow
from online_models.spelling import Spelling
from streams.counters import Counters
from streams.json_lists import recommendation_lists
from streams.profiles import packed_profiles
from streams.read_view import ReadView
from streams.together import Together
from streams.values import NO_VALUES, Values
from streams.waiting import Waiting


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
    """Keys and values for an audience: `rec:` strings, and `user:` hashes as `packed_profiles` makes them."""

    strings: Values
    hashes: Values


class ListWriter:
    """Writes lists and profiles; those of several partitions, wanted in the same moment, together."""

    def __init__(self, view: ReadView, recommender: Recommender, counters: Counters) -> None:
        self.view = view
        self.recommender = recommender
        self.counters = counters
        self._together: Together[Audience, Written] = Together(self._write)

    async def write(self, audience: Audience) -> Written:
        """Lists and profiles as the models are now."""
        return await self._together(audience) if len(audience.codes) else Written(NO_VALUES, NO_VALUES)

    async def _write(self, audiences: Sequence[Audience]) -> list[Written]:
        recent = [self.recommender.recent_many(a.codes, a.shoppers.shelves) for a in audiences]
        await self.view.refresh(np.concatenate(recent))
        ends = np.cumsum([len(a.codes) for a in audiences])
        segments, propensity = self._scored(audiences)
        lists = [self._lists(a, own) for a, own in zip(audiences, np.split(segments, ends[:-1]), strict=True)]
        records = _records(audiences)
        values = recommendation_lists(Recommendations.joined(lists), records["last_seen"], self.view.items)
        profiles = packed_profiles(records, segments, propensity)
        self.counters.lists += len(records)
        starts = [0, *ends[:-1].tolist()]
        return [
            self._addressed(a, own, values.part(start, end), profiles.part(start, end))
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

    def _addressed(self, audience: Audience, lists: Recommendations, values: Spelling, profiles: Spelling) -> Written:
        users = audience.shoppers.users.spelling().chosen(audience.codes)
        audience.waiting.note(audience.codes, lists.lengths, lists.has_neighbours, audience.again)
        return Written(Values("rec:", users, values), Values("user:", users, profiles))


def _records(audiences: Sequence[Audience]) -> Records:
    """What is kept of all the shoppers; as bytes, for numpy would copy records field by field."""
    kept = [a.shoppers.shelves.shoppers for a in audiences]
    parts = [as_bytes(records).take(a.codes) for a, records in zip(audiences, kept, strict=True)]
    return np.concatenate(parts).view(kept[0].dtype)
