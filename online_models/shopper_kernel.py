"""The fold of one event into one shopper: sessions, counters, recent items, and what the other models learn from it."""

from __future__ import annotations

from typing import Final

import numpy as np

from online_models.compiled import Float32s, Floats, Int32s, Int64s, Structs, compiled
from online_models.event_time import DAY_MS, HOUR_MS
from online_models.events import IMPRESSION, PURCHASE
from online_models.features import (
    PROFILE_FEATURES,
    PROPENSITY_FEATURES,
    profile_features,
    propensity_features,
)
from online_models.owned import lacks_place, make_room_to_own, own, own_late
from online_models.recency import OLDEST, enter, has_room, leave, move_to_newest
from online_models.session_items import carry_over, is_full, make_newest, make_room_for_item, meetings, note, standing
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
from online_models.slabs import SIZES, slab_length, take

#: The place in `Shelves.clock` of the highest event time; those before it belong to `online_models.recency`.
WATERMARK: Final = 4

#: What one event leads to at most: sessions of others that are over by it, and the shopper's own.
MOST_EXAMPLES: Final = 100
#: Places of the pool that one event takes at most: a list for a new session, and two that outgrow theirs.
MOST_PLACES: Final = slab_length(0) + 2 * slab_length(SIZES - 1)


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
    shoppers, sessions, pool, free, top, clock, returns = shelves
    who, items, kinds, times, prices, quantities = actions
    event_found, ts_found, row, neighbour, weights, kind_found, examples, filled = found
    for i in range(done, len(times)):
        s, item, kind, ts = shoppers[who[i]], items[i], kinds[i], times[i]
        clock[WATERMARK] = max(clock[WATERMARK], ts)
        # Whether all that one event can lead to fits, before any of it is done: examples, two increments per recent
        # item, a row for a session, and places in the pool.
        if (
            filled[1] + MOST_EXAMPLES > len(examples)
            or filled[0] + 2 * s.items_length + 2 > len(row)
            or top[0] + MOST_PLACES > len(pool)
            or not has_room(sessions, clock)
        ):
            return i
        # After a quiet night all sessions are over: those that are left come with later events.
        for _ in range(MOST_EXAMPLES - 1):
            if not _first_is_over(gap_ms, shoppers, sessions, clock):
                break
            _tell(i, sessions[clock[OLDEST]].shopper, gap_ms, shelves, examples, filled)
        is_first = s.sessions == 0 or ts - s.last_seen > gap_ms
        is_late = not is_first and ts < s.session_start - gap_ms
        if is_late and _come_late(s, item, kind, ts, prices[i], quantities[i], pool, free, top):
            continue
        if (
            is_late
            or (lacks_place(s, kind) and not make_room_to_own(s, pool, free, top))
            or (is_first and not _turn_over(i, who[i], kind, ts, gap_ms, shelves, examples, filled))
            or (is_full(s) and not make_room_for_item(s, pool, free, top))
        ):
            return i
        _act(s, kind, ts, prices[i], quantities[i])
        if kind != IMPRESSION:
            number, start = standing(s, item, pool), filled[0]
            weight = action_weights[kind]
            filled[0] = meetings(start, s, item, number < 0, weight, pool, row, neighbour, weights)
            note(start, filled[0], i, ts, number < 0, event_found, ts_found, kind_found)
            make_newest(s, item, number, pool, returns)
            if s.owned_size >= 0:
                own(s, kind, item, pool, free)
        if s.outcome != TOLD:
            _stay_open(s, ts, sessions, clock)
    return len(times)


@compiled
def _come_late(
    s: Shopper, item: int, kind: int, ts: int, price: float, quantity: int, pool: Int32s, free: Int64s, top: Int64s
) -> bool:
    """Count an event of a session that is long over, which teaches nothing; False if the pool has to grow first."""
    if kind == PURCHASE:
        if lacks_place(s, kind) and not make_room_to_own(s, pool, free, top):
            return False
        own_late(s, item, pool)
    _count(s, kind, ts, price, quantity)
    return True


@compiled
def _act(s: Shopper, kind: int, ts: int, price: float, quantity: int) -> None:
    """Count an event of the running session."""
    s.pause = max(0, ts - s.last_seen) / 1000.0 if s.session_events else 0.0
    if kind == PURCHASE and s.outcome == OPEN:
        s.outcome = BOUGHT if s.session_events > s.session_counts[IMPRESSION] else BOUGHT_FIRST
    _count(s, kind, ts, price, quantity)
    s.session_start = min(s.session_start, ts)
    s.session_counts[kind] += 1
    s.session_events += 1
    s.price = price
    if price > 0.0:
        s.session_prices += price
        s.session_priced += 1


@compiled
def _count(s: Shopper, kind: int, ts: int, price: float, quantity: int) -> None:
    s.counts[kind] += 1
    s.first_seen = min(s.first_seen, ts)
    s.last_seen = max(s.last_seen, ts)
    if kind == PURCHASE:
        s.spend += price * quantity


@compiled
def _stay_open(s: Shopper, ts: int, sessions: Structs, clock: Int64s) -> None:
    """Put the session last in the list, and perhaps describe it: all moments before a purchase are equally likely."""
    move_to_newest(s.open, sessions, clock)
    if s.outcome == OPEN and _mix(ts, s.session_events) % np.uint64(s.session_events) == 0:
        _describe_session(sessions[s.open].moment, s)


@compiled
def _first_is_over(gap_ms: int, shoppers: Structs, sessions: Structs, clock: Int64s) -> bool:
    """Whether the session without an event for the longest time is over by event time."""
    row = clock[OLDEST]
    return bool(row >= 0 and clock[WATERMARK] - shoppers[sessions[row].shopper].last_seen > gap_ms)


@compiled
def _turn_over(
    i: int, shopper: int, kind: int, ts: int, gap_ms: int, shelves: Shelves, examples: Structs, filled: Int64s
) -> bool:
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
        _tell(i, shopper, gap_ms, shelves, examples, filled)
    carry_over(s, start, shelves)
    _begin_session(s, shopper, ts, shelves)
    if kind == PURCHASE:  # anything else describes the session once more, right away
        _describe_session(shelves.sessions[s.open].moment, s)
    return True


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


@compiled
def _tell(i: int, shopper: int, gap_ms: int, shelves: Shelves, examples: Structs, filled: Int64s) -> None:
    """Emit the session, which is over, as a labelled example.

    Those with a purchase are told no earlier than the others: what has just happened would else be taught by its
    buyers alone, and the model would think that more sessions buy than do.
    """
    s, example = shelves.shoppers[shopper], examples[filled[1]]
    filled[1] += 1
    example.event, example.bought, example.known_at = i, s.outcome, s.last_seen + gap_ms
    example.features[:] = shelves.sessions[s.open].moment
    _describe_shopper(example.profile, s)
    example.length = min(s.session_items, EXAMPLE_ITEMS)
    first = s.items_start + s.items_length - example.length
    for j in range(example.length):
        example.items[j] = shelves.items[first + j]
    leave(s.open, shelves.sessions, shelves.clock)
    s.outcome, s.open = TOLD, -1


@compiled
def moments(shoppers: Structs) -> Float32s:
    """The `PROPENSITY_FEATURES` of shoppers, one row each, as of their last event."""
    rows = np.zeros((len(shoppers), len(PROPENSITY_FEATURES)), np.float32)
    for n in range(len(shoppers)):
        _describe_session(rows[n], shoppers[n])
    return rows


@compiled
def profiles(shoppers: Structs) -> Float32s:
    """The `PROFILE_FEATURES` of shoppers, one row each, as of their last event."""
    rows = np.zeros((len(shoppers), len(PROFILE_FEATURES)), np.float32)
    for n in range(len(shoppers)):
        _describe_shopper(rows[n], shoppers[n])
    return rows


@compiled
def _describe_session(out: Float32s, s: Shopper) -> None:
    events = s.session_events - s.session_counts[IMPRESSION]
    now = max(s.last_seen, s.session_start)
    mean_price = s.session_prices / s.session_priced if s.session_priced else 0.0
    bought_before = s.counts[PURCHASE] - s.session_counts[PURCHASE]
    days_away = (s.session_start - s.previous_end) / DAY_MS if s.previous_end else 0.0
    actions = s.counts.sum() - s.counts[IMPRESSION]
    propensity_features(
        out, s.session_counts, events, s.session_repeats, (now - s.session_start) / 1000.0, s.pause, mean_price,
        s.price, s.cart_length, s.sessions - 1, bought_before, days_away, s.buying_sessions, s.just_carted,
        s.item_in_cart, actions, (s.last_seen - s.first_seen) / DAY_MS,
    )  # fmt: skip


@compiled
def _describe_shopper(out: Float32s, s: Shopper) -> None:
    hours_known = (s.last_seen - s.first_seen) / HOUR_MS
    profile_features(out, s.counts, s.sessions, s.items_met, s.spend, hours_known)


@compiled
def _mix(a: int, b: int) -> np.uint64:
    """A well-mixed 64-bit number made of two others (SplitMix64): chance that replays the same."""
    z = np.uint64(a) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(b) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
