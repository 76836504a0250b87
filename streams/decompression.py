"""Compressed batches, opened only so far: a megabyte of zstd can hold what fills the memory of any machine.

Kafka limits what a batch takes on its way, not what comes out of it.
Codecs: https://kafka.apache.org/documentation/#recordbatch.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any, Final

import cramjam

#: What is tried first: so many times the compressed size, or this.
_USUAL_RATIO: Final = 16
_LEAST_ROOM: Final = 65_536
#: Blocks of snappy behind each other, as Java writes them: a mark, versions, and per block its length.
_SNAPPY_BLOCKS: Final = b"\x82SNAPPY\x00"
_BEFORE_BLOCKS: Final = 16
_GZIP, _SNAPPY, _LZ4, _ZSTD = 1, 2, 3, 4
#: How zlib is told to expect what gzip writes.
_GZIP_WINDOW: Final = 31


class TooLargeError(Exception):
    """More would come out than is allowed."""


def decompressed(payload: bytes, codec: int, most: int) -> bytes:
    """What was compressed with one of Kafka's codecs (1 gzip, 2 snappy, 3 lz4, 4 zstd).

    Raises
    ------
    TooLargeError
        It is more than `most` bytes.
    ValueError
        The codec is unknown, or the bytes are not what it writes.

    Examples
    --------
    >>> import gzip
    >>> decompressed(gzip.compress(b"lamp"), 1, most=4)
    b'lamp'
    >>> decompressed(gzip.compress(b"lamps"), 1, most=4)
    Traceback (most recent call last):
    streams.decompression.TooLargeError
    """
    try:
        if codec == _GZIP:
            return b"".join(_gzip_members(payload, most))
        if codec == _SNAPPY:
            return _of_snappy(payload, most)
        if codec in (_LZ4, _ZSTD):
            return _opened(cramjam.lz4 if codec == _LZ4 else cramjam.zstd, payload, most)
    except (zlib.error, struct.error, cramjam.DecompressionError) as error:
        raise ValueError(str(error)) from error
    raise ValueError(f"codec {codec} is unknown")


def _gzip_members(payload: bytes, room: int) -> Iterator[bytes]:
    while payload:
        member = zlib.decompressobj(_GZIP_WINDOW)
        opened = member.decompress(payload, room + 1)
        room -= len(opened)
        if room < 0:
            raise TooLargeError
        if not member.eof:
            raise ValueError("gzip: the end is missing")
        yield opened
        payload = member.unused_data


def _of_snappy(payload: bytes, most: int) -> bytes:
    """Every block says how much it holds, which is allocated before anything is read."""
    blocks = list(_snappy_blocks(payload))
    if sum(map(cramjam.snappy.decompress_raw_len, blocks)) > most:
        raise TooLargeError
    return b"".join(bytes(cramjam.snappy.decompress_raw(block)) for block in blocks)


def _snappy_blocks(payload: bytes) -> Iterator[bytes]:
    if not payload.startswith(_SNAPPY_BLOCKS):
        yield payload
        return
    at = _BEFORE_BLOCKS
    while at < len(payload):
        (length,) = struct.unpack_from(">I", payload, at)
        yield payload[at + 4 : at + 4 + length]
        at += 4 + length


def _opened(codec: Any, payload: bytes, most: int) -> bytes:
    """Into ever more room: these codecs tell only when it was not enough."""
    room = min(most, max(_LEAST_ROOM, _USUAL_RATIO * len(payload)))
    while True:
        out = bytearray(room)
        try:
            return bytes(memoryview(out)[: codec.decompress_into(payload, out)])
        except cramjam.DecompressionError as error:
            if "failed to write whole buffer" not in str(error):
                raise
        if room == most:
            raise TooLargeError
        room = min(most, _USUAL_RATIO * room)
