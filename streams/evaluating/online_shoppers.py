"""UCI's Online Shoppers Purchasing Intention: sessions with totals and whether they bought; no events, no times."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from online_models.compiled import Floats
from online_models.probability_metrics import Bools
from streams.sources.errors import broken_line
from streams.sources.files import opened
from streams.sources.table import rows

#: Counts of pages, seconds on them, and averages over the pages seen.
AMOUNTS: Final = (
    "Administrative",
    "Administrative_Duration",
    "Informational",
    "Informational_Duration",
    "ProductRelated",
    "ProductRelated_Duration",
    "BounceRates",
    "ExitRates",
    "PageValues",
    "SpecialDay",
)
#: As the file spells them. It has no January and no April.
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "June", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_OUTCOMES: Final = {"TRUE": True, "FALSE": False}
FEATURES: Final = (*(f"log_{name}" for name in AMOUNTS), *_MONTHS)


def is_online_shoppers(path: Path) -> bool:
    """Whether the header line has a column that only this data set has."""
    with opened(path) as stream:
        return b"Revenue" in stream.readline()


def read_online_shoppers(path: Path) -> tuple[Floats, Bools]:
    """The sessions in file order, shape (n, `FEATURES`), and whether each bought.

    Amounts enter as ``log(1 + amount)``, because their tails are heavy: `PageValues` alone decides most. The month is
    one column each. Browser, region and the like are left out: they gain nothing here.

    Raises
    ------
    SourceError
        The file cannot be read, or a line is not a session.
    """
    sessions: list[list[float]] = []
    bought: list[bool] = []
    for line, (month, revenue, *amounts) in rows(path, ("Month", "Revenue", *AMOUNTS), delimiter=";"):
        try:
            if month not in _MONTHS or revenue not in _OUTCOMES:
                raise ValueError(f"Month {month!r} or Revenue {revenue!r} is none that is known")
            sessions.append([*map(float, amounts), *(float(month == name) for name in _MONTHS)])
        except ValueError as error:
            raise broken_line(path, line, error) from error
        bought.append(_OUTCOMES[revenue])
    table = np.array(sessions).reshape(-1, len(FEATURES))
    amounts_end = len(AMOUNTS)
    table[:, :amounts_end] = np.log1p(np.maximum(table[:, :amounts_end], 0.0))
    return table, np.array(bought, dtype=np.bool_)
