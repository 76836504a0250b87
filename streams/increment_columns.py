"""Increments as the columns of blocks: one pass over them, however many receivers there are.

Rows are put in order of receivers, cut between source events where a block would get too large, and their item codes
numbered within each block. All blocks are written behind each other into the same arrays, and cut out of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from online_models.compiled import Bytes, Float32s, Int8s, Int32s, Int64s
from online_models.increments import Increments
from online_models.uncounted import uncounted
from online_models.vocabulary import Vocabulary
from streams.item_numbers import FREE, number_one, slots_for, slots_used

Numbers = NDArray[np.uint16]

#: Increments in one block at most, but for the rest of an event: a quarter of a megabyte, fewer items than 2^16, and
#: less than Kafka takes if each has an item of its own, with an id as long as can be.
LARGEST_BLOCK: Final = 15_000
#: What is known of a piece: its group, its last source offset, and where its rows, events, items and text end.
_GROUP, _LAST, _ROWS, _EVENTS, _ITEMS, _TEXT = range(6)
_ONE: Final = np.uint64(1)


class Piece(NamedTuple):
    """What goes into one block.

    Attributes
    ----------
    topic, receiver
        Which of the input topics it comes from, and whom it is for.
    last
        Its highest source offset.
    text, ends, columns
        As in `streams.blocks.Block`.
    """

    topic: int
    receiver: int
    last: int
    text: bytes
    ends: bytes
    columns: list[bytes]


class Sources(NamedTuple):
    """Per increment, where it comes from: a position among the input topics, and an offset; ascending in each topic."""

    topic: Int8s
    offset: Int64s


class _Columns(NamedTuple):
    """Per event of a block its offset and time; per row its event, item, neighbour, weight and kind."""

    offset: Int64s
    ts: Int64s
    event: Numbers
    row: Numbers
    neighbour: Numbers
    weight: Float32s
    kind: Int8s


def pieces(
    increments: Increments, sources: Sources, topics: int, owner: Int32s, receivers: int, items: Vocabulary
) -> Iterator[Piece]:
    """Cut increments up by topic and receiver, in this order; `owner` tells the receiver of each item code."""
    n, groups = len(increments), topics * receivers
    columns = _Columns(
        offset=np.empty(n, np.int64),
        ts=np.empty(n, np.int64),
        event=np.empty(n, np.uint16),
        row=np.empty(n, np.uint16),
        neighbour=np.empty(n, np.uint16),
        weight=np.empty(n, np.float32),
        kind=np.empty(n, np.int8),
    )
    different, ends = np.empty(2 * n, np.int32), np.empty(2 * n, np.int64)
    # two pieces of a group that follow each other are more than one block together
    found = np.empty((2 * groups + 2 * n // LARGEST_BLOCK, 6), np.int64)
    slots = np.empty(slots_for(2 * n, len(items)), np.int32)
    order, group_ends = np.empty(n, np.int64), np.zeros(groups, np.int64)
    _sort(increments.row, sources.topic, owner, receivers, group_ends, order)
    count = _pack(
        increments.row,
        increments.neighbour,
        increments.weight,
        increments.kind,
        increments.ts,
        sources.offset,
        LARGEST_BLOCK,
        group_ends,
        order,
        slots,
        different,
        *columns,
        found,
    )
    text = np.empty(_measure(different, found, count, items.ends, ends), np.uint8)
    _spell(different, found, count, items.text, items.ends, text)
    rows = events = ids = begin = 0
    for group, last, row_end, event_end, id_end, text_end in found[:count].tolist():
        yield Piece(
            group // receivers,
            group % receivers,
            last,
            text[begin:text_end].tobytes(),
            ends[ids:id_end].tobytes(),
            [
                *(column[events:event_end].tobytes() for column in columns[:2]),
                *(column[rows:row_end].tobytes() for column in columns[2:]),
            ],
        )
        rows, events, ids, begin = row_end, event_end, id_end, text_end


@uncounted
def _sort(row: Int32s, topic: Int8s, owner: Int32s, receivers: int, group_ends: Int64s, order: Int64s) -> None:
    """The order of the rows by group, stable; `group_ends` are zeros before, and then where each group ends in it."""
    for n in range(len(row)):
        group_ends[_group(row, topic, owner, receivers, np.uint64(n))] += 1
    place = 0
    for number in range(len(group_ends)):
        size = group_ends[number]
        group_ends[number] = place
        place += size
    for n in range(len(row)):
        group = _group(row, topic, owner, receivers, np.uint64(n))
        order[np.uint64(group_ends[group])] = n
        group_ends[group] += 1


@uncounted
def _group(row: Int32s, topic: Int8s, owner: Int32s, receivers: int, n: np.uint64) -> np.uint64:
    receiver = owner[np.uint64(row[n])] if receivers > 1 else np.int32(0)
    return np.uint64(topic[n] * receivers + receiver)


@uncounted
def _pack(
    row: Int32s,
    neighbour: Int32s,
    weight: Float32s,
    kind: Int8s,
    ts: Int64s,
    offset: Int64s,
    most: int,
    group_ends: Int64s,
    order: Int64s,
    slots: Int32s,
    different: Int32s,
    out_offset: Int64s,
    out_ts: Int64s,
    out_event: Numbers,
    out_row: Numbers,
    out_neighbour: Numbers,
    out_weight: Float32s,
    out_kind: Int8s,
    found: Int64s,
) -> int:
    """Write the columns of all pieces; return how many there are."""
    count = start = events = items = 0
    for group in range(len(group_ends)):
        while start < group_ends[group]:
            end = _cut(offset, order, start, group_ends[group], most)
            first_event, at = events, np.int64(-1)
            for place in range(np.uint64(start), np.uint64(end)):
                n = np.uint64(order[place])
                if events == first_event or offset[n] != at:
                    at = offset[n]
                    out_offset[np.uint64(events)], out_ts[np.uint64(events)] = at, ts[n]
                    events += 1
                out_event[place] = np.uint16(events - 1 - first_event)
                out_weight[place], out_kind[place] = weight[n], kind[n]
            slots[: slots_used(end - start, len(slots))] = FREE
            used = np.uint64(slots_used(end - start, len(slots)) - 1)
            known = _number(row, order, start, end, slots, used, different, items, 0, out_row)
            known = _number(neighbour, order, start, end, slots, used, different, items, known, out_neighbour)
            items += known
            found[count, _GROUP], found[count, _LAST] = group, at
            found[count, _ROWS], found[count, _EVENTS], found[count, _ITEMS] = end, events, items
            count, start = count + 1, end
    return count


@uncounted
def _cut(offset: Int64s, order: Int64s, start: int, stop: int, most: int) -> int:
    """The end of a piece of about `most` rows at most that does not cut through the rows of one source event."""
    if stop - start <= most:
        return stop
    end = cut = start + most
    while cut > start and offset[order[cut - 1]] == offset[order[end]]:
        cut -= 1
    if cut > start:
        return cut
    while end < stop and offset[order[end]] == offset[order[start]]:
        end += 1
    return end


@uncounted
def _number(
    codes: Int32s,
    order: Int64s,
    start: int,
    end: int,
    slots: Int32s,
    mask: np.uint64,
    different: Int32s,
    first: int,
    known: int,
    numbers: Numbers,
) -> int:
    """Number the items of some rows, of which some are known; return how many are then."""
    for place in range(np.uint64(start), np.uint64(end)):
        number = number_one(codes[np.uint64(order[place])], slots, mask, different, first, known)
        known += number == known
        numbers[place] = np.uint16(number)
    return known


@uncounted
def _measure(different: Int32s, found: Int64s, count: int, known_ends: Int64s, ends: Int64s) -> int:
    """Where the ids end in the text of their piece; return how long all texts are together."""
    length = item = 0
    for piece in range(count):
        begin = length
        for n in range(np.uint64(item), np.uint64(found[piece, _ITEMS])):
            code = np.uint64(different[n])
            length += known_ends[code] - (known_ends[code - _ONE] if code > np.uint64(0) else 0)
            ends[n] = length - begin
        item, found[piece, _TEXT] = found[piece, _ITEMS], length
    return length


@uncounted
def _spell(different: Int32s, found: Int64s, count: int, known_text: Bytes, known_ends: Int64s, out: Bytes) -> None:
    place = np.uint64(0)
    for n in range(np.uint64(found[count - 1, _ITEMS] if count > 0 else 0)):
        code = np.uint64(different[n])
        at = np.uint64(known_ends[code - _ONE] if code > np.uint64(0) else 0)
        while at < np.uint64(known_ends[code]):
            out[place] = known_text[at]
            at, place = at + _ONE, place + _ONE
