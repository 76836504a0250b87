"""How far behind is the engine? End offsets from Kafka against the positions the workers report."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from streams.errors import ServerError
from streams.holding import HOLD_SECONDS, hold_seconds
from streams.kafka_admin import PATIENCE_MS
from streams.progress import parsed, partition_field
from streams.reading import open_redis, read
from streams.settings import Settings
from streams.topics import CLICKSTREAM, COVISITS, EXAMPLES, PURCHASES, REJECTED

#: What is fetched of a partition to see how old its next record is, and how long that may take.
_LOOKED_AT_BYTES: Final = 65_536
_LOOK_SECONDS: Final = 3.0
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
        For how long the next record has been in Kafka; 0 without lag, None if Kafka does not tell.
    stopped
        Why the partition is not processed, if something is wrong with it.
    """

    topic: str
    partition: int
    end: int
    processed: int
    lag: int
    seconds: float | None
    stopped: str | None = None


class Lag(msgspec.Struct, frozen=True):
    """All partitions; `total` in events, `seconds` the worst, `rejected` how many records were set aside.

    A total of 0 means that every record which was in Kafka when it was asked is folded, and that what its shopper reads
    is in Redis. What it means to other agents may still be held, see `streams.agents.outbox`; `LagMeter.is_quiet` waits
    for that, too.
    """

    total: int
    seconds: float | None
    rejected: int
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
        self._consumer = _connected(settings)

    def measure(self) -> Lag:
        """The lag now, in records and in seconds."""
        lag = self.count()
        first = {TopicPartition(p.topic, p.partition): p.processed for p in lag.partitions if p.lag}
        now_ms, received_ms = time.time() * 1000, self._received_ms(first)
        partitions = [
            msgspec.structs.replace(p, seconds=None if since is None else round(max(now_ms - since, 0.0) / 1000, 3))
            if p.lag
            else p
            for p in lag.partitions
            for since in [received_ms.get(TopicPartition(p.topic, p.partition))]
        ]
        return Lag(lag.total, _worst(partitions), lag.rejected, partitions)

    def count(self) -> Lag:
        """The lag now in records, which asks less of Kafka.

        Positions are read before end offsets, so that a total of 0 cannot hide a record.
        """
        prefix = self.settings.prefix
        positions: dict[str, str] = read(self._redis.hgetall, f"{prefix}progress")
        stopped: dict[str, str] = read(self._redis.hgetall, f"{prefix}stopped")
        try:
            tps, aside = self._partitions(_INPUTS), self._partitions([REJECTED])
            beginnings = self._consumer.beginning_offsets([*tps, *aside])
            ends = self._consumer.end_offsets([*tps, *aside])
        except KafkaError as error:
            raise ServerError(f"Kafka at {self.settings.kafka} does not tell its offsets ({error}).") from None
        partitions = [
            _partition_lag(
                tp, beginnings[tp], ends[tp], positions.get(partition_field(*tp)), stopped.get(partition_field(*tp))
            )
            for tp in tps
        ]
        rejected = sum(ends[tp] - beginnings[tp] for tp in aside)
        return Lag(sum(p.lag for p in partitions), _worst(partitions), rejected, partitions)

    def is_quiet(self) -> bool:
        """Whether everything is done, also what the agents tell each other: no lag now, nor when that has been told."""
        if (lag := self.count()).total:
            return False
        count = Counter(partition.topic for partition in lag.partitions)
        time.sleep(HOLD_SECONDS + hold_seconds(count[CLICKSTREAM], count[COVISITS]))
        return not self.count().total

    def close(self) -> None:
        """Let go of the connections."""
        self._consumer.close()
        self._redis.close()

    def _received_ms(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """When Kafka received the record at each offset; what it does not give within a moment is left out."""
        if not offsets:
            return {}
        found, deadline = dict[TopicPartition, int](), time.monotonic() + _LOOK_SECONDS
        consumer = _connected(self.settings)  # one that reads a few topics forgets where the others are
        try:
            consumer.assign(list(offsets))
            for tp, offset in offsets.items():
                consumer.seek(tp, offset)
            while len(found) < len(offsets) and time.monotonic() < deadline:
                for tp, records in consumer.poll(timeout_ms=200).items():
                    found.setdefault(tp, records[0].timestamp)
                    consumer.pause(tp)
        except KafkaError:  # a compression it cannot read, for one
            pass
        finally:
            consumer.close()
        return found

    def _partitions(self, topics: Iterable[str]) -> list[TopicPartition]:
        found: Iterable[tuple[str, set[int] | None]] = [
            (topic, self._consumer.partitions_for_topic(topic)) for topic in topics
        ]
        return [TopicPartition(topic, partition) for topic, ids in found for partition in sorted(ids or ())]


def _connected(settings: Settings) -> KafkaConsumer:
    try:
        return KafkaConsumer(
            bootstrap_servers=settings.kafka.split(","),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=_LOOKED_AT_BYTES,
            bootstrap_timeout_ms=PATIENCE_MS,
        )
    except (KafkaError, OSError, ValueError) as error:
        raise ServerError(
            f"Kafka does not answer at {settings.kafka} ({error}): start it or set UPWELL_KAFKA."
        ) from None


def _partition_lag(
    tp: TopicPartition, beginning: int, end: int, position: str | None, stopped: str | None
) -> PartitionLag:
    processed = max(parsed(position).next_offset, beginning) if position else beginning
    if processed > end:  # nothing of what is there now was processed
        complaint = f"processed up to {processed}, and the topic ends at {end}: it was deleted or cut off"
        return PartitionLag(tp.topic, tp.partition, end, beginning, end - beginning, None, stopped or complaint)
    lag = end - processed
    return PartitionLag(tp.topic, tp.partition, end, processed, lag, None if lag else 0.0, stopped)


def _worst(partitions: Iterable[PartitionLag]) -> float | None:
    """The longest that a record waits; None where records wait and of none it is known for how long."""
    waiting = [p for p in partitions if p.lag]
    return max((p.seconds for p in waiting if p.seconds is not None), default=None if waiting else 0.0)
