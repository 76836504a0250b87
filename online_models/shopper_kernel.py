"""The fold of one event into one shopper: sessions, counters, recent items, and what the other models learn from it."""

from __future__ import annotations

from typing import Final

import numpy as np

from online_models.compiled import Float32s, Floats, Int32s, Int64s, compiled
from online_models.events import IMPRESSION, PURCHASE
from online_models.features import (
    PROFILE_FEATURES,
    PROPENSITY_FEATURES,
    profile_features,
    propensity_features,
)
from online_models.owned import own, room_to_own
from online_models.recency import OLDEST, enter, has_room, leave, move_to_newest
from online_models.returns import AGAIN, BACK, NEW, count_action, moved_to_front
from online_models.shopper_records import (
    BOUGHT,
    BOUGHT_FIRST,
    EXAMPLE_ITEMS,
    OPEN,
    TOLD,
    Actions,
    Found,
    Shelves,
    Shopper,
)
from online_models.slabs import SIZES, give_back, slab_length, take

#: The place in `Shelves.clock` of the highest event time; those before it belong to `online_models.recency`.
WATERMARK: Final = 4

#: What `Increments.kind` says; see `online_models.similarity`.
_SEEN_AGAIN, _FIRST_IN_SESSION, _ACTION = 0, 1, 2
#: Items of earlier sessions kept as context when a new session begins.
_CARRIED: Final = 7
_DAY_MS: Final = 86_400_000.0
#: Items further apart than this in a session still count as met, but add no weight.
_REACH: Final = 50
#: The weight of a meeting by the distance, which it falls with: items viewed one after the other belong together most.
_CLOSENESS: Final = 1.0 / np.maximum(np.arange(_REACH + 1), 1) ** 0.75
#: How much a meeting counts in the list of the later item, against 1 in that of the earlier one.
_BACKWARD: Final = 0.75


@compiled
def fold(
    done: int,
    actions: Actions,
    action_weights: Floats,
    gap_ms: int,
    shelves: Shelves,
    found: Found,
) -> int:
    """Fold events from number `done` on; return how many are done, fewer than all where room has run out."""
    for i in range(done, len(actions.ts)):
        s, ts = shelves.shoppers[actions.shopper[i]], actions.ts[i]
        shelves.clock[WATERMARK] = max(shelves.clock[WATERMARK], ts)
        if not _close_ended_sessions(i, gap_ms, shelves, found) or not _room_to_tell(s, found):
            return i
        if s.sessions == 0 or ts - s.last_seen > gap_ms:
            if not room_to_own(s, actions.type[i], shelves):
                return i
            if not _turn_over(i, actions.shopper[i], ts, gap_ms, shelves, found):
                return i
        elif ts < s.session_start - gap_ms:  # from a session long over: it counts, and teaches nothing
            _count(s, actions.type[i], ts, actions.price[i], actions.quantity[i])
            continue
        elif not room_to_own(s, actions.type[i], shelves) or not _room_for_item(s, shelves):
            return i
        _act(i, actions, action_weights, shelves, found)
    return len(actions.ts)


@compiled
def _act(i: int, actions: Actions, action_weights: Floats, shelves: Shelves, found: Found) -> None:
    """Fold event `i` into the running session of its shopper."""
    shopper, item, kind, ts = actions.shopper[i], actions.item[i], actions.type[i], actions.ts[i]
    s = shelves.shoppers[shopper]
    s.pause = max(0, ts - s.last_seen) / 1000.0 if s.session_events else 0.0
    if kind == PURCHASE and s.outcome == OPEN:
        s.outcome = BOUGHT if s.session_events > s.session_counts[IMPRESSION] else BOUGHT_FIRST
    _count(s, kind, ts, actions.price[i], actions.quantity[i])
    s.session_start = min(s.session_start, ts)
    s.session_counts[kind] += 1
    s.session_events += 1
    s.price = actions.price[i]
    if s.price > 0.0:
        s.session_prices += s.price
        s.session_priced += 1
    if kind != IMPRESSION:
        _meet(i, s, ts, item, action_weights[kind], shelves, found)
        own(s, kind, item, shelves)
    if s.outcome != TOLD:
        move_to_newest(s.open, shelves.sessions, shelves.clock)
    if s.outcome == OPEN and _mix(ts, s.session_events) % np.uint64(s.session_events) == 0:
        _describe_session(shelves.sessions[s.open].moment, s)


@compiled
def _room_to_tell(s: Shopper, found: Found) -> bool:
    """Whether all that one event can lead to fits: an example, and two increments per recent item."""
    increments = found.filled[0] + 2 * s.items_length + 2
    return bool(found.filled[1] < len(found.bought) and increments <= len(found.row))


@compiled
def _turn_over(i: int, shopper: int, ts: int, gap_ms: int, shelves: Shelves, found: Found) -> bool:
    """End the shopper's session, if there is one, and begin the next; False if a pool has to grow first."""
    s = shelves.shoppers[shopper]
    if not has_room(shelves.sessions, shelves.clock):
        return False
    start = s.items_start if s.items_size == 0 else take(0, shelves.free, shelves.top, shelves.items)
    if start < 0:
        return False
    if s.sessions == 0:
        s.first_seen = ts
    elif s.outcome != TOLD:
        _tell(i, shopper, s.last_seen + gap_ms, shelves, found)
    _carry_over(s, start, shelves)
    _begin_session(s, shopper, ts, shelves)
    return True


@compiled
def _count(s: Shopper, kind: int, ts: int, price: float, quantity: int) -> None:
    s.counts[kind] += 1
    s.first_seen = min(s.first_seen, ts)
    s.last_seen = max(s.last_seen, ts)
    if kind == PURCHASE:
        s.spend += price * quantity


@compiled
def _meet(i: int, s: Shopper, ts: int, item: int, weight: float, shelves: Shelves, found: Found) -> None:
    """Tell the similarity model that `item` met the other items of the session, and make it the newest of them."""
    items = shelves.items
    start, end = s.items_start, s.items_start + s.items_length
    first = end - s.session_items
    place = end
    for j in range(first, end):
        if items[j] == item:
            place = j
    again = place < end
    _return_to(s, end - 1 - place, shelves.returns)
    kind = _SEEN_AGAIN if again else _FIRST_IN_SESSION
    _increment(i, ts, item, item, weight, _ACTION, found)
    for j in range(end - 1, first - 1, -1):
        distance = end - j
        closeness = weight * _CLOSENESS[distance] if distance <= _REACH else 0.0
        if items[j] != item and (closeness > 0.0 or not again):
            _increment(i, ts, items[j], item, closeness, kind, found)
            _increment(i, ts, item, items[j], _BACKWARD * closeness, kind, found)
    if again:
        s.session_repeats += 1
    else:
        for j in range(start, first):  # the same item carried over from an earlier session
            if items[j] == item:
                place = j
        s.session_items += 1
        s.items_met += 1
        s.items_length += place == end
    for j in range(place, s.items_start + s.items_length - 1):
        items[j] = items[j + 1]
    items[s.items_start + s.items_length - 1] = item


@compiled
def _return_to(s: Shopper, place: int, returns: Int64s) -> None:
    """Count an action on item number `place` of the session, the newest 0; -1 for one that is new to it."""
    count_action(returns, s.how, s.seen_again, s.session_items, place)
    s.seen_again = moved_to_front(s.seen_again, place)
    s.how = NEW if place < 0 else AGAIN if place == 0 else BACK


@compiled
def _increment(i: int, ts: int, row: int, neighbour: int, weight: float, kind: int, found: Found) -> None:
    n = found.filled[0]
    found.filled[0] += 1
    found.event[n], found.ts[n], found.row[n], found.neighbour[n] = i, ts, row, neighbour
    found.weight[n], found.kind[n] = weight, kind


@compiled
def _room_for_item(s: Shopper, shelves: Shelves) -> bool:
    """Make sure that the shopper's slab has a place for one more item; False if the pool has to grow first."""
    items = shelves.items
    start, length = s.items_start, s.items_length
    if length < slab_length(s.items_size):
        return True
    if s.items_size == SIZES - 1:
        for j in range(start, start + length - 1):
            items[j] = items[j + 1]
        s.items_length -= 1
        s.session_items = min(s.session_items, s.items_length)
        return True
    bigger = take(s.items_size + 1, shelves.free, shelves.top, items)
    if bigger < 0:
        return False
    items[bigger : bigger + length] = items[start : start + length]
    give_back(s.items_size, start, shelves.free, items)
    s.items_start, s.items_size = bigger, s.items_size + 1
    return True


@compiled
def _carry_over(s: Shopper, start: int, shelves: Shelves) -> None:
    """Keep the newest items as context for a new session, in the smallest slab, at `start`."""
    kept = min(s.items_length, _CARRIED)
    first = s.items_start + s.items_length - kept
    for j in range(kept):
        shelves.items[start + j] = shelves.items[first + j]
    if s.items_size > 0:
        give_back(s.items_size, s.items_start, shelves.free, shelves.items)
    s.items_start, s.items_length, s.items_size = start, kept, 0


@compiled
def _begin_session(s: Shopper, shopper: int, ts: int, shelves: Shelves) -> None:
    s.previous_end = s.last_seen if s.sessions > 0 else 0
    s.buying_sessions += int(s.session_counts[PURCHASE] > 0)
    s.sessions += 1
    s.session_start = ts
    s.session_counts[:] = 0
    s.session_events = s.session_repeats = s.session_priced = s.session_items = 0
    s.just_carted = s.item_in_cart = 0
    s.seen_again = s.how = 0
    s.outcome = OPEN
    s.session_prices = s.pause = s.price = 0.0
    s.open = enter(shopper, shelves.sessions, shelves.clock)
    _describe_session(shelves.sessions[s.open].moment, s)


@compiled
def _close_ended_sessions(i: int, gap_ms: int, shelves: Shelves, found: Found) -> bool:
    """Tell of every session that is over by event time; False if there is no room for its example."""
    clock = shelves.clock
    while clock[OLDEST] >= 0:
        shopper = shelves.sessions[clock[OLDEST]].shopper
        last_seen = shelves.shoppers[shopper].last_seen
        if clock[WATERMARK] - last_seen <= gap_ms:
            return True
        if found.filled[1] == len(found.bought):
            return False
        _tell(i, shopper, last_seen + gap_ms, shelves, found)
    return True


@compiled
def _tell(i: int, shopper: int, known_at: int, shelves: Shelves, found: Found) -> None:
    """Emit the session, which is over, as a labelled example.

    Those with a purchase are told no earlier than the others: what has just happened would else be taught by its
    buyers alone, and the model would think that more sessions buy than do.
    """
    s = shelves.shoppers[shopper]
    n = found.filled[1]
    found.filled[1] += 1
    found.example_event[n], found.bought[n], found.known_at[n] = i, s.outcome, known_at
    found.features[n] = shelves.sessions[s.open].moment
    _describe_shopper(found.profile[n], s)
    length = min(s.session_items, EXAMPLE_ITEMS)
    found.example_lengths[n] = length
    first = s.items_start + s.items_length - length
    found.example_items[n, :length] = shelves.items[first : first + length]
    leave(s.open, shelves.sessions, shelves.clock)
    s.outcome, s.open = TOLD, -1


@compiled
def moments(chosen: Int32s, shelves: Shelves) -> Float32s:
    """The `PROPENSITY_FEATURES` of shoppers, one row each, as of their last event."""
    rows = np.zeros((len(chosen), len(PROPENSITY_FEATURES)), np.float32)
    for n in range(len(chosen)):
        _describe_session(rows[n], shelves.shoppers[chosen[n]])
    return rows


@compiled
def profiles(chosen: Int32s, shelves: Shelves) -> Float32s:
    """The `PROFILE_FEATURES` of shoppers, one row each, as of their last event."""
    rows = np.zeros((len(chosen), len(PROFILE_FEATURES)), np.float32)
    for n in range(len(chosen)):
        _describe_shopper(rows[n], shelves.shoppers[chosen[n]])
    return rows


@compiled
def _describe_session(out: Float32s, s: Shopper) -> None:
    events = s.session_events - s.session_counts[IMPRESSION]
    now = max(s.last_seen, s.session_start)
    mean_price = s.session_prices / s.session_priced if s.session_priced else 0.0
    bought_before = s.counts[PURCHASE] - s.session_counts[PURCHASE]
    days_away = (s.session_start - s.previous_end) / _DAY_MS if s.previous_end else 0.0
    actions = s.counts.sum() - s.counts[IMPRESSION]
    propensity_features(
        out, s.session_counts, events, s.session_repeats, (now - s.session_start) / 1000.0, s.pause, mean_price,
        s.price, s.cart_length, s.sessions - 1, bought_before, days_away, s.buying_sessions, s.just_carted,
        s.item_in_cart, actions, (s.last_seen - s.first_seen) / _DAY_MS,
    )  # fmt: skip


@compiled
def _describe_shopper(out: Float32s, s: Shopper) -> None:
    hours_known = (s.last_seen - s.first_seen) / 3_600_000.0
    profile_features(out, s.counts, s.sessions, s.items_met, s.spend, hours_known)


@compiled
def _mix(a: int, b: int) -> np.uint64:
    """A well-mixed 64-bit number made of two others (SplitMix64): chance that replays the same."""
    z = np.uint64(a) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(b) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
