"""Would the shopper have seen it? The lists on show, and how often the next item was in them."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from river.drift import ADWIN

from online_models.compiled import Floats, Int32s, Int64s, Structs, compiled
from online_models.recency import OLDEST, enter, has_room, leave, move_to_newest, nobody
from online_models.recommendation import Recommendations
from online_models.reserve import extended, long_enough
from online_models.spread import LISTED, LISTS, PLACES, POPULAR, WINDOW, Spread
from online_models.vocabulary import Vocabulary

_NONE: Final = -1
#: A shopper who acted lately: on what last, and when.
_VISITOR: Final = np.dtype(
    [
        ("last_seen", np.int64),
        ("shopper", np.int32),
        ("older", np.int32),
        ("newer", np.int32),
        ("current", np.int32),
    ]
)
#: The place in `_Visitors.ends` behind those of `online_models.recency`.
_NOW: Final = 4
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


class _Visitors(NamedTuple):
    """Who acted lately, in rows.

    Attributes
    ----------
    row
        By shopper, -1 for those who did not act lately.
    rows, ends
        Records `_VISITOR` in order of their last action, see `online_models.recency`; and, at `_NOW`, the highest time.
    shown
        By row, the list on show.
    """

    row: Int32s
    rows: Structs
    ends: Int64s
    shown: Int32s


class ListsOnShow:
    """The last list written for every visitor of a partition, scored against what the visitor does next.

    A list is counted only if it was written before the event that tests it, and in the same session: this is what
    visitors of the shop experienced, delays included. It is a measurement, not state: a restart begins it anew. Only
    those who acted lately have a row, which is taken over once they were away for two session gaps.
    """

    def __init__(self, length: int) -> None:
        self.visitors = _Visitors(
            row=np.full(64, _NONE, np.int32),
            rows=np.zeros(64, _VISITOR),
            ends=np.append(nobody(), 0),
            shown=np.zeros((64, length), np.int32),
        )

    def score_many(self, shoppers: Int32s, items: Int32s, ts: Int64s, gap_ms: int, quality: Quality) -> None:
        """Score events (impressions left out) against the lists on show, adding to `quality`."""
        if len(shoppers) == 0:
            return
        self._know(int(shoppers.max()))
        quality.spread.make_room()
        done = 0
        while done < len(shoppers):
            hit_rates = np.zeros(len(shoppers) // BLOCK + 1)
            done, blocks = _score(
                done, shoppers, items, ts, gap_ms, self.visitors, quality.spread.items, quality.sums, hit_rates
            )
            if blocks:
                quality.watch(hit_rates[:blocks], int(ts.max()))
            if done < len(shoppers):
                rows, shown = self.visitors.rows, self.visitors.shown
                more = len(rows) + 1
                self.visitors = self.visitors._replace(rows=extended(rows, more), shown=extended(shown, more))

    def show_many(self, shoppers: Int32s, lists: Recommendations, quality: Quality) -> None:
        """Put new lists on show."""
        if len(shoppers) == 0:
            return
        self._know(int(shoppers.max()))
        spread = quality.spread
        spread.make_room()
        _show(shoppers, lists.items, lists.lengths, self.visitors, spread.items, spread.counts)
        spread.turn_over()

    def _know(self, shopper: int) -> None:
        self.visitors = self.visitors._replace(row=long_enough(self.visitors.row, shopper + 1, fill=_NONE))


@compiled
def _score(
    done: int,
    shoppers: Int32s,
    items: Int32s,
    ts: Int64s,
    gap_ms: int,
    visitors: _Visitors,
    spread: Structs,
    sums: Floats,
    hit_rates: Floats,
) -> tuple[int, int]:
    """Add to the `sums` from event number `done` on.

    Returns how many events are done, fewer than all where rows have run out, and how many blocks of predictions were
    completed, their hit rates in `hit_rates`.
    """
    blocks = 0
    for i in range(done, len(shoppers)):
        row = _row_of(shoppers[i], ts[i], gap_ms, visitors)
        if row < 0:
            return i, blocks
        visitor, item = visitors.rows[row], items[i]
        spread[item].actions += 1
        if ts[i] - visitor.last_seen > gap_ms:
            visitors.shown[row] = _NONE
        elif visitor.current >= 0 and visitor.current != item:
            gain = _reciprocal_rank(item, visitors.shown[row])
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
        visitor.current = item
        visitor.last_seen = max(visitor.last_seen, ts[i])
    return len(shoppers), blocks


@compiled
def _row_of(shopper: int, ts: int, gap_ms: int, visitors: _Visitors) -> int:
    """The row of a shopper who acts now; -1 if there have to be more rows first."""
    rows, ends = visitors.rows, visitors.ends
    ends[_NOW] = max(ends[_NOW], ts)
    row = visitors.row[shopper]
    if row >= 0:
        move_to_newest(row, rows, ends)
        return int(row)
    oldest = ends[OLDEST]
    if oldest >= 0 and ends[_NOW] - rows[oldest].last_seen > 2 * gap_ms:
        visitors.row[rows[oldest].shopper] = _NONE
        leave(oldest, rows, ends)
    if not has_room(rows, ends):
        return -1
    row = enter(shopper, rows, ends)
    rows[row].current, rows[row].last_seen = _NONE, 0
    visitors.shown[row] = _NONE
    visitors.row[shopper] = row
    return int(row)


@compiled
def _reciprocal_rank(item: int, shown: Int32s) -> float:
    for rank in range(len(shown)):
        if shown[rank] == item:
            return 1.0 / (rank + 1)
    return 0.0


@compiled
def _show(
    shoppers: Int32s, items: Int32s, lengths: Int32s, visitors: _Visitors, spread: Structs, counts: Int64s
) -> None:
    """Show lists to those who acted lately, and count what is in all of them."""
    places = popular = listed = 0
    window = counts[WINDOW]
    for n in range(len(shoppers)):
        row, length = visitors.row[shoppers[n]], lengths[n]
        if row >= 0:
            visitors.shown[row, :length] = items[n, :length]
            visitors.shown[row, length:] = _NONE
        for rank in range(length):
            item = items[n, rank]
            popular += spread[item].popular
            if spread[item].window != window:
                spread[item].window = window
                listed += 1
        places += length
    counts[LISTS] += len(shoppers)
    counts[PLACES] += places
    counts[POPULAR] += popular
    counts[LISTED] += listed
