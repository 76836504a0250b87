"""Scaling curves as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def plot(report: dict[str, Any], path: Path) -> None:
    """Draw cost relative to the base along every axis, from lowest to highest; the goal is the band."""
    from matplotlib.figure import Figure

    axes = list(report["spread"])
    figure = Figure(figsize=(3.6 * len(axes), 3.2), layout="constrained")
    panels = figure.subplots(1, len(axes), sharey=True, squeeze=False)[0]
    for panel, name in zip(panels, axes, strict=True):
        points = [point for point in report["points"] if point["axis"] == name]
        values, ratios = [point["value"] for point in points], [point["ratio_to_base"] for point in points]
        low = [point["ratio_to_base"] - point["ratio_range"][0] for point in points]
        high = [point["ratio_range"][1] - point["ratio_to_base"] for point in points]
        panel.axhspan(1 - report["goal"], 1 + report["goal"], alpha=0.15, label=f"within {report['goal']:.0%}")
        panel.errorbar(values, ratios, yerr=(low, high), fmt="o-", capsize=3)
        panel.set(xscale="log", xlabel=name.replace("_", " "))
        panel.set_xticks(values, [f"{value:,}" for value in values])
        panel.minorticks_off()
    # Not panel by panel: the first limit would end the scaling of all.
    panels[0].set_ylim(0, 1.05 * max(1 + report["goal"], *(point["ratio_range"][1] for point in report["points"])))
    panels[0].set_ylabel("processor time per event, base = 1")
    panels[0].legend(loc="lower right")
    figure.savefig(path, dpi=150)
