"""Lets others have the core between two steps, where the worker was told to go last (`chrt --idle 0`).

Linux hands a core to whoever has had less than its share of it, the idle class too, and takes it back only when
somebody of a higher class wakes up: a Redis that a front end has interrupted would wait for a whole step of ours.
A worker of the ordinary class does not do this: its lists would come later.
"""

from __future__ import annotations

import os
import sys

if sys.platform == "linux":

    def goes_last() -> bool:
        """Whether this thread is of the idle class."""
        return os.sched_getscheduler(0) == os.SCHED_IDLE

    def give_way() -> None:
        """Let everybody of a higher class who waits for this core go first, if this thread is of the idle class."""
        if goes_last():
            os.sched_yield()

else:

    def goes_last() -> bool:
        """No: there is no idle class here."""
        return False

    def give_way() -> None:
        """Do nothing: there is no idle class here."""
