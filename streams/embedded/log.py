"""Find the line of a server's log that says what went wrong."""

import re
from pathlib import Path

TROUBLE = re.compile(r"error|exception|fatal|cannot|failed", re.IGNORECASE)
STACK_FRAME = re.compile(r"\s*(at |\.\.\. \d+ more)")
LENGTH = 300


def last_error(log: Path) -> str:
    """Return the last line of `log` that speaks of trouble, else the last one, else a note that it is empty.

    >>> import tempfile
    >>> log = Path(tempfile.mkdtemp()) / "kafka.log"
    >>> _ = log.write_text("BindException: Address already in use\\n\\tat sun.nio.ch.Net.bind\\nbye\\n")
    >>> last_error(log)
    'BindException: Address already in use'
    """
    try:
        text = log.read_text(errors="replace")
    except OSError as error:
        return f"its log cannot be read: {error.strerror}"
    lines = [line.strip() for line in text.splitlines() if line.strip() and not STACK_FRAME.match(line)]
    troubles = [line for line in lines if TROUBLE.search(line)]
    last = (troubles or lines or ["it wrote nothing"])[-1]
    return last if len(last) <= LENGTH else last[:LENGTH] + "…"
