"""One message as a record batch of its own, in the format that Kafka keeps.

What the agents tell each other are large messages. aiokafka would copy one into its batch, and take its checksum
without the instruction that processors have for that. Several to the same receiver go in batches of aiokafka's.
Layout: https://kafka.apache.org/documentation/#recordbatch and #record, version 2 (Kafka 0.11 and newer).
"""

from __future__ import annotations

import struct
from typing import Final

from google_crc32c import extend as crc32c_extended

from streams.outputs import Message

#: Offset, length, leader epoch, version, checksum.
_BEFORE_CHECKED: Final = struct.Struct(">qiibI")
#: Attributes; last offset, times; producer, its epoch and sequence; number of records.
_CHECKED: Final = struct.Struct(">hiqqqhii")
#: What the length does not count.
_BEFORE_LENGTH: Final = 12
_VERSION: Final = 2
_NOBODY: Final = -1


class SingleRecord:
    """What `AIOKafkaProducer.send_batch` takes, in place of aiokafka's `BatchBuilder`.

    Parameters
    ----------
    message
        The record.
    timestamp
        Its time in epoch ms.
    """

    def __init__(self, message: Message, timestamp: int) -> None:
        self._bytes = _batch(message, timestamp)

    def record_count(self) -> int:
        """One."""
        return 1

    def closed(self) -> bool:
        """Nothing can be added."""
        return True

    def close(self) -> None:
        """It is closed."""

    def size(self) -> int:
        """Its bytes."""
        return len(self._bytes)

    def _build(self) -> bytes:
        """What aiokafka sends."""
        return self._bytes


def _batch(message: Message, timestamp: int) -> bytes:
    headers = b"".join(_sized(name.encode()) + _sized(value) for name, value in message.headers)
    # Attributes, and what time and offset are beyond the batch's.
    before = b"\0\0\0" + _sized(message.key) + _length(message.value)
    after = _varint(len(message.headers)) + headers
    value = message.value or b""
    record = [_varint(len(before) + len(value) + len(after)) + before, value, after]
    checked = _CHECKED.pack(0, 0, timestamp, timestamp, _NOBODY, _NOBODY, _NOBODY, 1)
    checksum = 0
    for piece in (checked, *record):
        checksum = crc32c_extended(checksum, piece)
    length = _BEFORE_CHECKED.size + len(checked) + sum(map(len, record)) - _BEFORE_LENGTH
    return b"".join([_BEFORE_CHECKED.pack(0, length, _NOBODY, _VERSION, checksum), checked, *record])


def _sized(text: bytes | None) -> bytes:
    return _length(text) + (text or b"")


def _length(text: bytes | None) -> bytes:
    return _varint(-1 if text is None else len(text))


def _varint(number: int) -> bytes:
    """A whole number in as few bytes as it takes, by protocol buffers' zigzag encoding.

    >>> _varint(0), _varint(-1), _varint(300)
    (b'\\x00', b'\\x01', b'\\xd8\\x04')
    """
    left, out = (number << 1) ^ (number >> 63), bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    out.append(left)
    return bytes(out)
