"""Scaling curves as a picture."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from streams.errors import SettingsError


def check_plotting() -> None:
    """Refuse to draw where there is nothing to draw with, before anything is measured.

    Raises
    ------
    SettingsError
        matplotlib is missing.
    """
    if find_spec("matplotlib") is None:
        raise SettingsError("--plot needs matplotlib: run `pip install 'upwell[plot]'`, or leave it out.")


def plot(report: dict[str, Any], path: Path) -> None:
    """Draw cost relative to the base along every axis; the goal is the band."""
    from matplotlib.figure import Figure

    axes = list(report["spread"])
    figure = Figure(figsize=(4 * len(axes), 3.2), layout="constrained")
    for place, name in enumerate(axes, 1):
        panel = figure.add_subplot(1, len(axes), place)
        points = [point for point in report["points"] if point["axis"] == name]
        panel.axhspan(1 - report["goal"], 1 + report["goal"], alpha=0.15)
        panel.plot([point["value"] for point in points], [point["ratio_to_base"] for point in points], "o-")
        panel.set(xscale="log", xlabel=name, ylabel="cost per event, base = 1", ylim=(0, None))
    figure.savefig(path, dpi=150)
