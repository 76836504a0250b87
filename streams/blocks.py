"""Messages between the agents: columns of numbers with the item ids spelled out once, and where it all came from.

A block says which source partition it was made from, up to which offset, and where the block before it ended. So
the receiver can drop what it has applied already and notice what it never got.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from online_models.compiled import Int32s, Int64s
from online_models.examples import Examples
from online_models.features import PROFILE_FEATURES, PROPENSITY_FEATURES
from online_models.increments import Increments
from online_models.shopper_records import EXAMPLE_ITEMS
from online_models.vocabulary import Vocabulary
from streams.errors import EngineError
from streams.increment_columns import Piece, Sources, pieces
from streams.item_numbers import numbered
from streams.portion import Portion
from streams.records import Record, Records

FORMAT: Final = 3
#: Columns of a block of increments. Per event: its offset and time. Per increment: which of the block's events led to
#: it, which of the block's items its row and its neighbour are, and the rest of it.
INCREMENT_COLUMNS: Final = ("<i8", "<i8", "<u2", "<u2", "<u2", "<f4", "i1")
_NOBODY: Final = np.zeros(0, np.int32)
EXAMPLE: Final = np.dtype(
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
        Little-endian numbers: `INCREMENT_COLUMNS`, or packed records of `EXAMPLE`.
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
    text = records.values.text.data
    places = zip(records.values.starts.tolist(), records.values.ends.tolist(), strict=True)
    found = [_read(text[start:end]) for start, end in places]
    good = [block for block in found if isinstance(block, Block)]
    if len(good) < len(found):
        place = next(place for place, block in enumerate(found) if not isinstance(block, Block))
        decode(records.one(place))
    return Portion.of(0, records, records.timestamp, Blocks(good))


def decode(record: Record) -> Block:
    """Read one message; see `portion`."""
    found = _read(record.value or b"")
    if isinstance(found, Block):
        return found
    raise EngineError(
        f"Record {record.offset} of {record.topic}-{record.partition} {found}: use workers of one version, and let "
        "nothing else write to that topic."
    )


def _read(message: bytes | memoryview) -> Block | str:
    """A block, or what is wrong with it."""
    try:
        block = _decoder.decode(message)
    except msgspec.DecodeError as error:
        return f"is not one of upwell's ({error})"
    return block if block.format == FORMAT else f"has format {block.format}, and this worker reads {FORMAT}"


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
    rows = np.zeros(len(examples), EXAMPLE)
    rows["offset"], rows["known_at"], rows["bought"] = offsets, examples.known_at, examples.bought
    rows["features"], rows["profile"], rows["length"] = examples.features, examples.profile, examples.lengths
    codes, numbers = numbered(examples.items.ravel(), len(items))
    rows["items"] = numbers.reshape(examples.items.shape)
    last = int(offsets[-1])
    return Block(FORMAT, topic, partition, previous, last, *_spelled(items, codes), [rows.tobytes()])


def encode(block: Block) -> bytes:
    """Write a message."""
    return _encode(block)


def _spelled(items: Vocabulary, codes: Int32s) -> tuple[bytes, bytes]:
    spelling = items.spelling().chosen(codes)
    return spelling.text.tobytes(), spelling.ends.tobytes()
