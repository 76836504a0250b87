"""Writing the values of a partition again that Redis has lost."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator
from typing import Final

from streams.agent import Agent
from streams.outputs import Outputs
from streams.redis_writer import RedisWriter

#: How often whoever has nothing to do looks whether Redis still has its values.
LOOK_SECONDS: Final = 3.0
#: How often whoever waits for the values of others looks whether they are back.
_WAIT_SECONDS: Final = 1.0


class Repair:
    """Writes all values of a partition again, in portions, between which events are folded.

    What is made of other values in Redis, as lists of recommendations are of lists of similar items, is written twice:
    at once, for something is better than nothing, and again when those are there, which were lost as well.

    Attributes
    ----------
    due
        When there is something to do, on the monotonic clock.
    """

    def __init__(self, agent: Agent, partition: int, writer: RedisWriter) -> None:
        self.due = -math.inf
        self._agent = agent
        self._partition = partition
        self._owner = f"{agent.name}:{partition}"
        self._writer = writer
        self._losses = -1
        self._portions: AsyncIterator[Outputs] | None = None
        self._is_last = self._has_written = False
        self._back_since: float | None = None

    @property
    def is_new(self) -> bool:
        """Whether nothing was written yet since the last loss."""
        return self._losses != self._writer.fences[self._owner].losses

    async def portion(self) -> Outputs | None:
        """The next values to write, None if there are none now; the partition is whole once all are written."""
        if self.is_new:
            self._losses, self._is_last = self._writer.fences[self._owner].losses, not self._agent.reads.owners
            self._begin()
        elif self._portions is None:
            if not await self._are_others_back():
                return None
            self._is_last = True
            self._begin()
        assert self._portions is not None
        outputs = await anext(self._portions, None)
        if outputs is None:
            await self._end()
        self._has_written = self._has_written or outputs is not None
        return outputs

    def _begin(self) -> None:
        self._portions, self._has_written = self._agent.everything(self._partition), False
        self._back_since, self.due = None, -math.inf

    async def _end(self) -> None:
        self._portions = None
        if self._is_last or not self._has_written:
            self._losses = -1
            await self._writer.make_whole(self._owner)

    async def _are_others_back(self) -> bool:
        """Whether what the values are made of is in Redis, and has been for so long that it was read from there."""
        now = time.monotonic()
        if not await self._writer.are_whole(self._agent.reads.owners):
            self._back_since, self.due = None, now + _WAIT_SECONDS
            return False
        if self._back_since is None:  # or whoever lost values has not noticed it yet
            self._back_since = now
        self.due = self._back_since + LOOK_SECONDS + self._agent.reads.seconds
        return now >= self.due
