"""Faust's Kafka transport with a consumer that begins where the state ends, and fetches when there is time for it.

aiokafka has one fetch under way per broker, and leaves out partitions whose last records are not taken yet. So a
record waits until the fetch for the other partitions returns, which is when one of them has something, or when
the time is up; Faust sets that to 1.5 s, with no setting to change it. `streams.fetching` says what it is here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from faust.transport.drivers import aiokafka as driver
from faust.types import TP


class PromptConsumer(driver.Consumer):
    """Faust's consumer, which can be told how busy agents are.

    Faust seeks to the committed offsets. Those are mostly right, but an operator may have moved them, and a damaged
    checkpoint makes us begin before them: what counts is the offset that the state wants next.
    """

    async def perform_seek(self) -> None:
        """Faust's hook after a rebalance, and when records arrived too early."""
        await super().perform_seek()
        assigned = self.assignment()
        transport: Any = self.transport
        for tp, offset in transport.expected().items():
            if tp in assigned:
                await self.seek(tp, offset)

    async def _seek(self, partition: TP, offset: int) -> None:
        """In the thread that fetches: aiokafka wakes whoever waits for records, which only that thread may do."""
        thread: Any = self._thread
        await thread.call_thread(thread._ensure_consumer().seek, partition, offset)

    def set_backlog(self, has_backlog: bool) -> None:
        """Say whether agents have so much to do that new records need not come soon."""
        consumer: Any = self._thread._consumer
        if consumer is not None:  # it is None before the start and after the end
            consumer._fetcher.has_backlog = has_backlog

    def set_turn_seconds(self, seconds: float) -> None:
        """Say how long agents took for what they had last."""
        consumer: Any = self._thread._consumer
        if consumer is not None:
            consumer._fetcher.turn_seconds = seconds


class PromptTransport(driver.Transport):
    """Faust's transport with a `PromptConsumer`.

    Attributes
    ----------
    expected
        Tells the offset wanted next, per partition.
    """

    Consumer = PromptConsumer

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.expected: Callable[[], Mapping[TP, int]] = dict
