"""Events as columns: what a batch looks like on its way from bytes to the fold, with no object per event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from online_models.compiled import Bytes, Floats, Int32s, Int64s
from online_models.events import EVENT_CODES, Event
from online_models.spelling import Ids, spelled
from online_models.uncounted import uncounted

#: Rows of `EventColumns.whole`: where the ids of event, user and item begin in the text, where they end, and the rest.
STARTS: Final = slice(0, 3)
ENDS: Final = slice(3, 6)
TYPE, TS, QUANTITY, _PRICE = 6, 7, 8, 9
ROWS: Final = 10
_IDS: Final = 3
#: A text with more bytes per event is mostly of other events; a small one is copied in no time.
_DENSE: Final = 512
_SMALL: Final = 16_384


@dataclass(frozen=True)
class EventColumns:
    """n events.

    They are cut, chosen and joined with every micro-batch, however small: so they are one array, and not ten.

    Attributes
    ----------
    text
        What the ids are places in; read-only.
    whole
        Shape (10, n): see `STARTS` to `QUANTITY`; the last row are the bits of the prices.

    >>> lamp = Event(event_id="1", type="view", user_id="ada", item_id="lamp", ts=5)
    >>> columns = EventColumns.of([lamp, lamp])
    >>> len(columns), columns.chosen(np.array([1])).item_id.spelling().names()
    (2, ['lamp'])
    """

    text: Bytes
    whole: Int64s

    def __len__(self) -> int:
        return len(self.whole[0])

    @property
    def event_id(self) -> Ids:
        """The ids of the events, as places in the text."""
        return Ids(self.text, self.whole[0], self.whole[_IDS])

    @property
    def user_id(self) -> Ids:
        """Those of the shoppers."""
        return Ids(self.text, self.whole[1], self.whole[_IDS + 1])

    @property
    def item_id(self) -> Ids:
        """Those of the items."""
        return Ids(self.text, self.whole[2], self.whole[_IDS + 2])

    @property
    def type(self) -> Int32s:
        """Shape (n,): positions in `EVENT_TYPES`."""
        kind: Int32s = self.whole[TYPE].astype(np.int32)
        return kind

    @property
    def ts(self) -> Int64s:
        """Shape (n,): event times in ms."""
        ts: Int64s = self.whole[TS]
        return ts

    @property
    def price(self) -> Floats:
        """Shape (n,): as in `Event`."""
        price: Floats = self.whole[_PRICE].view(np.float64)
        return price

    @property
    def quantity(self) -> Int64s:
        """Shape (n,): as in `Event`."""
        quantity: Int64s = self.whole[QUANTITY]
        return quantity

    @classmethod
    def of(cls, events: Sequence[Event]) -> Self:
        """The columns of events."""
        n = len(events)
        columns = cls(np.zeros(0, np.uint8), np.zeros((ROWS, n), np.int64))
        columns.whole[TYPE] = np.fromiter((EVENT_CODES[event.type] for event in events), np.int64, n)
        columns.whole[TS] = np.fromiter((event.ts for event in events), np.int64, n)
        columns.whole[QUANTITY] = np.fromiter((event.quantity for event in events), np.int64, n)
        columns.price[:] = np.fromiter((event.price for event in events), np.float64, n)
        return columns.with_ids(slice(None), events)

    def with_ids(self, places: Int64s | slice, events: Sequence[Event]) -> Self:
        """The same where the events at some places have the ids of others, which are put behind the text."""
        texts, length = [self.text], len(self.text)
        for which, name in enumerate(("event_id", "user_id", "item_id")):
            text, starts, ends = spelled(getattr(event, name) for event in events).ids()
            self.whole[which, places] = starts + length
            self.whole[_IDS + which, places] = ends + length
            texts.append(text)
            length += len(text)
        return type(self)(_one_text(texts), self.whole)

    def chosen(self, places: Int64s | slice) -> Self:
        """The events at some places, in the order of the places."""
        whole = self.whole[:, places] if isinstance(places, slice) else np.take(self.whole, places, 1)
        return type(self)(self.text, whole)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Several batches as one."""
        if len(parts) == 1:
            return parts[0]
        parts = [part.dense() for part in parts]
        whole = np.concatenate([part.whole for part in parts], axis=1)
        place, length = len(parts[0]), len(parts[0].text)
        for part in parts[1:]:
            whole[: ENDS.stop, place : place + len(part)] += length
            place, length = place + len(part), length + len(part.text)
        return cls(_one_text([part.text for part in parts]), whole)

    def dense(self) -> Self:
        """The same in a text of their own, if this one is large for so few events."""
        if len(self.text) <= _SMALL + _DENSE * len(self):
            return self
        whole = self.whole.copy()
        text = np.empty(int((whole[ENDS] - whole[STARTS]).sum()), np.uint8)
        _gather(self.text, whole, text)
        text.flags.writeable = False
        return type(self)(text, whole)


def _one_text(texts: Sequence[Bytes]) -> Bytes:
    joined = np.concatenate(texts)
    joined.flags.writeable = False
    return joined


@uncounted
def _gather(text: Bytes, whole: Int64s, out: Bytes) -> None:
    """Copy the ids, and let the events have them there."""
    place = np.uint64(0)
    for n in range(np.uint64(whole.shape[1])):
        for row in range(np.uint64(_IDS)):
            at, end = np.uint64(whole[row, n]), np.uint64(whole[row + np.uint64(_IDS), n])
            whole[row, n] = np.int64(place)
            while at < end:
                out[place] = text[at]
                at, place = at + np.uint64(1), place + np.uint64(1)
            whole[row + np.uint64(_IDS), n] = np.int64(place)
