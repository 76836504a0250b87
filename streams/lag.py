"""How far behind is the engine? End offsets from Kafka against the positions the workers report."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from streams.errors import ServerError
from streams.progress import field, parsed
from streams.reading import open_redis, read
from streams.settings import Settings
from streams.topics import CLICKSTREAM, COVISITS, EXAMPLES, HOLD_SECONDS, PATIENCE_MS, PURCHASES, hold_seconds

_INPUTS: Final = (CLICKSTREAM, PURCHASES, COVISITS, EXAMPLES)


class PartitionLag(msgspec.Struct, frozen=True):
    """One partition.

    Attributes
    ----------
    topic, partition
        Which.
    end, processed
        The offset the next record will get, and the one the engine will process next.
    lag
        Records in between.
    seconds
        Age of the last processed record, as Kafka received it, while there is lag; 0 without lag.
    stopped
        Why the partition is stopped, if it is.
    """

    topic: str
    partition: int
    end: int
    processed: int
    lag: int
    seconds: float
    stopped: str | None = None


class Lag(msgspec.Struct, frozen=True):
    """All partitions; `total` in events, `seconds` the worst. A total of 0 means that every record which was in
    Kafka when it was asked is folded, and that what its shopper reads is in Redis. What it means to other agents may
    still be held, see `streams.agents.outbox`; `LagMeter.is_quiet` waits for that, too."""

    total: int
    seconds: float
    partitions: list[PartitionLag]


class LagMeter:
    """Measures lag; keep it to measure again and again.

    Raises
    ------
    ServerError
        Kafka or Redis does not answer.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._redis = open_redis(settings)
        try:
            self._consumer = KafkaConsumer(
                bootstrap_servers=settings.kafka.split(","), enable_auto_commit=False, bootstrap_timeout_ms=PATIENCE_MS
            )
        except (KafkaError, OSError, ValueError) as error:
            raise ServerError(
                f"Kafka does not answer at {settings.kafka} ({error}): start it or set UPWELL_KAFKA."
            ) from None

    def measure(self) -> Lag:
        """The lag now.

        Positions are read before end offsets, so that a total of 0 cannot hide a record.
        """
        prefix = self.settings.prefix
        positions: dict[str, str] = read(self._redis.hgetall, f"{prefix}progress")
        stopped: dict[str, str] = read(self._redis.hgetall, f"{prefix}stopped")
        try:
            tps = self._partitions()
            beginnings, ends = self._consumer.beginning_offsets(tps), self._consumer.end_offsets(tps)
        except KafkaError as error:
            raise ServerError(f"Kafka at {self.settings.kafka} does not tell its offsets ({error}).") from None
        now_ms = time.time() * 1000
        partitions = [
            _partition_lag(tp, beginnings[tp], ends[tp], positions.get(field(*tp)), stopped.get(field(*tp)), now_ms)
            for tp in tps
        ]
        return Lag(sum(p.lag for p in partitions), max((p.seconds for p in partitions), default=0.0), partitions)

    def is_quiet(self) -> bool:
        """Whether everything is done, also what the agents tell each other: no lag now, nor when that has been told."""
        if (lag := self.measure()).total:
            return False
        count = Counter(partition.topic for partition in lag.partitions)
        time.sleep(HOLD_SECONDS + hold_seconds(count[CLICKSTREAM], count[COVISITS]))
        return not self.measure().total

    def close(self) -> None:
        """Let go of the connections."""
        self._consumer.close()
        self._redis.close()

    def _partitions(self) -> list[TopicPartition]:
        found: Iterable[tuple[str, set[int] | None]] = [
            (topic, self._consumer.partitions_for_topic(topic)) for topic in _INPUTS
        ]
        return [TopicPartition(topic, partition) for topic, ids in found for partition in sorted(ids or ())]


def _partition_lag(
    tp: TopicPartition, beginning: int, end: int, position: str | None, stopped: str | None, now_ms: float
) -> PartitionLag:
    processed, timestamp = parsed(position) if position else (beginning, None)
    lag = max(end - max(processed, beginning), 0)
    seconds = max(now_ms - timestamp, 0.0) / 1000 if lag and timestamp is not None else 0.0
    return PartitionLag(tp.topic, tp.partition, end, processed, lag, round(seconds, 3), stopped)
