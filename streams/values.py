"""Keys and values for Redis, end to end in arrays: thousands of them, and no object for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from online_models.spelling import Spelling, spelled


@dataclass(frozen=True)
class Values:
    """n keys and their values.

    Attributes
    ----------
    kind
        What all the keys begin with, such as `rec:`.
    names
        How each of them goes on.
    values
        The bytes of each value.

    >>> Values.of([("rec:ada", b"1"), ("rec:bob", b"22")]).pairs()[1:]
    [('rec:bob', b'22')]
    """

    kind: str
    names: Spelling
    values: Spelling

    def __len__(self) -> int:
        return len(self.names.ends)

    @classmethod
    def of(cls, pairs: Sequence[tuple[str, bytes]], kind: str = "") -> Values:
        """Names and values, one by one."""
        return cls(kind, spelled(name for name, _ in pairs), end_to_end([value for _, value in pairs]))

    def pairs(self) -> list[tuple[str, bytes]]:
        """Whole keys and values, one by one."""
        values, ends = self.values.text.tobytes(), self.values.ends.tolist()
        places = zip(self.names.names(), [0, *ends], ends, strict=False)
        return [(self.kind + name, values[start:end]) for name, start, end in places]


def end_to_end(values: Sequence[bytes]) -> Spelling:
    """Bytes of any kind, as a spelling holds them."""
    ends = np.cumsum(np.fromiter(map(len, values), np.int64, len(values)))
    return Spelling(np.frombuffer(b"".join(values), np.uint8), ends)


NO_VALUES: Final = Values.of([])
