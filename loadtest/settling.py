"""Wait until a worker has nothing left to do: no list to write, and none to improve when there is time.

Who came before the models knew what goes with an item gets a better list later, 500 shoppers of a partition a second.
After a preload that is everybody, and would otherwise be counted as the price of the events that follow.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from loadtest.correctness import worker_counters
from loadtest.live_worker import LiveWorker
from streams.settings import Settings

#: A shoppers partition looks once a second for lists that could be better.
_STILL_SECONDS: Final = 2.5
_POLL_SECONDS: Final = 0.5
#: A little longer than from one checkpoint to the next, unless somebody said otherwise.
_CHECKPOINT_SECONDS: Final = 12.0


def wait_until_settled(worker: LiveWorker, settings: Settings) -> int:
    """Return how many lists were ever written, once no more are.

    Raises
    ------
    EngineError
        The worker ended.
    """
    lists, since = -1, time.monotonic()
    while time.monotonic() - since < _STILL_SECONDS:
        worker.check()
        counted = worker_counters(settings)
        if (now := counted["lists"]) != lists or counted["unwritten_similar"]:
            lists, since = now, time.monotonic()
        time.sleep(_POLL_SECONDS)
    return lists


def wait_for_checkpoint(worker: LiveWorker, checkpoints: Path) -> None:
    """Return once all shoppers have been copied for a checkpoint; from then on the worker keeps memory for that.

    Where nothing came in since the last one, there is none to wait for.

    Raises
    ------
    EngineError
        The worker ended.
    """
    known = set(checkpoints.rglob("shoppers-*/*.checkpoint"))
    since = time.monotonic()
    while time.monotonic() - since < _CHECKPOINT_SECONDS and known >= set(checkpoints.rglob("shoppers-*/*.checkpoint")):
        worker.check()
        time.sleep(_POLL_SECONDS)
