"""What shoppers get: recommendations and a profile, as the values of their keys in Redis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from online_models.compiled import Floats, Int32s, Structs, UInt16s
from online_models.histories import Histories
from online_models.recommendation import Recommender
from online_models.shopper_kernel import moments, profiles
from online_models.shoppers import Shoppers
from online_models.shown import ListsOnShow
from streams.counters import Counters
from streams.giving_way import give_way
from streams.json_lists import recommendation_lists
from streams.profiles import packed_profiles
from streams.read_view import ReadView
from streams.unwritten import Unwritten
from streams.values import NO_VALUES, Values
from streams.waiting import Waiting


@dataclass(frozen=True)
class Audience:
    """Shoppers of one partition.

    Attributes
    ----------
    shoppers, on_show, waiting, unwritten
        Of the partition.
    codes
        Who gets a new list and profile, ascending.
    again
        Those among them who did nothing, but were waiting for a better list.
    """

    shoppers: Shoppers
    on_show: ListsOnShow
    waiting: Waiting
    unwritten: Unwritten
    codes: Int32s
    again: Int32s


@dataclass(frozen=True)
class AudienceValues:
    """Keys and values for an audience: `rec:` strings, and `user:` hashes as `packed_profiles` makes them."""

    strings: Values
    hashes: Values


class ListWriter:
    """Writes lists and profiles, those of several partitions together."""

    def __init__(self, view: ReadView, recommender: Recommender, counters: Counters) -> None:
        self.view = view
        self.recommender = recommender
        self.counters = counters

    async def write(self, audiences: Sequence[Audience]) -> list[AudienceValues]:
        """Lists and profiles of each audience as the models are now."""
        if not sum(len(audience.codes) for audience in audiences):
            return [AudienceValues(NO_VALUES, NO_VALUES)] * len(audiences)
        histories = Histories.of([(a.codes, a.shoppers.shelves) for a in audiences])
        await self.view.refresh(self.recommender.recent_many(histories))
        segments, propensity = self._scored(histories.shoppers)
        give_way()
        lists = self.recommender.predict_many(histories, self.view.neighbours, segments, self.view.trending)
        give_way()
        values = recommendation_lists(lists, histories.shoppers["last_seen"], self.view.items)
        give_way()
        unwritten = _unwritten(audiences, histories.shoppers)
        hashes = packed_profiles(histories.shoppers, segments, propensity, unwritten)
        self.counters.lists += len(segments)
        has_neighbours, written, start = lists.has_neighbours, [], 0
        for a in audiences:
            end = start + len(a.codes)
            a.on_show.show_many(a.codes, lists.part(start, end), self.counters.quality)
            a.waiting.note(a.codes, lists.lengths[start:end], has_neighbours[start:end], a.again)
            users = a.shoppers.users.spelling().chosen(a.codes)
            strings = Values("rec:", users, values.part(start, end))
            written.append(AudienceValues(strings, Values("user:", users, hashes.part(start, end))))
            start = end
        return written

    def _scored(self, shoppers: Structs) -> tuple[Int32s, Floats | None]:
        """The segment of each shopper, -1 for none, and the propensity if there is a model."""
        scorer = self.view.scorer
        if scorer is None:
            return np.full(len(shoppers), -1, np.int32), None
        return scorer.segment(profiles(shoppers)).astype(np.int32), scorer.propensity(moments(shoppers))


def _unwritten(audiences: Sequence[Audience], shoppers: Structs) -> UInt16s:
    """Which fields of their profiles are to be written, of all audiences one behind the other."""
    bounds = pairwise(accumulate((len(a.codes) for a in audiences), initial=0))
    parts = zip(audiences, bounds, strict=True)
    return np.concatenate([a.unwritten.take(a.codes, shoppers[start:end]) for a, (start, end) in parts])
