"""The hit rate as the stream goes by, a curve for each contender."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streams.evaluating.measuring import Row
from streams.evaluating.plotting import new_figure


def rolling_hit_rate(hits: bytearray, window: int) -> NDArray[np.float64]:
    """The share of hits among the last `window` predictions, from the first full window on.

    >>> rolling_hit_rate(bytearray([1, 0, 0, 1]), 2)
    array([0.5, 0. , 0.5])
    """
    sums = np.cumsum([0, *hits])
    rates: NDArray[np.float64] = (sums[window:] - sums[:-window]) / window
    return rates


def plot_hit_rates(path: Path, rows: Sequence[Row], title: str, k: int) -> None:
    """Write the picture; beside each name is the hit rate over all.

    The window is a twentieth of the predictions, at least 100 and at most 5,000.
    """
    window = max(1, min(max(100, len(rows[0].hits) // 20), 5000, len(rows[0].hits)))
    figure, axes = new_figure()
    for row in sorted(rows, key=lambda row: -row.quality.hit_rate):
        rates = rolling_hit_rate(row.hits, window)
        first = row is rows[0]
        axes.plot(
            np.arange(window, window + len(rates)),
            rates,
            linewidth=2.4 if first else 1.2,
            zorder=3 if first else 2,
            label=f"{row.name} ({row.quality.hit_rate:.3f})",
        )
    axes.set_title(title)
    axes.set_xlabel("predictions so far, each made before its event was learned")
    axes.set_ylabel(f"hit rate@{k} over the last {window:,}")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", frameon=False)
    figure.savefig(path, dpi=150)
