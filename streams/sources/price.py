"""Read a price out of a file."""

from __future__ import annotations

import math


def parse_price(text: str) -> float:
    """Read a price; an empty one is 0, which stands for unknown.

    Raises
    ------
    ValueError
        The text is not a finite number.

    >>> parse_price("35.79"), parse_price("")
    (35.79, 0.0)
    """
    price = float(text) if text else 0.0
    if not math.isfinite(price):
        raise ValueError(f"price {text!r} is not an amount")
    return price
