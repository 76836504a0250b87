"""Would the shopper have seen it? The lists on show, and how often the next item was in them."""

from __future__ import annotations

from typing import Final

import numpy as np
from river.drift import ADWIN

from online_models.compiled import Floats, Int32s, Int64s, Records, compiled
from online_models.recommendation import Recommendations
from online_models.spread import LISTED, LISTS, PLACES, POPULAR, WINDOW, Spread
from online_models.vocabulary import Vocabulary, grown

_NONE: Final = -1
#: Lately is about the last so many predictions: each one counts 1 - 1 / SPAN of the next.
SPAN: Final = 1000
_FADING: Final = 1.0 - 1.0 / SPAN
#: The drift detector looks at the hit rate of so many predictions at a time.
BLOCK: Final = 20
_PREDICTIONS, _HITS, _RANKS, _LATELY, _LATE_HITS, _LATE_RANKS, _IN_BLOCK, _BLOCK_HITS = range(8)


class Quality:
    """What became of the lists that were on show when shoppers moved on to another item: in all, and lately.

    A drift is a change of the hit rate that chance does not explain: ADWIN [1]_ over the hit rates of every 20
    predictions. A new shop whose models learn drifts upwards.

    Attributes
    ----------
    spread
        See `online_models.spread`.
    drifts_up, drifts_down
        How often the hit rate has drifted.
    drifted_at
        Event time, in ms, when it did so last; None if it never did.

    References
    ----------
    .. [1] Bifet, Gavaldà: Learning from time-changing data with adaptive windowing, SDM 2007; as River has it.

    Examples
    --------
    >>> Quality(Vocabulary()).predictions
    0
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.spread = Spread(vocabulary)
        self.sums: Floats = np.zeros(8)
        self.drifts_up = self.drifts_down = 0
        self.drifted_at: int | None = None
        self._drift = ADWIN(delta=0.01, clock=1)  # type: ignore[no-untyped-call]

    @property
    def predictions(self) -> int:
        """How often a shopper moved on, in a session, to an item other than the one looked at."""
        return int(self.sums[_PREDICTIONS])

    @property
    def hits(self) -> int:
        """How often that item was in the list on show."""
        return int(self.sums[_HITS])

    @property
    def reciprocal_ranks(self) -> float:
        """Sum of 1 / rank over the hits."""
        return float(self.sums[_RANKS])

    @property
    def lately(self) -> tuple[float, float, float]:
        """The same three sums, a prediction counting 1/e after 1,000 more."""
        predictions, hits, ranks = self.sums[_LATELY : _LATE_RANKS + 1].tolist()
        return predictions, hits, ranks

    def watch(self, hit_rates: Floats, ts: int) -> None:
        """Look for a drift in the hit rates of blocks of predictions, the last of them at event time `ts`."""
        for hit_rate in hit_rates.tolist():
            before = self._drift.estimation
            self._drift.update(hit_rate)  # type: ignore[no-untyped-call]
            if self._drift.drift_detected:
                self.drifted_at = ts
                self.drifts_up += self._drift.estimation > before
                self.drifts_down += self._drift.estimation <= before


class ListsOnShow:
    """The last list written for every shopper of a partition, scored against what the shopper does next.

    A list is counted only if it was written before the event that tests it, so this is what visitors of the shop
    experienced, delays included. It is a measurement, not state: a restart begins it anew.
    """

    def __init__(self, length: int) -> None:
        self.items: Int32s = np.full((64, length), _NONE, np.int32)
        self.current: Int32s = np.full(64, _NONE, np.int32)
        self.last_seen: Int64s = np.zeros(64, np.int64)

    def score_many(self, shoppers: Int32s, items: Int32s, ts: Int64s, gap_ms: int, quality: Quality) -> None:
        """Score events (impressions left out) against the lists on show, adding to `quality`."""
        if len(shoppers) == 0:
            return
        most = int(shoppers.max()) + 1
        self.items = grown(self.items, most, fill=_NONE)
        self.current = grown(self.current, most, fill=_NONE)
        self.last_seen = grown(self.last_seen, most)
        quality.spread.make_room()
        hit_rates = np.zeros(len(shoppers) // BLOCK + 1)
        blocks = _score(
            shoppers, items, ts, gap_ms, self.items, self.current, self.last_seen, quality.spread.items, quality.sums,
            hit_rates,
        )  # fmt: skip
        if blocks:
            quality.watch(hit_rates[:blocks], int(ts.max()))

    def show_many(self, shoppers: Int32s, lists: Recommendations, quality: Quality) -> None:
        """Put new lists on show."""
        if len(shoppers) == 0:
            return
        self.items = grown(self.items, int(shoppers.max()) + 1, fill=_NONE)
        spread = quality.spread
        spread.make_room()
        _show(shoppers, lists.items, lists.lengths, self.items, spread.items, spread.counts)
        spread.turn_over()


@compiled
def _score(
    shoppers: Int32s,
    items: Int32s,
    ts: Int64s,
    gap_ms: int,
    shown: Int32s,
    current: Int32s,
    last_seen: Int64s,
    spread: Records,
    sums: Floats,
    hit_rates: Floats,
) -> int:
    """Add to the `sums`; return how many blocks of predictions were completed, their hit rates in `hit_rates`."""
    blocks = 0
    for i in range(len(shoppers)):
        shopper, item = shoppers[i], items[i]
        spread[item].actions += 1
        if current[shopper] >= 0 and current[shopper] != item and ts[i] - last_seen[shopper] <= gap_ms:
            gain = _reciprocal_rank(item, shown[shopper])
            sums[_PREDICTIONS] += 1
            sums[_HITS] += gain > 0.0
            sums[_RANKS] += gain
            sums[_LATELY] = _FADING * sums[_LATELY] + 1
            sums[_LATE_HITS] = _FADING * sums[_LATE_HITS] + (gain > 0.0)
            sums[_LATE_RANKS] = _FADING * sums[_LATE_RANKS] + gain
            sums[_IN_BLOCK] += 1
            sums[_BLOCK_HITS] += gain > 0.0
            if sums[_IN_BLOCK] == BLOCK:
                hit_rates[blocks] = sums[_BLOCK_HITS] / BLOCK
                blocks += 1
                sums[_IN_BLOCK] = sums[_BLOCK_HITS] = 0.0
        current[shopper] = item
        last_seen[shopper] = max(last_seen[shopper], ts[i])
    return blocks


@compiled
def _reciprocal_rank(item: int, shown: Int32s) -> float:
    for rank in range(len(shown)):
        if shown[rank] == item:
            return 1.0 / (rank + 1)
    return 0.0


@compiled
def _show(shoppers: Int32s, items: Int32s, lengths: Int32s, shown: Int32s, spread: Records, counts: Int64s) -> None:
    """Put lists into `shown`, and count who is in them."""
    places = popular = listed = 0
    window = counts[WINDOW]
    for n in range(len(shoppers)):
        row, length = shown[shoppers[n]], lengths[n]
        for rank in range(length):
            item = items[n, rank]
            row[rank] = item
            popular += spread[item].popular
            if spread[item].window != window:
                spread[item].window = window
                listed += 1
        row[length:] = _NONE
        places += length
    counts[LISTS] += len(shoppers)
    counts[PLACES] += places
    counts[POPULAR] += popular
    counts[LISTED] += listed
