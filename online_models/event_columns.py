"""Events as columns: what a batch looks like on its way from bytes to the fold, with no object per event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from online_models.compiled import Floats, Int32s, Int64s
from online_models.events import EVENT_CODES, Event
from online_models.spelling import Ids, spelled


@dataclass(frozen=True)
class EventColumns:
    """n events.

    Attributes
    ----------
    event_id, user_id, item_id
        The ids, as places in texts.
    type
        Shape (n,): positions in `EVENT_TYPES`.
    ts
        Shape (n,): event times in ms.
    price, quantity
        Shape (n,): as in `Event`.

    >>> lamp = Event(event_id="1", type="view", user_id="ada", item_id="lamp", ts=5)
    >>> columns = EventColumns.of([lamp, lamp])
    >>> len(columns), columns.chosen(np.array([1])).item_id.spelling().names()
    (2, ['lamp'])
    """

    event_id: Ids
    user_id: Ids
    item_id: Ids
    type: Int32s
    ts: Int64s
    price: Floats
    quantity: Int64s

    def __len__(self) -> int:
        return len(self.ts)

    @classmethod
    def of(cls, events: Sequence[Event]) -> Self:
        """The columns of events."""
        n = len(events)
        return cls(
            event_id=spelled(event.event_id for event in events).ids(),
            user_id=spelled(event.user_id for event in events).ids(),
            item_id=spelled(event.item_id for event in events).ids(),
            type=np.fromiter((EVENT_CODES[event.type] for event in events), np.int32, n),
            ts=np.fromiter((event.ts for event in events), np.int64, n),
            price=np.fromiter((event.price for event in events), np.float64, n),
            quantity=np.fromiter((event.quantity for event in events), np.int64, n),
        )

    def chosen(self, places: Int64s | slice) -> Self:
        """The events at some places, in the order of the places."""
        return type(self)(
            event_id=self.event_id.chosen(places),
            user_id=self.user_id.chosen(places),
            item_id=self.item_id.chosen(places),
            type=self.type[places],
            ts=self.ts[places],
            price=self.price[places],
            quantity=self.quantity[places],
        )

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Several batches as one."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            event_id=_joined([part.event_id for part in parts]),
            user_id=_joined([part.user_id for part in parts]),
            item_id=_joined([part.item_id for part in parts]),
            type=np.concatenate([part.type for part in parts]),
            ts=np.concatenate([part.ts for part in parts]),
            price=np.concatenate([part.price for part in parts]),
            quantity=np.concatenate([part.quantity for part in parts]),
        )


def _joined(parts: Sequence[Ids]) -> Ids:
    """Ids of several texts in one, which holds nothing else."""
    spellings = [part.spelling() for part in parts]
    lengths = [len(spelling.text) for spelling in spellings]
    before = np.cumsum([0, *lengths[:-1]])
    ids = [spelling.ids() for spelling in spellings]
    return Ids(
        np.concatenate([one.text for one in ids]),
        np.concatenate([one.starts + start for one, start in zip(ids, before, strict=True)]),
        np.concatenate([one.ends + start for one, start in zip(ids, before, strict=True)]),
    )
