"""Item ids as small integers, so that the models can work on arrays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from online_models.compiled import Bytes, Int32s, Int64s, compiled
from online_models.spelling import Spelling

Dtype = TypeVar("Dtype", bound=np.generic)


class Vocabulary:
    """Gives every item id a code: 0, 1, 2, … in order of first appearance.

    Models keep codes and never see the strings; kernels that need the text (to break ties by id, to write JSON)
    read its UTF-8 bytes from `text[ends[code - 1]:ends[code]]`.

    Attributes
    ----------
    names
        The ids by code.
    text, ends
        All ids as UTF-8, end to end, and where each one ends: `uint8` and `int64` arrays, filled up to the
        current length and longer than that.

    >>> vocabulary = Vocabulary()
    >>> vocabulary.codes(["lamp", "chair", "lamp"]).tolist()
    [0, 1, 0]
    >>> vocabulary.names[1], len(vocabulary)
    ('chair', 2)
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.text = np.zeros(1024, np.uint8)
        self.ends = np.zeros(64, np.int64)
        self._codes = _Codes(self)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self._codes

    def code(self, name: str) -> int:
        """The code of one id; a new id gets the next one."""
        return self._codes[name]

    def codes(self, names: Iterable[str]) -> Int32s:
        """The codes of many ids, in their order; new ids get the next ones."""
        return np.fromiter(map(self._codes.__getitem__, names), np.int32)

    def spelling(self) -> Spelling:
        """All ids as they are now, without a copy: what is there never changes, there is only more."""
        ends = self.ends[: len(self)]
        return Spelling(self.text[: int(ends[-1]) if len(ends) else 0], ends)

    def _append(self, name: str) -> int:
        code = len(self.names)
        encoded = np.frombuffer(name.encode(), np.uint8)
        start = int(self.ends[code - 1]) if code else 0
        end = start + len(encoded)
        self.text = grown(self.text, end)
        self.ends = grown(self.ends, code + 1)
        self.text[start:end] = encoded
        self.ends[code] = end
        self.names.append(name)
        return code


class _Codes(dict[str, int]):
    """A dict that asks its vocabulary for the code of an id it does not know."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self._append = vocabulary._append

    def __missing__(self, name: str) -> int:
        code = self[name] = self._append(name)
        return code


def grown(array: NDArray[Dtype], length: int, fill: float = 0) -> NDArray[Dtype]:
    """The array itself if it is long enough, else a copy at least twice as long, filled up with `fill`."""
    if length <= len(array):
        return array
    longer = np.full((max(length, 2 * len(array)), *array.shape[1:]), fill, array.dtype)
    longer[: len(array)] = array
    return longer


@compiled
def comes_before(text: Bytes, ends: Int64s, a: int, b: int) -> bool:
    """Whether the id with code `a` sorts before the id with code `b`, as Python sorts the strings."""
    start_a = ends[a - 1] if a > 0 else 0
    start_b = ends[b - 1] if b > 0 else 0
    length_a = ends[a] - start_a
    length_b = ends[b] - start_b
    for i in range(min(length_a, length_b)):
        if text[start_a + i] != text[start_b + i]:
            return bool(text[start_a + i] < text[start_b + i])
    return bool(length_a < length_b)
