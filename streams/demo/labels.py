"""What to call the items of the bundled data, for a person."""

from __future__ import annotations

import csv
import gzip

from streams.sources import bundled


def labels(data: str) -> dict[str, str]:
    """Names by item id: brand and kind for REES46; nothing for the clothing shop, whose ids are all there is.

    >>> labels("rees46")["1004856"]
    'samsung smartphone'
    """
    if data != "rees46":
        return {}
    with gzip.open(bundled(data), "rt", newline="") as lines:
        return {row["product_id"]: _name(row) for row in csv.DictReader(lines) if _name(row)}


def _name(row: dict[str, str]) -> str:
    kind = row["category_code"].rsplit(".", 1)[-1].replace("_", " ")
    return f"{row['brand']} {kind}".strip()
