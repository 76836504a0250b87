"""Whole deliveries of events: the plain ones are scanned as columns, the others are decoded one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from online_models.compiled import Int32s, Int64s
from online_models.event_columns import EventColumns
from online_models.events import Event
from streams.decoding import Decoder, Rejection
from streams.portion import Portion
from streams.records import Records

_NONE = -1


@dataclass(frozen=True)
class DecodedEvents:
    """What records of websites say.

    Attributes
    ----------
    columns
        A row per record; that of a rejected one means nothing.
    rejected
        Shape (n,): which of the `rejections` each record is, -1 for an event.
    """

    columns: EventColumns
    rejected: Int32s
    rejections: list[Rejection]

    def chosen(self, places: Int64s | slice) -> DecodedEvents:
        """The rows at some places."""
        return DecodedEvents(self.columns.chosen(places), self.rejected[places], self.rejections)

    @classmethod
    def joined(cls, parts: Sequence[DecodedEvents]) -> DecodedEvents:
        """Several as one."""
        rejected: list[Int32s] = []
        rejections: list[Rejection] = []
        for part in parts:
            before = len(rejections)
            is_moved = before and part.rejections
            rejected.append(np.where(part.rejected >= 0, part.rejected + before, _NONE) if is_moved else part.rejected)
            rejections += part.rejections
        columns = EventColumns.joined([part.columns for part in parts])
        return cls(columns, np.concatenate(rejected, dtype=np.int32), rejections)

    def events(self) -> tuple[Int64s, EventColumns]:
        """Which records are events, and the events."""
        if not self.rejections:
            return np.arange(len(self.rejected)), self.columns
        places = np.flatnonzero(self.rejected < 0)
        return places, self.columns if len(places) == len(self.rejected) else self.columns.chosen(places)

    def bad(self) -> list[Rejection]:
        """Why the others are none, in order."""
        if not self.rejections:
            return []
        return [self.rejections[number] for number in self.rejected[self.rejected >= 0].tolist()]


def decoded(decoder: Decoder, topic: int, records: Records) -> Portion[DecodedEvents]:
    """Decode records of one topic; `topic` is its position among those of the agent."""
    found = decoder.scanner.scan(records.values, records.keys, records.timestamp)
    said = DecodedEvents(found.columns, found.rejected, [])
    if found.plain < len(records):
        said = _with_others(said, decoder, records, found.time)
    return Portion.of(topic, records, found.time, said)


def _with_others(said: DecodedEvents, decoder: Decoder, records: Records, time: Int64s) -> DecodedEvents:
    """Decode those that are not plain, which have no time yet, one by one."""
    places: list[int] = []
    events: list[Event] = []
    for place in np.flatnonzero(time == _NONE).tolist():
        found = decoder.decode_one(records.one(place))
        if isinstance(found, Event):
            places.append(place)
            events.append(found)
        else:
            said.rejected[place] = len(said.rejections)
            said.rejections.append(found)
    if not events:
        return said
    others, at = EventColumns.of(events), np.array(places)
    said.columns.whole[:, at] = others.whole
    time[at] = others.ts
    return DecodedEvents(said.columns.with_ids(at, events), said.rejected, said.rejections)
