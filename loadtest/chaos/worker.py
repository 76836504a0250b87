"""`upwell worker` that can be put to sleep, with a sabotage if one is given: `python -m loadtest.chaos.worker`."""

from __future__ import annotations

import os
import sys

from loadtest.chaos.sabotage import VARIABLE, apply, doze_when_told
from streams.cli import main

if __name__ == "__main__":
    doze_when_told()
    if sabotage := os.environ.get(VARIABLE):
        apply(sabotage)
    sys.exit(main(["worker", *sys.argv[1:]]))
