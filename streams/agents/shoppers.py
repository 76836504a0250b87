"""The shoppers agent: owns users. Events in; recommendations, profiles, co-visits and labelled sessions out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from online_models.compiled import Floats, Int32s, Int64s
from online_models.events import EVENT_CODES, EVENT_TYPES, IMPRESSION, Event
from online_models.item_partition import ItemPartitions
from online_models.recommendation import RecommendationSettings, Recommender
from online_models.shoppers import Folded, Shoppers, ShopperSettings
from online_models.shown import ListsOnShow
from streams import blocks
from streams.counters import Counters
from streams.dead_letters import dead_letter
from streams.decoding import Decoder, Record
from streams.json_lists import recommendation_lists
from streams.outputs import Message, Outputs
from streams.read_view import ReadView
from streams.settings import Settings
from streams.topics import CLICKSTREAM, COVISITS, EXAMPLES, PURCHASES

_FIELDS: Final = tuple(
    name.encode() for name in ("events", *EVENT_TYPES, "sessions", "spend", "first_seen", "last_seen")
)


class ShoppersPartition:
    """The state of one partition: its shoppers, and where the last block to each receiver ended."""

    def __init__(self, view: ReadView, settings: Settings) -> None:
        self.shoppers = Shoppers(view.items, ShopperSettings(session_gap_minutes=settings.session_gap_minutes))
        self.on_show = ListsOnShow(settings.list_length)
        self.last_block: dict[tuple[str, int], int] = {}


class ShoppersAgent:
    """Folds micro-batches of events; see `streams.micro_batches.Agent`."""

    name = "shoppers"
    topics = (CLICKSTREAM, PURCHASES)

    def __init__(self, settings: Settings, view: ReadView, counters: Counters, item_partitions: int) -> None:
        self.settings = settings
        self.view = view
        self.counters = counters
        self.partitions: dict[int, ShoppersPartition] = {}
        self._decoder = Decoder(settings.max_event_bytes, settings.max_future_seconds)
        self._owners = ItemPartitions(view.items, item_partitions)
        self._recommender = Recommender(
            view.items, RecommendationSettings(length=settings.list_length, skip_owned=settings.skip_owned)
        )

    def open(self, partition: int) -> None:
        """Begin to own a partition. (Checkpoints: the place to load the newest one.)"""
        self.partitions[partition] = ShoppersPartition(self.view, self.settings)

    def close(self, partition: int) -> None:
        """Cease to own a partition."""
        del self.partitions[partition]

    async def fold(self, topic: str, partition: int, records: Sequence[Record]) -> Outputs:
        """Decode, fold, recommend."""
        events, positions, rejections = self._decoder.decode_many(records)
        offsets = np.fromiter((records[i].offset for i in positions), np.int64, len(positions))
        self.counters.count_rejections(rejections)
        state = self.partitions[partition]
        folded = state.shoppers.fold(events)
        self.counters.accepted += int(folded.accepted.sum())
        self.counters.duplicates += len(events) - int(folded.accepted.sum())
        self._score(state, events, folded)
        outputs = Outputs(messages=[dead_letter(rejection) for rejection in rejections], rejected=len(rejections))
        outputs.messages += self._covisits(state, topic, partition, folded, offsets)
        outputs.messages += self._examples(state, topic, partition, folded, offsets)
        await self._recommend(state, folded.touched, outputs)
        return outputs

    def _score(self, state: ShoppersPartition, events: Sequence[Event], folded: Folded) -> None:
        """Score what the shoppers did against the lists that were on show."""
        acted = [
            event
            for event, accepted in zip(events, folded.accepted.tolist(), strict=True)
            if accepted and EVENT_CODES[event.type] != IMPRESSION and event.user_id in state.shoppers.users
        ]
        gap_ms = int(self.settings.session_gap_minutes * 60_000)
        state.on_show.score_many(
            state.shoppers.users.codes(event.user_id for event in acted),
            self.view.items.codes(event.item_id for event in acted),
            np.fromiter((event.ts for event in acted), np.int64, len(acted)),
            gap_ms,
            self.counters.quality,
        )

    def _covisits(
        self, state: ShoppersPartition, topic: str, partition: int, folded: Folded, offsets: Int64s
    ) -> Iterator[Message]:
        """One block per item partition that is concerned."""
        owners = self._owners.of(folded.increments.row)
        for owner in np.unique(owners).tolist():
            chosen = np.flatnonzero(owners == owner)
            previous = state.last_block.get((topic, owner), -1)
            for block in blocks.increment_blocks(
                topic,
                partition,
                previous,
                folded.increments.chosen(chosen),
                offsets[folded.increment_event[chosen]],
                self.view.items,
            ):
                yield Message(COVISITS, blocks.encode(block), partition=owner)
                state.last_block[topic, owner] = block.last

    def _examples(
        self, state: ShoppersPartition, topic: str, partition: int, folded: Folded, offsets: Int64s
    ) -> Iterator[Message]:
        if len(folded.examples):
            previous = state.last_block.get((topic, -1), -1)
            block = blocks.example_block(
                topic, partition, previous, folded.examples, offsets[folded.example_event], self.view.items
            )
            yield Message(EXAMPLES, blocks.encode(block), partition=0)
            state.last_block[topic, -1] = block.last

    async def _recommend(self, state: ShoppersPartition, touched: Int32s, outputs: Outputs) -> None:
        """Lists and profiles of the shoppers that acted."""
        shelves = state.shoppers.shelves
        await self.view.refresh(self._recommender.recent_many(touched, shelves))
        segments, propensity = np.full(len(touched), -1, np.int32), None
        if scorer := self.view.scorer:
            segments = scorer.segment(state.shoppers.profiles_many(touched)).astype(np.int32)
            propensity = scorer.propensity(state.shoppers.features_many(touched))
        lists = self._recommender.predict_many(touched, shelves, self.view.neighbours, segments, self.view.trending)
        state.on_show.show_many(touched, lists)
        self.counters.lists += len(touched)
        users = [state.shoppers.users.names[code] for code in touched.tolist()]
        as_of = shelves.shoppers["last_seen"][touched]
        values = recommendation_lists(lists, as_of, self.view.items)
        outputs.strings += zip((f"rec:{user}" for user in users), values, strict=True)
        profiles = _profile_fields(state.shoppers, touched, segments, propensity)
        outputs.hashes += zip((f"user:{user}" for user in users), profiles, strict=True)


def _profile_fields(
    shoppers: Shoppers, touched: Int32s, segments: Int32s, propensity: Floats | None
) -> Iterator[list[bytes]]:
    """The fields and values of `user:` hashes; what no model can tell yet is left out."""
    records = shoppers.shelves.shoppers[touched]
    counts = records["counts"]
    columns = zip(
        counts.sum(axis=1).tolist(),
        *counts.T.tolist(),
        records["sessions"].tolist(),
        np.round(records["spend"], 6).tolist(),
        records["first_seen"].tolist(),
        records["last_seen"].tolist(),
        strict=True,
    )
    for i, values in enumerate(columns):
        fields = [part for name, value in zip(_FIELDS, values, strict=True) for part in (name, b"%a" % value)]
        if segments[i] >= 0:
            fields += (b"segment", b"%d" % segments[i])
        if propensity is not None:
            fields += (b"propensity", b"%.6f" % propensity[i])
        yield fields
