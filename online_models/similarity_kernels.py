"""The loops of `online_models.similarity`: learning increments and ranking neighbours."""

from __future__ import annotations

import numpy as np

from online_models.compiled import Bytes, Float32s, Floats, Int8s, Int32s, Int64s, Structs, UInt16s, compiled, unlocked
from online_models.event_time import DAY_MS
from online_models.increments import ACTION, FIRST_IN_SESSION
from online_models.prefetch import prefetch
from online_models.ranking import insert, rounded
from online_models.similarity_rounding import drawn, rounded_by
from online_models.similarity_search import found, weakest
from online_models.slabs import SIZES, give_back, slab_length, take

#: Places in the `clock` array: how many rows are in use, the event times at which an increment weighs 1 in what is
#: received and in what is received lately, and the highest event time.
USED_ROWS, LANDMARK, LATELY, NEWEST = 0, 1, 2, 3
#: Places in the `totals` array: all that was received, and that of it which came lately.
_EVER, _LATE = 0, 1

#: Sessions in which two items met are counted up to here: two bytes a pair.
MOST_SUPPORT = 65_535
#: So many increments ahead memory is asked for; and places in a cache line, as most lists have two or fewer.
_AHEAD = 16
_LINE = 16
#: When weights have grown by 2^64, all are scaled back, exactly, as it is by a power of two. The pool's are `float32`,
#: up to 2^128: that is 2^64 on top, more than can ever be added up, and 2^126 below before a weight loses digits.
_RESCALE_HALF_LIVES = 64
#: Half-life, in ms, of what was received lately.
_LATELY_MS = DAY_MS
#: Weight that has to be received lately before it is believed that an item is in demand more than usual, or less.
_DOUBT = 3.0
#: Weight of actions on an item before its list counts half of what it would with many (damping aside). An item that was
#: quiet for so long that less than one action is left keeps its list.
_FEW_ACTIONS = 5.0
#: A neighbour met more often per action on an item is that of an item which is acted on no more, but still comes back
#: into sessions, as out of old carts: else it would be the more similar the longer that is so.
_MEETINGS_PER_ACTION = 4.0
#: So many numbers side by side are set to zero in the time of one somewhere.
_CLEARED_AT_ONCE = 4
#: No score grows by more when it is rounded.
_ROUNDING = 1e-6


@unlocked
def learn(
    done: int,
    row: Int32s,
    neighbour: Int32s,
    weight: Float32s,
    kind: Int8s,
    ts: Int64s,
    half_life_ms: float,
    rows: Structs,
    row_of: Int32s,
    received: Floats,
    lately: Floats,
    totals: Floats,
    neighbours: Int32s,
    weights: Float32s,
    support: UInt16s,
    free: Int64s,
    top: Int64s,
    clock: Int64s,
) -> int:
    """Learn increments from number `done` on; return how many are done, fewer than all where room has run out."""
    growth = late_growth = 0.0
    draw = np.uint64(0)
    grown_at = np.int64(-1)  # the increments of one event share its time, and so the powers of 2
    for i in range(done, len(row)):
        ahead = min(i + _AHEAD, len(row) - 1)
        prefetch(received, neighbour[ahead])
        prefetch(lately, neighbour[ahead])
        start = rows[row_of[row[ahead]]].start  # of any row where the item has none yet
        prefetch(neighbours, start)
        prefetch(neighbours, start + _LINE)
        prefetch(weights, start)
        prefetch(support, start)
        r = row_of[row[i]]
        if r < 0:
            r = _new_row(row[i], rows, row_of, neighbours, free, top, clock)
            if r < 0:
                return i
        if ts[i] != grown_at:
            if _has_grown(ts[i], half_life_ms, clock):
                _scale_back(ts[i], half_life_ms, rows, received, lately, weights, totals, clock)
            growth = 2.0 ** _age(ts[i], clock[LANDMARK], half_life_ms)
            late_growth = 2.0 ** _age(ts[i], clock[LATELY], _LATELY_MS)
            draw = drawn(ts[i])
            grown_at = ts[i]
        item, gain = neighbour[i], weight[i] * growth
        if kind[i] == ACTION or item == row[i]:
            rows[r].actions += gain if kind[i] == ACTION else 0.0
            continue
        start, length = rows[r].start, rows[r].length
        place = found(item, neighbours, start, start + length)
        if place < 0:  # all but the rare case is here: to hand so many arrays to a function takes as long as the search
            if length < slab_length(rows[r].size):
                place = start + length
                rows[r].length = length + 1
            else:
                place = _make_place(r, rows, neighbours, weights, support, free, top)
                if place < 0:
                    return i
            neighbours[place], weights[place], support[place] = item, 0.0, 0
        weights[place] = rounded_by(draw, weights[place] + gain)
        support[place] += kind[i] == FIRST_IN_SESSION and support[place] < MOST_SUPPORT
        received[item] += gain
        totals[_EVER] += gain
        gain = weight[i] * late_growth
        lately[item] += gain
        totals[_LATE] += gain
    return len(row)


@compiled
def _new_row(
    item: int, rows: Structs, row_of: Int32s, neighbours: Int32s, free: Int64s, top: Int64s, clock: Int64s
) -> int:
    """Begin the row of an item, with an empty list; -1 if the table or the pool is full."""
    r = clock[USED_ROWS]
    if r == len(rows):
        return -1
    start = take(0, free, top, neighbours)
    if start < 0:
        return -1
    rows[r].item, rows[r].start, rows[r].length, rows[r].size, rows[r].actions = item, start, 0, 0, 0.0
    row_of[item] = r
    clock[USED_ROWS] += 1
    return r  # type: ignore[no-any-return]


@compiled
def _age(ts: int, landmark: int, half_life_ms: float) -> float:
    return (ts - landmark) / half_life_ms


@compiled
def _has_grown(ts: int, half_life_ms: float, clock: Int64s) -> bool:
    """Keep the clock; whether increments of that time weigh so much that everything has to be scaled back."""
    if clock[LANDMARK] < 0:
        clock[LANDMARK] = clock[LATELY] = ts
    clock[NEWEST] = max(clock[NEWEST], ts)
    return bool(
        _age(ts, clock[LANDMARK], half_life_ms) >= _RESCALE_HALF_LIVES
        or _age(ts, clock[LATELY], _LATELY_MS) >= _RESCALE_HALF_LIVES
    )


@compiled
def _scale_back(
    ts: int,
    half_life_ms: float,
    rows: Structs,
    received: Floats,
    lately: Floats,
    weights: Float32s,
    totals: Floats,
    clock: Int64s,
) -> None:
    """Move the landmarks that are far from `ts` towards it."""
    steps = np.floor(_age(ts, clock[LANDMARK], half_life_ms))
    if steps >= _RESCALE_HALF_LIVES:
        for r in range(len(rows)):
            rows[r].actions *= 2.0**-steps
        received *= 2.0**-steps
        weights *= 2.0**-steps
        totals[_EVER] *= 2.0**-steps
        clock[LANDMARK] += int(steps * half_life_ms)
    steps = np.floor(_age(ts, clock[LATELY], _LATELY_MS))
    if steps >= _RESCALE_HALF_LIVES:
        lately *= 2.0**-steps
        totals[_LATE] *= 2.0**-steps
        clock[LATELY] += int(steps * _LATELY_MS)


@compiled
def _make_place(
    r: int,
    rows: Structs,
    neighbours: Int32s,
    weights: Float32s,
    support: UInt16s,
    free: Int64s,
    top: Int64s,
) -> int:
    """A place for one more neighbour of row `r`, whose slab is full: in a larger one, else that of the weakest.

    -1 if the pool is full.
    """
    start, length, size = rows[r].start, rows[r].length, rows[r].size
    if size == SIZES - 1:
        return weakest(weights, start)
    bigger = take(size + 1, free, top, neighbours)
    if bigger < 0:
        return -1
    neighbours[bigger : bigger + length] = neighbours[start : start + length]
    weights[bigger : bigger + length] = weights[start : start + length]
    support[bigger : bigger + length] = support[start : start + length]
    give_back(size, start, free, neighbours)
    rows[r].start, rows[r].size, rows[r].length = bigger, size + 1, length + 1
    return bigger + length  # type: ignore[no-any-return]


@compiled
def _demand(received: float, lately: float, totals: Floats, lately_now: float) -> float:
    """What is held against a neighbour: what it received, less if it is in demand lately, and more if it was once."""
    if totals[_LATE] == 0.0 or totals[_EVER] == 0.0:
        return received
    usual = received / totals[_EVER] * totals[_LATE]
    return received * (usual * lately_now + _DOUBT) / (lately * lately_now + _DOUBT)  # type: ignore[no-any-return]


@compiled
def _largest(weights: Float32s) -> float:
    largest = np.float32(0.0)
    for weight in weights:
        largest = max(largest, weight)
    return float(largest)


@unlocked
def rank(
    items: Int32s,
    damping: float,
    half_life_ms: float,
    rows: Structs,
    row_of: Int32s,
    received: Floats,
    lately: Floats,
    totals: Floats,
    clock: Int64s,
    neighbours: Int32s,
    weights: Float32s,
    support: UInt16s,
    text: Bytes,
    ends: Int64s,
    damped: Floats,
    listed: Int32s,
    out_ids: Int32s,
    out_scores: Floats,
    out_support: Int32s,
    out_lengths: Int32s,
) -> None:
    """Fill the `out_` arrays; see `ItemSimilarity.predict_many`.

    `damped` is room for what is held against each item, as most are neighbours of many: all zero, before as after.
    `listed` is room for where in the pool the item of an entry is.
    """
    now = 2.0 ** ((clock[LANDMARK] - clock[NEWEST]) / half_life_ms)
    lately_now = 2.0 ** ((clock[LATELY] - clock[NEWEST]) / _LATELY_MS)
    for n in range(len(items)):
        out_lengths[n] = 0
        r = row_of[items[n]]
        if r < 0 or rows[r].actions == 0.0:
            continue
        start, end = rows[r].start, rows[r].start + rows[r].length
        acted = max(rows[r].actions, _largest(weights[start:end]) / _MEETINGS_PER_ACTION)
        few = _FEW_ACTIONS * min(1.0, acted * now) / now
        actions = (acted + few) ** (1.0 - damping)
        ids, scores, length = out_ids[n], out_scores[n], 0
        for place in range(start, end):
            item = neighbours[place]
            if weights[place] == 0.0:  # one was only taken out of a cart
                continue
            if damped[item] == 0.0:
                demand = _demand(received[item], lately[item], totals, lately_now)
                if demand == 0.0:
                    continue
                damped[item] = demand**damping
            exact = weights[place] / (actions * damped[item])
            if length == len(ids) and exact + _ROUNDING < scores[length - 1]:
                continue
            if insert(item, rounded(exact), length, ids, scores, text, ends) >= 0:
                length = min(length + 1, len(ids))
                listed[item] = place
        for j in range(length):
            out_support[n, j] = support[listed[ids[j]]]
        out_lengths[n] = length
    _clear(items, rows, row_of, neighbours, damped)


@compiled
def _clear(items: Int32s, rows: Structs, row_of: Int32s, neighbours: Int32s, damped: Floats) -> None:
    """Set `damped` to zero: all of it, or where it may be something else, whichever is sooner done."""
    entries = 0
    for item in items:
        entries += rows[row_of[item]].length if row_of[item] >= 0 else 0
    if entries >= len(damped) // _CLEARED_AT_ONCE:
        damped[:] = 0.0
        return
    for item in items:
        r = row_of[item]
        if r >= 0:
            for place in range(rows[r].start, rows[r].start + rows[r].length):
                damped[neighbours[place]] = 0.0
