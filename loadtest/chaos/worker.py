"""`upwell worker` with a sabotage applied: `python -m loadtest.chaos.worker`; see `loadtest.chaos.sabotage`."""

from __future__ import annotations

import os
import sys

from loadtest.chaos.sabotage import VARIABLE, apply
from streams.cli import main

if __name__ == "__main__":
    if sabotage := os.environ.get(VARIABLE):
        apply(sabotage)
    sys.exit(main(["worker", *sys.argv[1:]]))
