"""Our XXH64 gives what the reference library gives."""

from __future__ import annotations

import numpy as np
import xxhash
from hypothesis import example, given, settings
from hypothesis import strategies as st

from online_models.xxh64 import xxh64


@given(st.binary(max_size=200), st.integers(0, 7))
@example(b"", 0)
@example(bytes(range(256)), 3)
@settings(deadline=None)
def test_the_reference_library_agrees(content: bytes, before: int) -> None:
    text = np.frombuffer(b"?" * before + content + b"?", np.uint8)
    assert int(xxh64(text, before, before + len(content))) == xxhash.xxh64_intdigest(content)
