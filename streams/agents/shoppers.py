"""The shoppers agent: owns users. Events in; recommendations, profiles, co-visits and labelled sessions out."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from online_models import shoppers_state
from online_models.compiled import Floats, Int8s, Int32s, Int64s
from online_models.event_columns import EventColumns
from online_models.events import EVENT_TYPES, IMPRESSION
from online_models.item_partition import ItemPartitions
from online_models.recommendation import Recommender
from online_models.shopper_kernel import WATERMARK
from online_models.shoppers import Folded, Shoppers
from online_models.shoppers_state import FrozenShoppers
from online_models.shown import ListsOnShow
from online_models.spare import Spare
from online_models.vocabulary import Vocabulary
from streams import blocks
from streams.counters import Counters
from streams.dead_letters import dead_letter
from streams.decoded_events import DecodedEvents, decoded
from streams.decoding import Decoder
from streams.json_lists import recommendation_lists
from streams.model_settings import model_settings
from streams.outputs import Message, Outputs
from streams.portion import Portion
from streams.read_view import ReadView
from streams.records import Record
from streams.settings import Settings
from streams.topics import CLICKSTREAM, COVISITS, EXAMPLES, PURCHASES
from streams.waiting import Waiting

#: Of a `user:` hash; see `_profiles`.
_FIELDS: Final = (
    "events", *EVENT_TYPES, "sessions", "spend", "first_seen", "last_seen", "propensity", "segment",
)  # fmt: skip

#: Among the receivers of blocks, who are numbered by item partition.
_LEARNER: Final = -1
_SHOPPERS_AT_ONCE: Final = 500
_DAY_MS: Final = 86_400_000
_NOBODY: Final = np.zeros(0, np.int32)


class ShoppersPartition:
    """The state of one partition: its shoppers, and where the last block to each receiver ended.

    `waiting` are shoppers for whom there was nothing better to recommend yet, as when a shop is new.
    """

    def __init__(self, items: Vocabulary, settings: Settings, state: Mapping[str, Any] | None = None) -> None:
        shopper_settings = model_settings(settings).shoppers
        self.on_show = ListsOnShow(settings.list_length)
        self.last_block: dict[tuple[str, int], int] = {}
        self.waiting = Waiting()
        if state is None:
            self.shoppers = Shoppers(items, shopper_settings)
        else:
            self.shoppers = shoppers_state.restored(state["shoppers"], items, shopper_settings)
            self.last_block = {(topic, receiver): last for topic, receiver, last in state["last_block"]}
            self.waiting = Waiting(*state["waiting"])

    def freeze(self, spare: Spare) -> Callable[[], dict[str, Any]]:
        """Copy the state now; pack the copy later. Lists on show are a measurement and begin anew."""
        shoppers, waiting = FrozenShoppers.of(self.shoppers, spare), self.waiting
        waiting_now = (list(waiting.empty), list(waiting.impersonal))
        last_block = [(topic, receiver, last) for (topic, receiver), last in self.last_block.items()]
        return lambda: {"shoppers": shoppers.state(), "last_block": last_block, "waiting": waiting_now}


class _Source(NamedTuple):
    """The part of a micro-batch that came from one topic: offsets by event, which increments, which examples."""

    topic: str
    partition: int
    offsets: Int64s
    increments: Int64s
    examples: Int64s


class ShoppersAgent:
    """Folds micro-batches of events; see `streams.micro_batches.Agent`."""

    name = "shoppers"
    topics = (CLICKSTREAM, PURCHASES)

    def __init__(self, settings: Settings, view: ReadView, counters: Counters, item_partitions: int) -> None:
        self.settings = settings
        self.view = view
        self.counters = counters
        self.partitions: dict[int, ShoppersPartition] = {}
        self._spare = Spare()
        self._decoder = Decoder(settings.max_event_bytes, settings.max_future_seconds)
        self._owners = ItemPartitions(view.items, item_partitions)
        self._recommender = Recommender(view.items, model_settings(settings).recommendations)

    def open(self, partition: int, state: Mapping[str, Any] | None) -> None:
        """Begin to own a partition."""
        self.partitions[partition] = ShoppersPartition(self.view.items, self.settings, state)

    def close(self, partition: int) -> None:
        """Cease to own a partition."""
        del self.partitions[partition]

    def freeze(self, partition: int) -> Callable[[], dict[str, Any]]:
        """Copy the state of a partition; the result packs the copy."""
        return self.partitions[partition].freeze(self._spare)

    def forgive(self, partition: int) -> None:
        """Events that are gone leave nothing to refuse."""

    def read(self, records: Sequence[Record]) -> Portion[DecodedEvents]:
        """Decode records: events and rejections."""
        return decoded(self._decoder, self.topics.index(records[0].topic), records)

    async def fold(self, partition: int, portion: Portion[DecodedEvents] | None) -> Outputs:
        """Fold events, recommend to those who acted, and set aside what is no event."""
        state, outputs, acted = self.partitions[partition], Outputs(), np.zeros(0, np.int32)
        if portion is not None:
            rejections = portion.content.bad()
            outputs.messages += [dead_letter(rejection) for rejection in rejections]
            outputs.rejected = len(rejections)
            acted = self._fold_events(state, partition, portion, outputs)
            self.counters.count_rejections(rejections)
        waiting = state.shoppers.users.known_codes(state.waiting.take(is_idle=portion is None))
        waiting = np.setdiff1d(waiting[waiting >= 0], acted)
        await self._recommend(state, np.sort(np.concatenate([acted, waiting])), outputs, waiting)
        return outputs

    def pause(self, partition: int) -> float:
        """Shoppers that wait for a better list are looked at again every second."""
        return 1.0 if self.partitions[partition].waiting else math.inf

    async def everything(self, partition: int) -> AsyncIterator[Outputs]:
        """Lists and profiles of all shoppers whose keys have not expired, in portions.

        It goes from the last to the first: when old shoppers are forgotten in between, those behind them move
        towards the beginning.
        """
        state = self.partitions[partition]
        keep_ms = int(self.settings.keep_days * _DAY_MS)
        end = len(state.shoppers)
        while end > 0:
            start, end = max(0, end - _SHOPPERS_AT_ONCE), min(end, len(state.shoppers))
            shelves = state.shoppers.shelves
            known = shelves.shoppers["last_seen"][start:end] >= int(shelves.clock[WATERMARK]) - keep_ms
            outputs = Outputs()
            await self._recommend(state, (start + np.flatnonzero(known)).astype(np.int32), outputs)
            yield outputs
            end = start

    def _fold_events(
        self, state: ShoppersPartition, partition: int, portion: Portion[DecodedEvents], outputs: Outputs
    ) -> Int32s:
        """Fold the events and tell the other agents; return the codes of the shoppers that acted."""
        places, events = portion.content.events()
        folded = state.shoppers.fold(events)
        accepted = int(folded.accepted.sum())
        self.counters.accepted += accepted
        self.counters.duplicates += len(events) - accepted
        self._score(state, events, folded)
        for source in self._sources(partition, portion.offset[places], portion.topic[places], folded):
            outputs.messages += self._covisits(state, source, folded)
            outputs.messages += self._examples(state, source, folded)
        return folded.touched

    def _score(self, state: ShoppersPartition, events: EventColumns, folded: Folded) -> None:
        """Score what the shoppers did against the lists that were on show."""
        types, ts = events.type[folded.accepted], events.ts[folded.accepted]
        counted = (types != IMPRESSION) & (folded.shopper >= 0)
        state.on_show.score_many(
            folded.shopper[counted],
            folded.item[counted],
            ts[counted],
            int(self.settings.session_gap_minutes * 60_000),
            self.counters.quality,
        )

    def _sources(self, partition: int, offsets: Int64s, topics: Int8s, folded: Folded) -> Iterator[_Source]:
        """What each topic's events led to; `offsets` and `topics` are those of the events."""
        for number, topic in enumerate(self.topics):
            yield _Source(
                topic,
                partition,
                offsets,
                np.flatnonzero(topics[folded.increment_event] == number),
                np.flatnonzero(topics[folded.example_event] == number),
            )

    def _covisits(self, state: ShoppersPartition, source: _Source, folded: Folded) -> Iterator[Message]:
        """One block per item partition that is concerned."""
        owners = self._owners.of(folded.increments.row[source.increments])
        for owner in np.unique(owners).tolist():
            chosen = source.increments[owners == owner]
            previous = state.last_block.get((source.topic, owner), -1)
            for block in blocks.increment_blocks(
                source.topic,
                source.partition,
                previous,
                folded.increments.chosen(chosen),
                source.offsets[folded.increment_event[chosen]],
                self.view.items,
            ):
                yield Message(COVISITS, blocks.encode(block), partition=owner)
                state.last_block[source.topic, owner] = block.last

    def _examples(self, state: ShoppersPartition, source: _Source, folded: Folded) -> Iterator[Message]:
        """One block for the learner, if there is anything to learn."""
        if len(source.examples):
            block = blocks.example_block(
                source.topic,
                source.partition,
                state.last_block.get((source.topic, _LEARNER), -1),
                folded.examples.chosen(source.examples),
                source.offsets[folded.example_event[source.examples]],
                self.view.items,
            )
            yield Message(EXAMPLES, blocks.encode(block), partition=0)
            state.last_block[source.topic, _LEARNER] = block.last

    async def _recommend(
        self, state: ShoppersPartition, touched: Int32s, outputs: Outputs, again: Int32s = _NOBODY
    ) -> None:
        """Lists and profiles of the shoppers that acted, and of those that are looked at `again`."""
        shelves = state.shoppers.shelves
        await self.view.refresh(self._recommender.recent_many(touched, shelves))
        segments, propensity = np.full(len(touched), -1, np.int32), None
        if scorer := self.view.scorer:
            segments = scorer.segment(state.shoppers.profiles_many(touched)).astype(np.int32)
            propensity = scorer.propensity(state.shoppers.features_many(touched))
        lists = self._recommender.predict_many(touched, shelves, self.view.neighbours, segments, self.view.trending)
        state.on_show.show_many(touched, lists, self.counters.quality)
        self.counters.lists += len(touched)
        users = state.shoppers.users.names_of(touched)
        again_names = state.shoppers.users.names_of(again)
        state.waiting.note(users, lists.lengths.tolist(), lists.has_neighbours.tolist(), again_names)
        as_of = shelves.shoppers["last_seen"][touched]
        values = recommendation_lists(lists, as_of, self.view.items)
        outputs.strings += zip((f"rec:{user}" for user in users), values, strict=True)
        profiles = _profiles(state.shoppers, touched, segments, propensity)
        outputs.hash_fields = _FIELDS
        outputs.hashes += zip((f"user:{user}" for user in users), profiles, strict=True)


def _profiles(shoppers: Shoppers, touched: Int32s, segments: Int32s, propensity: Floats | None) -> Iterator[list[Any]]:
    """The values of `user:` hashes in the order of `_FIELDS`; what no model can tell yet is left out."""
    records = shoppers.shelves.shoppers[touched]
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
