"""The reliability diagram: what was predicted against what happened."""

from __future__ import annotations

from pathlib import Path

from online_models.probability_metrics import Reliability
from streams.evaluating.plotting import new_figure


def plot_reliability(path: Path, bins: Reliability, title: str) -> None:
    """Write the picture: a point per bin, beside the line on which every prediction would be right."""
    figure, axes = new_figure(6.0, 6.0)
    end = 1.1 * max(bins.predicted.max(), bins.happened.max())
    axes.plot([0.0, end], [0.0, end], color="gray", linewidth=1.0, linestyle="--", label="perfectly calibrated")
    axes.plot(bins.predicted, bins.happened, marker="o", label=f"upwell, calibration error {bins.error:.4f}")
    axes.set_title(title)
    axes.set_xlabel(f"mean predicted probability, {len(bins.sizes)} bins of equal numbers")
    axes.set_ylabel("share that bought")
    axes.set_xlim(0.0, end)
    axes.set_ylim(0.0, end)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)
