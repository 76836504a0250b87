"""What one worker counts about its own work, for `upwell demo` and for operators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from online_models.compiled import Floats, Int64s
from online_models.shown import Quality
from online_models.uncounted import uncounted
from streams.decoding import Rejection

#: What workers say of themselves is gone so many seconds after they said it last.
KEPT_SECONDS: Final = 600
#: Upper bounds of the freshness histogram in ms, 5 % apart: 1 ms to about 4 minutes.
BOUNDS: Final[Floats] = np.power(1.05, np.arange(255.0))


@dataclass
class Counters:
    """Counts since the worker started.

    Attributes
    ----------
    quality
        How often the next item was in the list on show, and what is in the lists.
    accepted, duplicates, rejected
        Events folded, events seen before, and rejected records by reason.
    lists
        Recommendation lists written.
    freshness
        Histogram over `BOUNDS`: from Kafka's timestamp of an event until its outputs were in Redis, in ms.
    """

    quality: Quality
    accepted: int = 0
    duplicates: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    lists: int = 0
    freshness: Int64s = field(default_factory=lambda: np.zeros(len(BOUNDS) + 1, np.int64))

    def count_rejections(self, rejections: Iterable[Rejection]) -> None:
        """Count rejections by reason."""
        self.rejected.update(rejection.reason for rejection in rejections)

    def count_freshness(self, produced_ms: Int64s, visible_ms: float) -> None:
        """Count events produced at some times and visible at another."""
        _count(produced_ms, visible_ms, BOUNDS, self.freshness)

    def as_fields(self) -> dict[str, str]:
        """The counters as a flat hash."""
        return {
            "accepted": str(self.accepted),
            "duplicates": str(self.duplicates),
            "rejected": str(self.rejected.total()),
            "lists": str(self.lists),
            "predictions": str(self.quality.predictions),
            "hits": str(self.quality.hits),
            "reciprocal_ranks": repr(self.quality.reciprocal_ranks),
            **_lately(self.quality),
            "freshness": ",".join(map(str, self.freshness.tolist())),
            **{f"rejected:{reason}": str(count) for reason, count in self.rejected.items()},
        }


def _lately(quality: Quality) -> dict[str, str]:
    """How good the lists are lately, and how they are spread; what is not known yet is left out."""
    predictions, hits, reciprocal_ranks = quality.lately
    known = {
        "recent_predictions": predictions,
        "recent_hits": hits,
        "recent_reciprocal_ranks": reciprocal_ranks,
        "coverage": quality.spread.coverage,
        "popular_share": quality.spread.popular_share,
        "drifts_up": quality.drifts_up,
        "drifts_down": quality.drifts_down,
        "drifted_at": quality.drifted_at,
    }
    return {name: repr(value) for name, value in known.items() if value is not None}


@uncounted
def _count(produced_ms: Int64s, visible_ms: float, bounds: Floats, histogram: Int64s) -> None:
    place, produced = 0, np.int64(-1)
    for ms in produced_ms:
        if ms != produced:  # many share a millisecond
            place, produced = np.searchsorted(bounds, max(visible_ms - ms, 0.0)), ms
        histogram[place] += 1


def percentile(freshness: Int64s, share: float) -> float | None:
    """The freshness in ms that a share of the events stayed within, to 5 %; None without events."""
    total = int(freshness.sum())
    if total == 0:
        return None
    place = int(np.searchsorted(np.cumsum(freshness), share * total))
    return float(BOUNDS[min(place, len(BOUNDS) - 1)])
