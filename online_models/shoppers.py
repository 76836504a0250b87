"""Everyone who came: who they are so far, what they looked at, and what the other models learn from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from online_models import slabs
from online_models.compiled import Float32s, Floats, Int32s, Structs
from online_models.distinct import Distinct
from online_models.duplicates import RecentIds
from online_models.event_columns import EventColumns
from online_models.event_time import MINUTE_MS
from online_models.events import EVENT_TYPES, Event
from online_models.folded import Folded, as_in_the_batch
from online_models.recency import has_room, leave, nobody
from online_models.reserve import extended, taken
from online_models.returns import nothing_counted
from online_models.shopper_kernel import MOST_EXAMPLES, MOST_PLACES, fold, moments, profiles
from online_models.shopper_records import (
    SESSION,
    SHOPPER,
    Actions,
    Found,
    Shelves,
    Shopper,
    joined,
    only_filled,
    room_for,
)
from online_models.vocabulary import Vocabulary

#: For increments of a micro-batch, however small; room that does not suffice costs another call of the kernel.
_LEAST_ROOM: Final = 256
#: For those of an event, at least and at most; in between it is what the last micro-batch had, and a little more: an
#: event of a long session leads to forty.
_ROOM_PER_EVENT: Final = (16.0, 64.0)
_MORE_ROOM: Final = 1.25

#: How much an action says about interest in the item.
ACTION_WEIGHTS: Final = {
    "impression": 0.0,
    "view": 1.0,
    "click": 1.0,
    "add_to_wishlist": 2.0,
    "add_to_cart": 3.0,
    "remove_from_cart": 0.0,
    "purchase": 5.0,
}


@dataclass(frozen=True)
class ShopperSettings:
    """What a session is, how much an action counts, and how much is remembered.

    Attributes
    ----------
    session_gap_minutes
        A session is over after this much event time without an event of its shopper.
    action_weights
        Per event type, see `ACTION_WEIGHTS`.
    max_shoppers
        The most shoppers kept; beyond it the sixteenth seen longest ago is forgotten.
    duplicate_window
        How many event ids are remembered, see `RecentIds`.
    """

    session_gap_minutes: float = 30.0
    action_weights: dict[str, float] = field(default_factory=lambda: dict(ACTION_WEIGHTS))
    max_shoppers: int = 4_000_000
    duplicate_window: int = 1 << 20


class Shoppers:
    """Folds events into shoppers, in order, whatever the batches they come in.

    Sessions are cut by event time: an event more than `session_gap_minutes` after the shopper's last one begins a new
    session. An event from before the current session (by more than the gap) changes counters only. Whether there was a
    purchase in a session is told as an example when it is over: when the shopper begins the next, or when the highest
    event time of the partition has left it behind.

    Parameters
    ----------
    items
        Where item codes come from; shared with whoever reads the outputs.
    settings
        See `ShopperSettings`.

    Examples
    --------
    >>> shoppers = Shoppers(Vocabulary())
    >>> folded = shoppers.fold([
    ...     Event(event_id="1", type="view", user_id="ada", item_id="lamp", ts=0),
    ...     Event(event_id="2", type="view", user_id="ada", item_id="bulb", ts=5_000),
    ...     Event(event_id="2", type="view", user_id="ada", item_id="bulb", ts=5_000),
    ... ])
    >>> folded.accepted.tolist()
    [True, True, False]
    >>> shoppers.profile_one("ada")["view"]
    2
    """

    def __init__(self, items: Vocabulary, settings: ShopperSettings | None = None) -> None:
        self.items = items
        self.settings = settings or ShopperSettings()
        self.users = Vocabulary()
        self.recent_ids = RecentIds(self.settings.duplicate_window)
        self.shelves = Shelves(
            shoppers=blank(64),
            sessions=np.zeros(64, SESSION),
            items=np.zeros(1024, np.int32),
            free=np.full(slabs.SIZES, -1, np.int64),
            top=np.zeros(1, np.int64),
            clock=np.append(nobody(), -1),
            returns=nothing_counted(),
        )
        self._weights: Floats = np.array([self.settings.action_weights[name] for name in EVENT_TYPES])
        self._gap_ms = int(self.settings.session_gap_minutes * MINUTE_MS)
        self._distinct = Distinct()
        self._room_per_event = _ROOM_PER_EVENT[0]

    def __len__(self) -> int:
        return len(self.users)

    def fold(self, events: Sequence[Event] | EventColumns) -> Folded:
        """Fold events in their order; say what changed and what the other models should learn."""
        columns = events if isinstance(events, EventColumns) else EventColumns.of(events)
        accepted = self.recent_ids.learn_ids(columns.event_id)
        kept = np.flatnonzero(accepted)
        fresh = columns if len(kept) == len(columns) else columns.chosen(kept)
        end = self._end_of_chunk(fresh, 0)
        if end == len(fresh):
            actions = self._columns(fresh)
            shopper, item, found = actions.shopper, actions.item, self._fold_chunk(actions, 0)
            acted = shopper
        else:
            shopper, item, found = self._fold_in_chunks(fresh, end)
            acted = shopper[shopper >= 0]
        users = self._distinct.among(acted, len(self.users))
        return as_in_the_batch(users, accepted, kept, shopper, item, joined(found))

    def code_one(self, user: str) -> int:
        """The code of a shopper; strangers share the one of a record that stays blank."""
        code = int(self.users.known_codes([user])[0])
        return code if code >= 0 else len(self.users)

    def profile_one(self, user: str) -> dict[str, int | float]:
        """The counters of one shopper: events in all and by type, sessions, spend, first and last seen (ms)."""
        record = self.shelves.shoppers[self.code_one(user)]
        counts = record["counts"].tolist()
        return {
            "events": sum(counts),
            **dict(zip(EVENT_TYPES, counts, strict=True)),
            "sessions": int(record["sessions"]),
            "spend": float(record["spend"]),
            "first_seen": int(record["first_seen"]),
            "last_seen": int(record["last_seen"]),
        }

    def features_many(self, shoppers: Int32s) -> Float32s:
        """Shape (n, F): the `PROPENSITY_FEATURES` of shoppers as of their last event."""
        return moments(taken(self.shelves.shoppers, shoppers))

    def profiles_many(self, shoppers: Int32s) -> Float32s:
        """Shape (n, G): the `PROFILE_FEATURES` of shoppers as of their last event."""
        return profiles(taken(self.shelves.shoppers, shoppers))

    def _end_of_chunk(self, events: EventColumns, start: int) -> int:
        """The first event that would bring in a shopper too many, or the end."""
        room = self.settings.max_shoppers - len(self.users)
        if len(events) - start <= room:
            return len(events)
        newcomers: set[str] = set()
        users = events.user_id.chosen(slice(start, None)).spelling().names()
        known = self.users.known_codes(users)
        for i in np.flatnonzero(known < 0).tolist():
            if users[i] not in newcomers:
                if len(newcomers) == room:
                    return start + int(i)
                newcomers.add(users[i])
        return len(events)

    def _fold_in_chunks(self, events: EventColumns, end: int) -> tuple[Int32s, Int32s, list[Found]]:
        """Fold events, the first chunk up to `end`, and forget shoppers in between; their codes, and what was found."""
        found: list[Found] = []
        shopper, item = np.zeros(len(events), np.int32), np.zeros(len(events), np.int32)
        start = 0
        while True:
            actions = self._columns(events.chosen(slice(start, end)))
            found += self._fold_chunk(actions, start)
            shopper[start:end], item[start:end] = actions.shopper, actions.item
            if end == len(events):
                return shopper, item, found
            start = end
            shopper[:start] = self._forget_longest_unseen(shopper[:start])
            end = self._end_of_chunk(events, start)

    def _columns(self, events: EventColumns) -> Actions:
        actions = Actions(
            shopper=self.users.codes_of(events.user_id),
            item=self.items.codes_of(events.item_id),
            type=events.type,
            ts=events.ts,
            price=events.price,
            quantity=events.quantity,
        )
        known = len(self.shelves.shoppers)
        if len(self.users) >= known:
            shoppers = extended(self.shelves.shoppers, len(self.users) + 1)
            shoppers[known:] = blank(len(shoppers) - known)
            self.shelves = self.shelves._replace(shoppers=shoppers)
        return actions

    def _fold_chunk(self, actions: Actions, start: int) -> list[Found]:
        """Fold events, the first of which is number `start` of the batch; what was found, in the parts it came in."""
        found: list[Found] = []
        done, events, least = 0, len(actions.ts), _LEAST_ROOM
        while True:
            room = max(least, int(self._room_per_event * (events - done)))
            batch = room_for(room, MOST_EXAMPLES + events - done)
            done = fold(done, actions, self._weights, self._gap_ms, self.shelves, batch)
            while done < events and self._make_room():
                done = fold(done, actions, self._weights, self._gap_ms, self.shelves, batch)
            found.append(only_filled(batch, start))
            if done == events:
                self._expect(sum(len(part.row) for part in found) / max(events, 1))
                return found
            least = _LEAST_ROOM if batch.filled.any() else 2 * room

    def _expect(self, increments_per_event: float) -> None:
        """Have room for so many next time."""
        least, most = _ROOM_PER_EVENT
        self._room_per_event = min(max(_MORE_ROOM * increments_per_event, least), most)

    def _make_room(self) -> bool:
        """Let pools grow that have no room for another event; False if all of them have."""
        before, places = self.shelves, int(self.shelves.top[0]) + MOST_PLACES
        if len(before.items) < places:
            self.shelves = self.shelves._replace(items=extended(before.items, places))
        if not has_room(before.sessions, before.clock):
            self.shelves = self.shelves._replace(sessions=extended(before.sessions, len(before.sessions) + 1))
        return self.shelves is not before

    def _forget_longest_unseen(self, acted: Int32s) -> Int32s:
        """Drop the sixteenth of the shoppers seen longest ago, and renumber the rest.

        Returns the new codes of those that acted, -1 for the dropped.
        """
        count = len(self.users)
        known = self.shelves.shoppers[:count]
        order = np.argsort(known["last_seen"], kind="stable")
        kept = np.sort(order[max(1, count // 16) :])
        number = np.full(count + 1, -1, np.int32)  # number[-1] is -1: a free row of a session stays nobody's
        number[kept] = np.arange(len(kept), dtype=np.int32)
        for row in known[number[:count] < 0]:
            self._give_back(row)
        self.shelves.sessions["shopper"] = number[self.shelves.sessions["shopper"]]
        users = Vocabulary()
        users.codes_of(self.users.spelling().chosen(kept.astype(np.int32)).ids())
        self.users = users
        self.shelves = self.shelves._replace(shoppers=np.concatenate([known[kept], blank(count - len(kept) + 64)]))
        renumbered: Int32s = number[acted]
        return renumbered

    def _give_back(self, record: Shopper) -> None:
        """All that a shopper takes of the pools."""
        shelves = self.shelves
        for what in ("items", "owned"):
            if record[f"{what}_size"] >= 0:
                slabs.give_back(int(record[f"{what}_size"]), int(record[f"{what}_start"]), shelves.free, shelves.items)
        if record["open"] >= 0:
            leave(int(record["open"]), shelves.sessions, shelves.clock)


def blank(length: int) -> Structs:
    """Records of shoppers that nothing is known of yet."""
    records: Structs = np.zeros(length, SHOPPER)
    records["items_size"] = records["owned_size"] = records["open"] = -1
    return records
