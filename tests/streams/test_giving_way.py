import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from streams.giving_way import give_way

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="scheduling classes of Linux")


def _yields(monkeypatch: pytest.MonkeyPatch, policy: int) -> int:
    """How often a thread of this class yields its core."""
    yields: list[None] = []
    monkeypatch.setattr(os, "sched_yield", lambda: yields.append(None))

    def run() -> None:
        os.sched_setscheduler(0, policy, os.sched_param(0))
        give_way()

    with ThreadPoolExecutor(1) as threads:
        threads.submit(run).result()
    return len(yields)


def test_who_goes_last_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _yields(monkeypatch, os.SCHED_IDLE) == 1


@pytest.mark.parametrize("policy", ["SCHED_OTHER", "SCHED_BATCH"])
def test_all_others_keep_their_core(monkeypatch: pytest.MonkeyPatch, policy: str) -> None:
    assert _yields(monkeypatch, getattr(os, policy)) == 0
