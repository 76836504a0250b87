"""What Kafka's codecs compressed comes out again, and never more than is allowed."""

from __future__ import annotations

import contextlib
import gzip
import tracemalloc
from collections.abc import Callable

import cramjam
import pytest
from aiokafka import codec
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.decompression import TooLargeError, decompressed


def _snappy_in_one(payload: bytes) -> bytes:
    return bytes(codec.snappy_encode(payload, xerial_compatible=False))


ENCODERS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "gzip": (1, codec.gzip_encode),
    "gzip in two members": (1, lambda payload: gzip.compress(payload[:7]) + gzip.compress(payload[7:])),
    "snappy": (2, codec.snappy_encode),
    "snappy in one": (2, _snappy_in_one),
    "lz4": (3, codec.lz4_encode),
    "zstd": (4, codec.zstd_encode),
}
every_encoder = pytest.mark.parametrize("name", ENCODERS)


@given(st.sampled_from(list(ENCODERS)), st.binary(min_size=1, max_size=300), st.integers(1, 3_000))
@settings(deadline=None)
def test_what_went_in_comes_out(name: str, some: bytes, times: int) -> None:
    number, encode = ENCODERS[name]
    assert decompressed(bytes(encode(some * times)), number, most=1_000_000) == some * times


@every_encoder
def test_a_byte_too_many_is_noticed(name: str) -> None:
    number, encode = ENCODERS[name]
    compressed = bytes(encode(bytes(300_000)))
    assert decompressed(compressed, number, most=300_000) == bytes(300_000)
    with pytest.raises(TooLargeError):
        decompressed(compressed, number, most=299_999)


@every_encoder
def test_a_bomb_takes_no_more_memory_than_is_allowed(name: str) -> None:
    number, encode = ENCODERS[name]
    compressed = bytes(encode(bytes(64 << 20)))
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            decompressed(compressed, number, most=1 << 20)
        assert tracemalloc.get_traced_memory()[1] < (4 << 20) + len(compressed)
    finally:
        tracemalloc.stop()


def test_snappy_that_claims_to_be_large_is_not_believed() -> None:
    """The length comes first, and is what the codec allocates."""
    with pytest.raises(TooLargeError):
        decompressed(b"\xff\xff\xff\xff\x0f" + b"nothing of the kind", 2, most=1 << 30)


@every_encoder
@pytest.mark.parametrize("spoil", [lambda data: data[: len(data) // 2], lambda data: b"\x07" * len(data)])
def test_what_is_damaged_is_a_value_error(name: str, spoil: Callable[[bytes], bytes]) -> None:
    number, encode = ENCODERS[name]
    with pytest.raises((ValueError, TooLargeError)):
        decompressed(spoil(bytes(encode(bytes(range(256)) * 9))), number, most=10_000)


@given(st.sampled_from([1, 2, 3, 4]), st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_whatever_comes(number: int, payload: bytes) -> None:
    with contextlib.suppress(ValueError, TooLargeError):
        assert len(decompressed(payload, number, most=100_000)) <= 100_000


def test_an_unknown_codec_is_named() -> None:
    with pytest.raises(ValueError, match="codec 5 is unknown"):
        decompressed(b"", 5, most=1)


def test_the_codecs_tell_a_lack_of_room_from_damage_as_expected() -> None:
    """The only sign of it is a text; were it another one, batches would be taken for damaged."""
    for module in (cramjam.lz4, cramjam.zstd):
        with pytest.raises(cramjam.DecompressionError, match="failed to write whole buffer"):
            module.decompress_into(bytes(module.compress(bytes(1000))), bytearray(10))
