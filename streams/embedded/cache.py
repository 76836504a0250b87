"""Where upwell keeps what it has downloaded."""

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """Return the user's cache folder for upwell (UPWELL_CACHE overrides it); it need not exist yet."""
    if override := os.environ.get("UPWELL_CACHE"):
        return Path(override).absolute()
    if sys.platform == "darwin":
        return Path("~/Library/Caches/upwell").expanduser()
    xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The XDG specification says to ignore a relative path.
    base = xdg if xdg.is_absolute() else Path("~/.cache").expanduser()
    return base / "upwell"
