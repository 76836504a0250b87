"""The items of a session, in order of the last action: an action meets the others and makes its item the newest.

Part of `online_models.shopper_kernel`. What runs with every event takes arrays and no tuples of arrays: numba counts
references, one up and one down for every array of the tuple, and that would cost as much as all the rest.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from online_models.compiled import Float32s, Int8s, Int32s, Int64s, compiled
from online_models.increments import ACTION, FIRST_IN_SESSION, SEEN_AGAIN
from online_models.returns import AGAIN, BACK, NEW, count_action, moved_to_front
from online_models.shopper_records import Shelves, Shopper
from online_models.slabs import SIZES, give_back, slab_length, take

#: Items of earlier sessions kept as context when a new session begins.
_CARRIED: Final = 7
#: Items further apart than this in a session still count as met, but add no weight.
_REACH: Final = 50
#: The weight of a meeting by the distance, which it falls with: items viewed one after the other belong together most.
_CLOSENESS: Final = 1.0 / np.maximum(np.arange(_REACH + 1), 1) ** 0.75
#: How much a meeting counts in the list of the later item, against 1 in that of the earlier one.
_BACKWARD: Final = 0.75


@compiled
def standing(s: Shopper, item: int, items: Int32s) -> int:
    """Which of the items of the session this is, the newest 0; -1 if it is new to it."""
    end = s.items_start + s.items_length
    place = _latest(item, items, end - s.session_items, end)
    return end - 1 - place if place >= 0 else -1


@compiled
def meetings(
    n: int,
    s: Shopper,
    item: int,
    is_new: bool,
    weight: float,
    items: Int32s,
    row: Int32s,
    neighbour: Int32s,
    weights: Float32s,
) -> int:
    """Increments from number `n` on for an action: its own, and two for each other item of the session, newest first.

    Returns the number behind the last one.
    """
    row[n], neighbour[n], weights[n] = item, item, weight
    n += 1
    end = s.items_start + s.items_length
    for distance in range(1, s.session_items + 1):
        other = items[end - distance]
        closeness = weight * _CLOSENESS[distance] if distance <= _REACH else 0.0
        if other != item and (closeness > 0.0 or is_new):
            row[n], neighbour[n], weights[n] = other, item, closeness
            row[n + 1], neighbour[n + 1], weights[n + 1] = item, other, _BACKWARD * closeness
            n += 2
    return n


@compiled
def note(start: int, end: int, event: int, ts: int, is_new: bool, events: Int32s, times: Int64s, kinds: Int8s) -> None:
    """Fill in what all increments of an event have in common; the first is the action itself."""
    for n in range(start, end):
        events[n], times[n], kinds[n] = event, ts, FIRST_IN_SESSION if is_new else SEEN_AGAIN
    kinds[start] = ACTION


@compiled
def make_newest(s: Shopper, item: int, number: int, items: Int32s, returns: Int64s) -> None:
    """Make the newest of what was item number `number` of the session, and count the return to it."""
    count_action(returns, s.how, s.seen_again, s.session_items, number)
    s.seen_again = moved_to_front(s.seen_again, number)
    s.how = NEW if number < 0 else AGAIN if number == 0 else BACK
    end = s.items_start + s.items_length
    place = end - 1 - number
    if number >= 0:
        s.session_repeats += 1
    else:
        place = _latest(item, items, s.items_start, end - s.session_items)  # carried over from an earlier session
        s.session_items += 1
        s.items_met += 1
        if place < 0:
            place = end
            s.items_length += 1
            end += 1
    for j in range(place, end - 1):
        items[j] = items[j + 1]
    items[end - 1] = item


@compiled
def is_full(s: Shopper) -> bool:
    """Whether the shopper's slab has no place for one more item."""
    return bool(s.items_length == slab_length(s.items_size))


@compiled
def make_room_for_item(s: Shopper, items: Int32s, free: Int64s, top: Int64s) -> bool:
    """Move to a larger slab, or forget the oldest item; False if the pool has to grow first."""
    start, length = s.items_start, s.items_length
    if s.items_size == SIZES - 1:
        for j in range(start, start + length - 1):
            items[j] = items[j + 1]
        s.items_length -= 1
        s.session_items = min(s.session_items, s.items_length)
        return True
    bigger = take(s.items_size + 1, free, top, items)
    if bigger < 0:
        return False
    items[bigger : bigger + length] = items[start : start + length]
    give_back(s.items_size, start, free, items)
    s.items_start, s.items_size = bigger, s.items_size + 1
    return True


@compiled
def carry_over(s: Shopper, start: int, shelves: Shelves) -> None:
    """Keep the newest items as context for a new session, in the smallest slab, at `start`."""
    kept = min(s.items_length, _CARRIED)
    first = s.items_start + s.items_length - kept
    for j in range(kept):
        shelves.items[start + j] = shelves.items[first + j]
    if s.items_size > 0:
        give_back(s.items_size, s.items_start, shelves.free, shelves.items)
    s.items_start, s.items_length, s.items_size = start, kept, 0


@compiled
def _latest(item: int, items: Int32s, start: int, end: int) -> int:
    """The last place from `start` to `end` that holds the item, or -1."""
    for j in range(end - 1, start - 1, -1):
        if items[j] == item:
            return j
    return -1
