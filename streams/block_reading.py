"""What is in blocks, many of them at once: what a block costs however little is in it is paid once for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from online_models.compiled import Float32s, Int8s, Int32s, Int64s, UInt16s
from online_models.examples import Examples
from online_models.increments import Increments
from online_models.shopper_records import EXAMPLE_ITEMS
from online_models.spelling import Ids
from online_models.uncounted import uncounted
from online_models.vocabulary import Vocabulary
from streams.blocks import EXAMPLE, INCREMENT_COLUMNS, Block
from streams.errors import EngineError

_WIDTHS: Final = np.array([np.dtype(column).itemsize for column in INCREMENT_COLUMNS])
_ONE: Final = np.uint64(1)


class _IncrementColumns(NamedTuple):
    """Those of several blocks, one behind the other; see `streams.blocks.INCREMENT_COLUMNS`."""

    offset: Int64s
    ts: Int64s
    event: UInt16s
    row: UInt16s
    neighbour: UInt16s
    weight: Float32s
    kind: Int8s


class _Ends(NamedTuple):
    """Where the events, increments and ids of each block end among those of all."""

    events: Int64s
    increments: Int64s
    ids: Int64s


def read_increments(received: Sequence[Block], after: Sequence[int], items: Vocabulary) -> tuple[Increments, list[int]]:
    """The increments of blocks that are new: of each block those whose source offset is beyond its `after`.

    Returns
    -------
    increments
        Of all blocks, one behind the other.
    ends
        Where the increments of each block end.

    Raises
    ------
    EngineError
        A block contradicts itself.
    """
    if not received:
        return Increments.empty(), []
    codes, ids = _codes(received, items)
    columns, events, rows = _columns(received)
    n, ends = len(columns.event), np.empty(len(received), np.int64)
    row, neighbour, weight = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.float32)
    new = Increments(row, neighbour, weight, np.empty(n, np.int8), np.empty(n, np.int64))
    beyond = np.array(after, np.int64)
    read = _unpack(columns, codes, _Ends(events, rows, ids), beyond, row, neighbour, weight, new.kind, new.ts, ends)
    if read < len(received):
        raise _contradiction(received[read])
    return new.chosen(slice(int(ends[-1]))), ends.tolist()


def read_examples(received: Sequence[Block], after: Sequence[int], items: Vocabulary) -> Examples:
    """The examples of blocks that are new, one behind the other; see `read_increments`."""
    if not received:
        return Examples.empty()
    sizes = [len(block.columns[0]) // EXAMPLE.itemsize for block in received]
    rows = np.concatenate([_examples(block) for block in received])
    codes, ends = _codes(received, items)
    starts = np.concatenate([[0], ends[:-1]])
    first, end = np.repeat(starts, sizes)[:, None], np.repeat(ends, sizes)[:, None]
    numbers = rows["items"] + first
    fits = ((numbers >= first) & (numbers < end)).all(1) & (rows["length"] >= 0) & (rows["length"] <= EXAMPLE_ITEMS)
    if not fits.all():
        raise _contradiction(received[int(np.repeat(np.arange(len(received)), sizes)[np.argmin(fits)])])
    is_new = rows["offset"] > np.repeat(np.array(after, np.int64), sizes)
    new = rows[is_new]
    return Examples(
        features=np.ascontiguousarray(new["features"]),
        profile=np.ascontiguousarray(new["profile"]),
        bought=np.ascontiguousarray(new["bought"]),
        known_at=np.ascontiguousarray(new["known_at"]),
        items=codes[numbers[is_new]],
        lengths=new["length"].astype(np.int32),
    )


def read_offsets(block: Block, after: int, *, of_increments: bool) -> Int64s:
    """The source offset of each row of a block that is beyond `after`."""
    if not of_increments:
        offsets: Int64s = _examples(block)["offset"]
    else:
        columns, *_ = _columns([block])
        offsets = columns.offset[columns.event]
    return offsets[offsets > after]


def _columns(received: Sequence[Block]) -> tuple[_IncrementColumns, Int64s, Int64s]:
    """The columns of blocks of increments, and where the events and the increments of each end."""
    for block in received:
        if len(block.columns) != len(_WIDTHS):
            raise _contradiction(block)
    sizes = np.array([[len(column) for column in block.columns] for block in received])
    counts = sizes // _WIDTHS
    of_events, of_increments = counts[:, :2], counts[:, 2:]
    fits = (counts * _WIDTHS == sizes).all(1)
    fits &= (of_events == of_events[:, :1]).all(1) & (of_increments == of_increments[:, :1]).all(1)
    if not fits.all():
        raise _contradiction(received[int(np.argmin(fits))])
    joined = map(b"".join, zip(*(block.columns for block in received), strict=True))
    columns = _IncrementColumns(*map(np.frombuffer, joined, INCREMENT_COLUMNS))
    return columns, of_events[:, 0].cumsum(), of_increments[:, 0].cumsum()


def _codes(received: Sequence[Block], items: Vocabulary) -> tuple[Int32s, Int64s]:
    """The code of each item id of all blocks, and where those of each block end."""
    text = np.frombuffer(b"".join([block.text for block in received]), np.uint8)
    ends = np.frombuffer(b"".join([block.ends for block in received]), "<i8")
    sizes = np.array([(len(block.text), len(block.ends) // 8) for block in received]).cumsum(axis=0)
    ids = Ids(text, np.empty(len(ends), np.int64), np.empty(len(ends), np.int64))
    text_ends, id_ends = np.ascontiguousarray(sizes.T)
    read = _place_ids(ends, text_ends, id_ends, ids.starts, ids.ends)
    if read < len(received):
        raise _contradiction(received[read])
    return items.codes_of(ids), id_ends


def _examples(block: Block) -> NDArray[Any]:
    if len(block.columns) != 1 or len(block.columns[0]) % EXAMPLE.itemsize:
        raise _contradiction(block)
    return np.frombuffer(block.columns[0], EXAMPLE)


def _contradiction(block: Block) -> EngineError:
    return EngineError(
        f"A block from {block.topic}-{block.partition} up to offset {block.last} contradicts itself: use workers of "
        "one version, and let nothing else write to the topics between them."
    )


@uncounted
def _unpack(
    columns: _IncrementColumns,
    codes: Int32s,
    ends: _Ends,
    after: Int64s,
    row: Int32s,
    neighbour: Int32s,
    weight: Float32s,
    kind: Int8s,
    ts: Int64s,
    out_ends: Int64s,
) -> int:
    """Write the increments that are new; return how many blocks were read, up to the first that contradicts itself."""
    count, first_event, first_id, first = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
    for block in range(np.uint64(len(after))):
        events, ids = np.uint64(ends.events[block]) - first_event, np.uint64(ends.ids[block]) - first_id
        for n in range(first, np.uint64(ends.increments[block])):
            event, own, other = np.uint64(columns.event[n]), np.uint64(columns.row[n]), np.uint64(columns.neighbour[n])
            if event >= events or max(own, other) >= ids:
                return np.int64(block)  # type: ignore[return-value]
            if columns.offset[first_event + event] > after[block]:
                row[count], neighbour[count] = codes[first_id + own], codes[first_id + other]
                weight[count], kind[count], ts[count] = (
                    columns.weight[n],
                    columns.kind[n],
                    columns.ts[first_event + event],
                )
                count += _ONE
        first, first_event, first_id = np.uint64(ends.increments[block]), first_event + events, first_id + ids
        out_ends[block] = count
    return len(after)


@uncounted
def _place_ids(ends: Int64s, text_ends: Int64s, id_ends: Int64s, out_starts: Int64s, out_ends: Int64s) -> int:
    """Where ids begin and end that lie end to end in the texts of blocks.

    Return how many blocks are fine, up to the first in whose text they do not lie.
    """
    first, before = np.uint64(0), np.int64(0)
    for block in range(np.uint64(len(id_ends))):
        start = before
        for n in range(first, np.uint64(id_ends[block])):
            end = before + ends[n]
            if end < start or end > text_ends[block]:
                return np.int64(block)  # type: ignore[return-value]
            out_starts[n], out_ends[n] = start, end
            start = end
        first, before = np.uint64(id_ends[block]), text_ends[block]
    return len(id_ends)
