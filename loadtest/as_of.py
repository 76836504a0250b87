"""How fresh a recommendation is, read from the end of its value without moving the whole list."""

from __future__ import annotations

import re
from typing import Final

#: `"as_of"` and `"source"` come last in the value of a `rec:` key and fit into so many bytes.
TAIL: Final = (-64, -1)
_AS_OF: Final = re.compile(rb'"as_of":(\d+)')


def as_of(tail: bytes) -> int:
    """Event time in ms that a recommendation takes account of, from the end of its value; -1 if there is none.

    >>> as_of(b'}],"as_of":1700000000000,"source":"personal"}'), as_of(b"")
    (1700000000000, -1)
    """
    found = _AS_OF.search(tail)
    return int(found[1]) if found else -1
