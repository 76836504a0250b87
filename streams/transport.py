"""Faust's Kafka transport with a short fetch wait, and a consumer that begins where the state ends.

aiokafka has one fetch under way per broker, and leaves out partitions whose last records are not taken yet. So a
record waits until the fetch for the other partitions returns, which is when one of them has something, or when
the time is up; Faust sets that to 1.5 s, with no setting to change it. Ours is a blink, but for what
`streams.fetching` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from faust.transport.drivers import aiokafka as driver
from faust.types import TP

#: How long a broker may hold a fetch that finds less than `FETCH_BYTES`: what arrives meanwhile is processed together.
FETCH_WAIT_MS: Final = 5
FETCH_BYTES: Final = 16_384
#: The most that comes at once. More than 32 MiB would be memory that glibc asks the kernel for each time, page by page.
LARGEST_FETCH_BYTES: Final = 8 * 1024 * 1024


class PromptThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread, whose fetches return soon."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer: Any = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # all are read when the consumer starts
        consumer._fetch_min_bytes = FETCH_BYTES
        consumer._fetch_max_bytes = LARGEST_FETCH_BYTES
        return consumer


class PromptConsumer(driver.Consumer):
    """Faust's consumer on a `PromptThread`.

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

    def _new_consumer_thread(self) -> PromptThread:
        return PromptThread(self, loop=self.loop, beacon=self.beacon)


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
