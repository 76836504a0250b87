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

from online_models.compiled import Int32s, Int64s, compiled
from online_models.features import PROFILE_FEATURES, PROPENSITY_FEATURES
from online_models.shopper_records import EXAMPLE_ITEMS
from online_models.shoppers import Examples
from online_models.similarity import Increments
from online_models.vocabulary import Vocabulary
from streams.decoding import Record
from streams.errors import EngineError
from streams.portion import Portion, timestamps

FORMAT: Final = 2
#: Increments in one message at most: about half a megabyte.
LARGEST_BLOCK: Final = 20_000

_INCREMENT: Final = np.dtype(
    [
        ("offset", "<i8"),
        ("ts", "<i8"),
        ("row", "<i4"),
        ("neighbour", "<i4"),
        ("weight", "<f4"),
        ("kind", "i1"),
    ]
)
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
    items
        The item ids that the rows name by position.
    rows
        The columns, as packed little-endian records.
    """

    format: int
    topic: str
    partition: int
    previous: int
    last: int
    items: list[str]
    rows: bytes


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


def portion(records: Sequence[Record]) -> Portion[Blocks]:
    """Read messages.

    Raises
    ------
    EngineError
        One is not a block, or a block of another version.
    """
    timestamp = timestamps(records)
    return Portion.of(0, records, timestamp, timestamp, Blocks([decode(record) for record in records]))


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
    rows = np.zeros(len(increments), _INCREMENT)
    rows["offset"], rows["ts"], rows["weight"], rows["kind"] = (
        offsets,
        increments.ts,
        increments.weight,
        increments.kind,
    )
    rows["row"], rows["neighbour"] = increments.row, increments.neighbour
    for start, end in _pieces(offsets):
        piece = rows[start:end].copy()
        codes, numbered = _numbered(np.concatenate([piece["row"], piece["neighbour"]]), len(items))
        piece["row"], piece["neighbour"] = numbered[: end - start], numbered[end - start :]
        last = int(offsets[end - 1])
        yield Block(FORMAT, topic, partition, previous, last, _names(items, codes), piece.tobytes())
        previous = last


def example_block(
    topic: str, partition: int, previous: int, examples: Examples, offsets: Int64s, items: Vocabulary
) -> Block:
    """Pack examples for the learner."""
    rows = np.zeros(len(examples), _EXAMPLE)
    rows["offset"], rows["known_at"], rows["bought"] = offsets, examples.known_at, examples.bought
    rows["features"], rows["profile"], rows["length"] = examples.features, examples.profile, examples.lengths
    codes, numbered = _numbered(examples.items.ravel(), len(items))
    rows["items"] = numbered.reshape(examples.items.shape)
    return Block(FORMAT, topic, partition, previous, int(offsets[-1]), _names(items, codes), rows.tobytes())


def encode(block: Block) -> bytes:
    """Write a message."""
    return _encode(block)


def read_increments(block: Block, after: int, items: Vocabulary) -> Increments:
    """The increments of a block whose source offset is beyond `after`."""
    rows = _rows(block, _INCREMENT, after)
    codes = items.codes(block.items)
    return Increments(
        row=codes[rows["row"]],
        neighbour=codes[rows["neighbour"]],
        weight=np.ascontiguousarray(rows["weight"]),
        kind=np.ascontiguousarray(rows["kind"]),
        ts=np.ascontiguousarray(rows["ts"]),
    )


def read_examples(block: Block, after: int, items: Vocabulary) -> Examples:
    """The examples of a block whose source offset is beyond `after`."""
    rows = _rows(block, _EXAMPLE, after)
    codes = items.codes(block.items)
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
    return np.ascontiguousarray(_rows(block, _INCREMENT if of_increments else _EXAMPLE, after)["offset"])


def _rows(block: Block, dtype: np.dtype[Any], after: int) -> NDArray[Any]:
    rows = np.frombuffer(block.rows, dtype)
    return rows[rows["offset"] > after]


def _numbered(codes: Int32s, known: int) -> tuple[Int32s, Int32s]:
    """The different codes in order of first appearance, and for each code its place among them."""
    different, numbers = np.zeros(len(codes), np.int32), np.zeros(len(codes), np.int32)
    count = _number(codes, np.full(known, -1, np.int32), different, numbers)
    return different[:count], numbers


@compiled
def _number(codes: Int32s, number_of: Int32s, different: Int32s, numbers: Int32s) -> int:
    count = 0
    for n in range(len(codes)):
        if number_of[codes[n]] < 0:
            number_of[codes[n]] = count
            different[count] = codes[n]
            count += 1
        numbers[n] = number_of[codes[n]]
    return count


def _names(items: Vocabulary, codes: Int32s) -> list[str]:
    return [items.names[code] for code in codes.tolist()]


def _pieces(offsets: Int64s) -> Iterator[tuple[int, int]]:
    """Ranges of at most about `LARGEST_BLOCK` rows that never cut through the rows of one source event."""
    start = 0
    while start < len(offsets):
        end = min(start + LARGEST_BLOCK, len(offsets))
        if end < len(offsets):
            first_of_event = int(np.searchsorted(offsets, offsets[end]))
            end = first_of_event if first_of_event > start else int(np.searchsorted(offsets, offsets[end], "right"))
        yield start, end
        start = end
