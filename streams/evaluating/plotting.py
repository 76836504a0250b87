"""Pictures need matplotlib, which not everybody has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from streams.errors import SettingsError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def new_figure(width: float = 9.0, height: float = 5.0) -> tuple[Figure, Axes]:
    """An empty picture, in inches, with one pair of axes.

    Raises
    ------
    SettingsError
        matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SettingsError("--plot needs matplotlib, which is not installed: pip install 'upwell[plot]'") from error
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def check_picture(path: Path) -> None:
    """Say at once, not after minutes of work, that no picture can be written to this path.

    Raises
    ------
    SettingsError
        The name ends neither in .png nor in .svg, the folder is missing, or matplotlib is.
    """
    if path.suffix.lower() not in (".png", ".svg"):
        raise SettingsError(f"--plot {path}: a picture is a .png or an .svg; give it such a name")
    if not path.parent.is_dir():
        raise SettingsError(f"--plot {path}: there is no folder {path.parent}; make it first")
    new_figure()
