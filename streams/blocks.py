"""Messages between the agents: columns of numbers with the item ids spelled out once, and where it all came from.

A block says which source partition it was made from, up to which offset, and where the block before it ended. So
the receiver can drop what it has applied already and notice what it never got.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from online_models.compiled import Int32s, Int64s
from online_models.features import PROFILE_FEATURES, PROPENSITY_FEATURES
from online_models.shopper_records import EXAMPLE_ITEMS
from online_models.shoppers import Examples
from online_models.similarity import Increments
from online_models.spelling import Ids
from online_models.vocabulary import Vocabulary
from streams.errors import EngineError
from streams.increment_columns import Piece, Sources, pieces, place_ids, unpack
from streams.item_numbers import numbered
from streams.portion import Portion
from streams.records import Record, Records

FORMAT: Final = 3
#: Columns of a block of increments. Per event: its offset and time. Per increment: which of the block's events led to
#: it, which of the block's items its row and its neighbour are, and the rest of it.
_INCREMENT_COLUMNS: Final = ("<i8", "<i8", "<u2", "<u2", "<u2", "<f4", "i1")
_NOBODY: Final = np.zeros(0, np.int32)
_EXAMPLE: Final = np.dtype(
    [
        ("offset", "<i8"),
        ("known_at", "<i8"),
        ("features", "<f4", (len(PROPENSITY_FEATURES),)),
        ("profile", "<f4", (len(PROFILE_FEATURES),)),
        ("items", "<i4", (EXAMPLE_ITEMS,)),
        ("length", "i1"),
        ("bought", "i1"),
    ]
)


class Block(msgspec.Struct, frozen=True, array_like=True):
    """One message.

    Attributes
    ----------
    format
        Version of this layout.
    topic, partition
        Which input it was made from.
    previous, last
        Highest source offset in the block before this one to the same receiver (-1: there was none), and in this one.
    text, ends
        The item ids that the columns name by position: their UTF-8 end to end, and where each one ends (`<i8`).
    columns
        Little-endian numbers: `_INCREMENT_COLUMNS`, or packed records of `_EXAMPLE`.
    """

    format: int
    topic: str
    partition: int
    previous: int
    last: int
    text: bytes
    ends: bytes
    columns: list[bytes]


_decoder = msgspec.msgpack.Decoder(Block)
_encode = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True)
class Blocks:
    """Messages, in order."""

    blocks: list[Block]

    def chosen(self, places: Int64s | slice) -> Blocks:
        """Some of them."""
        if isinstance(places, slice):
            return Blocks(self.blocks[places])
        return Blocks([self.blocks[place] for place in places.tolist()])

    @classmethod
    def joined(cls, parts: Sequence[Blocks]) -> Blocks:
        """Several portions as one."""
        return Blocks([block for part in parts for block in part.blocks])


def portion(records: Records) -> Portion[Blocks]:
    """Read messages.

    Raises
    ------
    EngineError
        One is not a block, or a block of another version.
    """
    found = Blocks([decode(records.one(place)) for place in range(len(records))])
    return Portion.of(0, records, records.timestamp, found)


def decode(record: Record) -> Block:
    """Read one message; see `portion`."""
    try:
        block = _decoder.decode(record.value or b"")
    except msgspec.DecodeError as error:
        complaint = f"is not one of upwell's ({error})"
    else:
        if block.format == FORMAT:
            return block
        complaint = f"has format {block.format}, and this worker reads {FORMAT}"
    raise EngineError(
        f"Record {record.offset} of {record.topic}-{record.partition} {complaint}: use workers of one version, and let "
        "nothing else write to that topic."
    )


def increment_blocks(
    topic: str, partition: int, previous: int, increments: Increments, offsets: Int64s, items: Vocabulary
) -> Iterator[Block]:
    """Pack increments for one receiver, cut between source events where a message would get too large."""
    sources = Sources(np.zeros(len(offsets), np.int8), offsets)
    for piece in pieces(increments, sources, 1, _NOBODY, 1, items):
        yield increment_block(topic, partition, previous, piece)
        previous = piece.last


def increment_block(topic: str, partition: int, previous: int, piece: Piece) -> Block:
    """Pack a piece of increments."""
    return Block(FORMAT, topic, partition, previous, piece.last, piece.text, piece.ends, piece.columns)


def example_block(
    topic: str, partition: int, previous: int, examples: Examples, offsets: Int64s, items: Vocabulary
) -> Block:
    """Pack examples for the learner."""
    rows = np.zeros(len(examples), _EXAMPLE)
    rows["offset"], rows["known_at"], rows["bought"] = offsets, examples.known_at, examples.bought
    rows["features"], rows["profile"], rows["length"] = examples.features, examples.profile, examples.lengths
    codes, numbers = numbered(examples.items.ravel(), len(items))
    rows["items"] = numbers.reshape(examples.items.shape)
    last = int(offsets[-1])
    return Block(FORMAT, topic, partition, previous, last, *_spelled(items, codes), [rows.tobytes()])


def encode(block: Block) -> bytes:
    """Write a message."""
    return _encode(block)


def read_increments(block: Block, after: int, items: Vocabulary) -> Increments:
    """The increments of a block whose source offset is beyond `after`."""
    offset, ts, event, row, neighbour, weight, kind = _columns(block)
    n, codes = len(weight), _codes(block, items)
    rows, neighbours, times = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int64)
    new = -1
    if n == len(event) == len(kind):
        new = unpack(offset, ts, event, row, neighbour, codes, after, rows, neighbours, times)
    if new < 0:
        raise _contradiction(block)
    return Increments(rows[:new], neighbours[:new], weight[n - new :].copy(), kind[n - new :].copy(), times[:new])


def read_examples(block: Block, after: int, items: Vocabulary) -> Examples:
    """The examples of a block whose source offset is beyond `after`."""
    rows = _examples(block, after)
    codes = _codes(block, items)
    if not (_within(rows["items"], len(codes)) and _within(rows["length"], EXAMPLE_ITEMS + 1)):
        raise _contradiction(block)
    return Examples(
        features=np.ascontiguousarray(rows["features"]),
        profile=np.ascontiguousarray(rows["profile"]),
        bought=np.ascontiguousarray(rows["bought"]),
        known_at=np.ascontiguousarray(rows["known_at"]),
        items=codes[rows["items"]],
        lengths=rows["length"].astype(np.int32),
    )


def read_offsets(block: Block, after: int, *, of_increments: bool) -> Int64s:
    """The source offset of each row of a block that is beyond `after`."""
    if not of_increments:
        return np.ascontiguousarray(_examples(block, after)["offset"])
    offset, _, event, *_ = _columns(block)
    offsets: Int64s = offset[event]
    return offsets[offsets > after]


def _columns(block: Block) -> list[NDArray[Any]]:
    return [np.frombuffer(column, dtype) for column, dtype in zip(block.columns, _INCREMENT_COLUMNS, strict=True)]


def _examples(block: Block, after: int) -> NDArray[Any]:
    rows = np.frombuffer(block.columns[0], _EXAMPLE)
    return rows[rows["offset"] > after]


def _codes(block: Block, items: Vocabulary) -> Int32s:
    """The code of each item id of the block."""
    text, ends = np.frombuffer(block.text, np.uint8), np.frombuffer(block.ends, "<i8")
    ids = Ids(text, np.empty(len(ends), np.int64), np.empty(len(ends), np.int64))
    if not place_ids(ends, len(text), ids.starts, ids.ends):
        raise _contradiction(block)
    return items.codes_of(ids)


def _within(numbers: NDArray[Any], end: int) -> bool:
    return not numbers.size or (int(numbers.min()) >= 0 and int(numbers.max()) < end)


def _contradiction(block: Block) -> EngineError:
    return EngineError(
        f"A block from {block.topic}-{block.partition} up to offset {block.last} contradicts itself: use workers of "
        "one version, and let nothing else write to the topics between them."
    )


def _spelled(items: Vocabulary, codes: Int32s) -> tuple[bytes, bytes]:
    spelling = items.spelling().chosen(codes)
    return spelling.text.tobytes(), spelling.ends.tobytes()
