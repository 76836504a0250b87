"""Where upwell keeps what it has downloaded."""

import os
import sys
from pathlib import Path

from streams.errors import ServerError


def cache_folder() -> Path:
    """Return the user's cache folder for upwell; it need not exist yet.

    UPWELL_CACHE, else XDG_CACHE_HOME, else what is usual on the system. Raises ServerError without a home.
    """
    if override := os.environ.get("UPWELL_CACHE"):
        return Path(override).absolute()
    xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The XDG specification says to ignore a relative path.
    if xdg.is_absolute():
        return xdg / "upwell"
    return _home() / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "upwell"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        # A container under a user number that no user has.
        raise ServerError("There is no home folder to keep Kafka's jars in: set UPWELL_CACHE to a folder.") from error
