"""What is said when a file of events is broken.

UpwellError
└── SourceError          a file of events cannot be read: repair the file or name another
"""

from __future__ import annotations

from pathlib import Path

from streams.errors import UpwellError


class SourceError(UpwellError):
    """A file of events is missing, damaged, or holds a line that is not an event."""


def broken_line(path: Path, line: int, what: object, repair: str = "correct or remove that line") -> SourceError:
    """Name the file and the line (counted from 1), what is wrong there, and the way out.

    >>> str(broken_line(Path("shop.csv"), 7, "price 'abc' is not a number"))
    "shop.csv, line 7: price 'abc' is not a number; correct or remove that line"
    """
    return SourceError(f"{path}, line {line}: {what}; {repair}")
