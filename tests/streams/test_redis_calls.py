"""Large writes are cut into calls that write the same together."""

from __future__ import annotations

import pytest

from streams.quick_packing import Packed
from streams.redis_calls import Call, Write, one_call
from streams.values import Values


def written(kind: str, count: int) -> Values:
    return Values.of([(f"{kind}{n}", f"value {n}".encode() * (1 + n % 3)) for n in range(count)])


def together(arguments: list[Packed]) -> tuple[bytes, int]:
    return b"".join(one.data for one in arguments), sum(one.count for one in arguments)


def parts(calls: list[Call]) -> list[tuple[bytes, int]]:
    """Keys of strings, keys of hashes, strings, hashes of all calls; how many strings each has, checked."""
    found: list[list[Packed]] = [[], [], [], []]
    for call in calls:
        strings, *values = call.values
        texts = next((value for value in values if isinstance(value, Packed)), None) if strings else None
        hashed = values[-1] if isinstance(values[-1], Packed) and values[-1] is not texts else None
        assert (texts.count if texts else 0) == strings
        keys = [key for key in call.keys if key.count]
        assert sum(key.count for key in keys) == strings + (hashed.count if hashed else 0)
        found[0] += [keys[0]] if strings else []
        found[1] += [keys[-1]] if hashed and hashed.count else []
        found[2] += [texts] if texts else []
        found[3] += [hashed] if hashed else []
    return [together(some) for some in found]


@pytest.mark.parametrize(
    ("strings", "hashes"), [(17, 0), (0, 17), (1, 16), (16, 1), (16, 16), (110, 110), (97, 3), (500, 0), (450, 449)]
)
def test_calls_write_together_what_one_would(strings: int, hashes: int) -> None:
    write = Write("shoppers:3", written("rec:", strings), written("user:", hashes))
    calls = list(write.calls("shop:"))
    assert len(calls) > 1
    assert parts(calls) == parts([one_call("shop:", [write])])
    assert max(sum(key.count for key in call.keys) for call in calls) <= 64


def test_a_small_write_is_one_call() -> None:
    write = Write("shoppers:3", written("rec:", 8), written("user:", 8))
    assert len(list(write.calls(""))) == 1
