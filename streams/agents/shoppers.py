"""The shoppers agent: owns users. Events in; recommendations, profiles, co-visits and labelled sessions out."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from online_models import shoppers_state
from online_models.compiled import Int32s, Int64s
from online_models.event_columns import EventColumns
from online_models.event_time import DAY_MS, MINUTE_MS
from online_models.events import IMPRESSION
from online_models.folded import Folded
from online_models.recommendation import Recommender
from online_models.shopper_kernel import WATERMARK
from online_models.shoppers import Shoppers
from online_models.shoppers_state import FrozenShoppers
from online_models.shown import ListsOnShow
from online_models.spare import Spare
from online_models.vocabulary import Vocabulary
from streams.agent import ReadBack
from streams.agents.list_writer import Audience, ListWriter
from streams.agents.outbox import Outbox
from streams.counters import Counters
from streams.dead_letters import dead_letter
from streams.decoded_events import DecodedEvents, decoded
from streams.decoding import Decoder
from streams.giving_way import give_way
from streams.holding import HOLD_SECONDS
from streams.model_settings import model_settings
from streams.outputs import Outputs
from streams.portion import Portion
from streams.read_view import ReadView
from streams.records import Records
from streams.settings import Settings
from streams.topics import SHOP_TOPICS
from streams.unwritten import Unwritten
from streams.waiting import Waiting

_SHOPPERS_AT_ONCE: Final = 500
_LOOK_SECONDS: Final = 1.0
_NOBODY: Final = np.zeros(0, np.int32)


class ShoppersPartition:
    """The state of one partition: its shoppers, and what the other agents have yet to be told.

    `waiting` are shoppers for whom there was nothing better to recommend yet, as when a shop is new.
    """

    def __init__(
        self, items: Vocabulary, settings: Settings, outbox: Outbox, state: Mapping[str, Any] | None = None
    ) -> None:
        shopper_settings = model_settings(settings).shoppers
        self.outbox = outbox
        if state is None:
            self.shoppers = Shoppers(items, shopper_settings)
            self.waiting = Waiting(self.shoppers.users)
        else:
            self.shoppers = shoppers_state.restored(state["shoppers"], items, shopper_settings)
            self.waiting = Waiting(self.shoppers.users, *state["waiting"])
        self._list_length = settings.list_length
        self.on_show = ListsOnShow(self._list_length)
        self.unwritten = Unwritten()

    def fold(self, events: EventColumns) -> Folded:
        """Fold events into the shoppers; where some are forgotten for it, the others get other codes."""
        users = self.shoppers.users
        folded = self.shoppers.fold(events)
        if self.shoppers.users is not users:
            self.waiting.renumber(self.shoppers.users)
            self.on_show, self.unwritten = ListsOnShow(self._list_length), Unwritten()
        return folded

    def freeze(self, spare: Spare) -> Callable[[], dict[str, Any]]:
        """Copy the state now; pack the copy later. Lists on show are a measurement and begin anew."""
        shoppers, waiting, outbox = FrozenShoppers.of(self.shoppers, spare), self.waiting.names(), self.outbox.state()
        return lambda: {"shoppers": shoppers.state(), "outbox": outbox, "waiting": waiting()}


class ShoppersAgent:
    """Folds micro-batches of events; see `streams.agent.Agent`."""

    name = "shoppers"
    topics = SHOP_TOPICS

    def __init__(
        self,
        settings: Settings,
        view: ReadView,
        counters: Counters,
        hold_seconds: float = HOLD_SECONDS,
    ) -> None:
        self.settings = settings
        self.view = view
        self.counters = counters
        self.hold_seconds = hold_seconds
        self.partitions: dict[int, ShoppersPartition] = {}
        self._spare = Spare()
        self._decoder = Decoder(settings.max_event_bytes, settings.max_future_seconds)
        recommender = Recommender(view.items, model_settings(settings).recommendations)
        self._writer = ListWriter(view, recommender, counters)
        lists = tuple(f"affinity:{partition}" for partition in range(view.partitions.partitions))
        self.reads = ReadBack((*lists, "learner:0"), view.view_seconds)

    def open(self, partition: int, state: Mapping[str, Any] | None) -> None:
        """Begin to own a partition."""
        held = state["outbox"] if state is not None else None
        outbox = Outbox(self.topics, partition, self.view.partitions, held, self.hold_seconds)
        self.partitions[partition] = ShoppersPartition(self.view.items, self.settings, outbox, state)

    def close(self, partition: int) -> None:
        """Cease to own a partition."""
        del self.partitions[partition]

    def freeze(self, partition: int) -> Callable[[], dict[str, Any]]:
        """Copy the state of a partition; the result packs the copy."""
        return self.partitions[partition].freeze(self._spare)

    def forgive(self, partition: int) -> None:
        """Events that are gone leave nothing to refuse."""

    def read(self, records: Records) -> Portion[DecodedEvents]:
        """Decode records: events and rejections."""
        return decoded(self._decoder, self.topics.index(records.topic), records)

    async def fold(self, portions: Mapping[int, Portion[DecodedEvents] | None]) -> dict[int, Outputs]:
        """Fold events, recommend to those who acted, and set aside what is no event."""
        outputs = {partition: Outputs() for partition in portions}
        audiences = [self._folded(partition, portion, outputs[partition]) for partition, portion in portions.items()]
        await self._recommend(audiences, list(outputs.values()))
        return outputs

    def due(self, partition: int) -> float:
        """When the outbox is due; shoppers that wait for a better list are looked at again after a second."""
        state = self.partitions[partition]
        return min(state.outbox.due, time.monotonic() + _LOOK_SECONDS if state.waiting else math.inf)

    async def everything(self, partition: int) -> AsyncIterator[Outputs]:
        """Lists and profiles of all shoppers whose keys have not expired, in portions.

        It goes from the last to the first: when old shoppers are forgotten in between, those behind them move
        towards the beginning.
        """
        state = self.partitions[partition]
        state.unwritten = Unwritten()  # whatever was written may be lost
        keep_ms = int(self.settings.keep_days * DAY_MS)
        end = len(state.shoppers)
        while end > 0:
            start, end = max(0, end - _SHOPPERS_AT_ONCE), min(end, len(state.shoppers))
            shelves = state.shoppers.shelves
            known = shelves.shoppers["last_seen"][start:end] >= int(shelves.clock[WATERMARK]) - keep_ms
            codes, outputs = (start + np.flatnonzero(known)).astype(np.int32), Outputs()
            audience = Audience(state.shoppers, state.on_show, state.waiting, state.unwritten, codes, _NOBODY)
            await self._recommend([audience], [outputs])
            yield outputs
            end = start

    def _folded(self, partition: int, portion: Portion[DecodedEvents] | None, outputs: Outputs) -> Audience:
        """Fold the micro-batch of a partition, with messages and rejections into `outputs`; who gets a new list."""
        give_way()
        state, acted = self.partitions[partition], _NOBODY
        if portion is not None:
            if rejections := portion.content.bad():
                outputs.messages += [dead_letter(rejection) for rejection in rejections]
                outputs.rejected = len(rejections)
                self.counters.count_rejections(rejections)
            acted = self._fold_events(state, portion)
        if state.outbox.is_due:
            outputs.messages += state.outbox.messages()
        again = self._looked_at_again(state, acted, is_idle=portion is None)
        everyone = np.sort(np.concatenate([acted, again])) if len(again) else acted
        return Audience(state.shoppers, state.on_show, state.waiting, state.unwritten, everyone, again)

    def _fold_events(self, state: ShoppersPartition, portion: Portion[DecodedEvents]) -> Int32s:
        """Fold the events, and hold what the other agents are to be told; return the codes of those that acted."""
        places, events = portion.content.events()
        folded = state.fold(events)
        accepted = len(folded.shopper)
        self.counters.accepted += accepted
        self.counters.duplicates += len(events) - accepted
        give_way()
        types, ts = events.type[folded.accepted], events.ts[folded.accepted]
        state.unwritten.note(folded.shopper, types, ts, state.shoppers.shelves.shoppers)
        self._score(state, folded, types, ts)
        state.outbox.put(folded, portion.topic[places], portion.offset[places])
        return folded.touched

    def _looked_at_again(self, state: ShoppersPartition, acted: Int32s, *, is_idle: bool) -> Int32s:
        """The codes of those who waited for a better list, but for those who acted."""
        trending, _ = self.view.trending[-1]
        # While nothing trends there is nothing to list; when there is time, it is read again whether that is still so.
        if not state.waiting or not (is_idle or len(trending)):
            return _NOBODY
        taken = state.waiting.take(is_idle=is_idle)
        return np.setdiff1d(taken, acted) if len(taken) else _NOBODY

    def _score(self, state: ShoppersPartition, folded: Folded, types: Int32s, ts: Int64s) -> None:
        """Score what the shoppers did against the lists that were on show."""
        counted = (types != IMPRESSION) & (folded.shopper >= 0)
        state.on_show.score_many(
            folded.shopper[counted],
            folded.item[counted],
            ts[counted],
            int(self.settings.session_gap_minutes * MINUTE_MS),
            self.counters.quality,
        )

    async def _recommend(self, audiences: Sequence[Audience], outputs: Sequence[Outputs]) -> None:
        """Put lists and profiles of each audience into its outputs."""
        for its, written in zip(outputs, await self._writer.write(audiences), strict=True):
            its.strings, its.hashes = written.strings, written.hashes
