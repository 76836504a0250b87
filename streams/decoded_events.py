"""Whole deliveries of events: the plain ones are scanned as columns, the others are decoded one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from online_models.compiled import Bytes, Int32s, Int64s
from online_models.event_columns import EventColumns
from online_models.events import EVENT_CODES, Event
from online_models.spelling import Ids, spelled
from streams.decoding import Decoder, Rejection
from streams.portion import Portion
from streams.quick_decoding import ENDS, QUANTITY, STARTS, TS, TYPE, Columns, scan
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
        before = np.cumsum([0, *(len(part.rejections) for part in parts[:-1])])
        rejected = [
            np.where(part.rejected >= 0, part.rejected + start, _NONE)
            for part, start in zip(parts, before, strict=True)
        ]
        return cls(
            EventColumns.joined([part.columns for part in parts]),
            np.concatenate(rejected).astype(np.int32),
            [rejection for part in parts for rejection in part.rejections],
        )

    def events(self) -> tuple[Int64s, EventColumns]:
        """Which records are events, and the events."""
        places = np.flatnonzero(self.rejected < 0)
        return places, self.columns if len(places) == len(self.rejected) else self.columns.chosen(places)

    def bad(self) -> list[Rejection]:
        """Why the others are none, in order."""
        return [self.rejections[number] for number in self.rejected[self.rejected >= 0].tolist()]


def decoded(decoder: Decoder, topic: int, records: Records) -> Portion[DecodedEvents]:
    """Decode records of one topic; `topic` is its position among those of the agent."""
    text, columns = scan(
        [records.one(n).value or b"" for n in range(len(records))],
        [records.one(n).key or b"" for n in range(len(records))],
        decoder.max_event_bytes,
    )
    timestamp = records.timestamp
    columns.plain[:] &= (timestamp < 0) | (columns.whole[:, TS] <= timestamp + decoder.max_future_ms)
    rejected = np.full(len(records), _NONE, np.int32)
    rejections: list[Rejection] = []
    events: list[Event] = []
    places = np.flatnonzero(~columns.plain)
    for place in places.tolist():
        found = decoder.decode_one(records.one(place))
        if isinstance(found, Event):
            events.append(found)
        else:
            rejected[place] = len(rejections)
            rejections.append(found)
    text = _with_events(text, columns, places[rejected[places] < 0], events)
    events_found = _event_columns(text, columns)
    time = np.where(rejected < 0, events_found.ts, _NONE)
    return Portion.of(topic, records, time, DecodedEvents(events_found, rejected, rejections))


def _event_columns(text: Bytes, columns: Columns) -> EventColumns:
    whole = np.ascontiguousarray(columns.whole.T)
    event, user, item = (Ids(text, start, end) for start, end in zip(whole[STARTS], whole[ENDS], strict=True))
    kind = whole[TYPE].astype(np.int32)
    return EventColumns(event, user, item, kind, whole[TS], columns.price, whole[QUANTITY])


def _with_events(text: Bytes, columns: Columns, places: Int64s, events: list[Event]) -> Bytes:
    """Put events that were decoded one by one into their rows; returns the text with their ids at its end."""
    if not events:
        return text
    for row, event in zip(places.tolist(), events, strict=True):
        columns.whole[row, TYPE:] = EVENT_CODES[event.type], event.ts, event.quantity
        columns.price[row] = event.price
    for which, name in enumerate(("event_id", "user_id", "item_id")):
        ids = spelled(getattr(event, name) for event in events).ids()
        columns.whole[places, STARTS.start + which] = ids.starts + len(text)
        columns.whole[places, ENDS.start + which] = ids.ends + len(text)
        text = np.concatenate([text, ids.text])
    return text
