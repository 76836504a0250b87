"""How a checkpoint looks as bytes: a header with version and checksum, then msgpack with arrays in it. No pickle.

bytes 0-5    "UPWELL"
bytes 6-7    version of this layout, little-endian like all that follows
bytes 8-15   xxh3-64 of everything after the header
bytes 16-    msgpack of `Checkpoint`; an array is a map of its dtype, its shape and its bytes
"""

from __future__ import annotations

import struct
from typing import Any, Final

import msgspec
import numpy as np
import xxhash
from numpy.typing import NDArray

from streams.errors import EngineError

VERSION: Final = 5
_MAGIC: Final = b"UPWELL"
_HEADER: Final = struct.Struct("<6sHQ")
_DTYPE, _SHAPE, _DATA = "~dtype", "~shape", "~data"


class CheckpointError(EngineError):
    """Bytes that are no checkpoint this version can read, or a damaged one."""


class Checkpoint(msgspec.Struct, frozen=True):
    """The state of one partition of one agent, and where it stands.

    Attributes
    ----------
    agent, partition
        Whose.
    offsets
        Per topic, the offset of the first record that is not in the state.
    partitions
        Per topic, how many partitions it had: with another number, keys live elsewhere.
    writes
        How many writes to Redis its owners had made; see `streams.redis_writer`.
    generation
        Of the consumer group that wrote it.
    state
        What the agent's `open` wants; maps, lists, numbers, texts and arrays.
    lost
        Per topic, the ranges of records that Kafka deleted before they were processed: first offset to the one after
        the last.
    topic_ids
        Per topic, Kafka's own name for it: offsets mean nothing in a topic that was deleted and created again.
    """

    agent: str
    partition: int
    offsets: dict[str, int]
    partitions: dict[str, int]
    writes: int
    generation: int
    state: dict[str, Any]
    lost: dict[str, dict[int, int]] = {}  # msgspec gives every checkpoint its own
    topic_ids: dict[str, str] = {}

    @property
    def position(self) -> int:
        """Records in the state: the further of two checkpoints of one partition has more."""
        return sum(self.offsets.values())


def encode(checkpoint: Checkpoint) -> bytes:
    """The bytes of a checkpoint.

    >>> one = Checkpoint("shoppers", 0, {"clickstream": 7}, {"clickstream": 8}, 3, 1, {"weights": np.arange(3.0)})
    >>> decode(encode(one)).state["weights"].tolist()
    [0.0, 1.0, 2.0]
    """
    payload = _encoder.encode(checkpoint)
    return _HEADER.pack(_MAGIC, VERSION, xxhash.xxh3_64_intdigest(payload)) + payload


def decode(data: bytes) -> Checkpoint:
    """The checkpoint that bytes hold.

    Raises
    ------
    CheckpointError
        They are damaged, cut short, or of another version.
    """
    if len(data) < _HEADER.size:
        raise CheckpointError(f"it is cut short: {len(data)} bytes")
    magic, version, checksum = _HEADER.unpack_from(data)
    if magic != _MAGIC:
        raise CheckpointError("it does not begin like a checkpoint")
    if version != VERSION:
        raise CheckpointError(f"it has version {version}, and this upwell reads {VERSION}")
    payload = memoryview(data)[_HEADER.size :]
    if xxhash.xxh3_64_intdigest(payload) != checksum:
        raise CheckpointError("its checksum does not fit: it is damaged")
    try:
        found = _decoder.decode(payload)
        return msgspec.structs.replace(found, state=_with_arrays(found.state))
    except (msgspec.DecodeError, TypeError, ValueError, KeyError, OverflowError, RecursionError) as error:
        raise CheckpointError(f"it cannot be read ({error})") from None


def _as_map(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {
            _DTYPE: value.dtype.str,
            _SHAPE: list(value.shape),
            _DATA: np.ascontiguousarray(value).ravel().view(np.uint8).data,
        }
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"a checkpoint cannot hold {type(value).__name__}")


_encoder: Final = msgspec.msgpack.Encoder(enc_hook=_as_map)
_decoder: Final = msgspec.msgpack.Decoder(Checkpoint)


def _with_arrays(value: Any) -> Any:
    if isinstance(value, dict):
        if _DTYPE in value:
            return _array(value)
        return {name: _with_arrays(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_with_arrays(part) for part in value]
    return value


def _array(value: dict[str, Any]) -> NDArray[Any]:
    dtype = np.dtype(value[_DTYPE])
    if dtype.kind not in "biuf":
        raise ValueError(f"an array of {dtype} is not for checkpoints")
    return np.frombuffer(value[_DATA], dtype).reshape(value[_SHAPE]).copy()
