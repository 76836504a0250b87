"""Between what the fields of an event have to be, for all that reads one."""

from __future__ import annotations

from typing import Final

#: Characters of an id.
LONGEST_ID: Final = 128
#: Events before 2000-01-01 are mistakes, most often seconds taken for milliseconds.
EARLIEST_MS: Final = 946_684_800_000
#: The end of the year 9999, which ISO-8601 does not go beyond; sums of such times are far from overflow.
LATEST_MS: Final = 253_402_300_799_999
#: Of one piece, and how many pieces: more than any shop means.
HIGHEST_PRICE: Final = 1e9
MOST_PIECES: Final = 100_000
