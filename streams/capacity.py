"""How many workers, how much memory, how long a recovery: arithmetic on a few measured coefficients."""

from __future__ import annotations

import math
from typing import Final

import msgspec

from streams.settings import Settings

#: A worker is planned to use so much of its core; the rest is for peaks, and for catching up after a failure.
UTILISATION: Final = 0.6
#: Partitions per worker, so that there can be twice as many workers: to add some later moves shoppers between them.
PARTITIONS_PER_WORKER: Final = 2


class Coefficients(msgspec.Struct, frozen=True):
    """What one machine was measured to need; `python -m loadtest coefficients --json` prints yours.

    The defaults are what that command printed for docs/capacity.md, where machine, versions and data are told.

    Attributes
    ----------
    cpu_us_per_event
        Processor time of a worker, all three agents, in microseconds.
    start_seconds
        From the start of a worker until its first event, kernels compiled before.
    worker_fixed_bytes
        Resident memory of a worker beyond the state of its models: Python, libraries, compiled kernels, buffers.
    worker_partition_bytes
        Event ids of one input partition that are remembered, at most.
    worker_user_bytes
        State of one user, in the worker that owns it, and its share of the copy that checkpoints are packed from, with
        two partitions.
    worker_item_bytes
        State of one item, in the worker that owns it.
    worker_known_item_bytes
        What every worker keeps of every item: its id, and its neighbours as read back.
    redis_user_bytes, redis_item_bytes
        All keys of one user, and of one item.
    checkpoint_user_bytes, checkpoint_item_bytes
        In the newest checkpoints.
    checkpoint_load_bytes_per_second
        How fast a checkpoint is read and brought back to life.
    internal_bytes_per_event
        What the agents send each other through Kafka.
    """

    cpu_us_per_event: float = 6.56
    start_seconds: float = 3.03
    worker_fixed_bytes: float = 473000000.0
    worker_partition_bytes: float = 33600000.0
    worker_user_bytes: float = 455.0
    worker_item_bytes: float = 2420.0
    worker_known_item_bytes: float = 758.0
    redis_user_bytes: float = 1210.0
    redis_item_bytes: float = 1980.0
    checkpoint_user_bytes: float = 338.0
    checkpoint_item_bytes: float = 1900.0
    checkpoint_load_bytes_per_second: float = 688000000.0
    internal_bytes_per_event: float = 343.0


class Demand(msgspec.Struct, frozen=True):
    """What is asked of the engine: events per second at the busiest, users and items that are remembered."""

    events_per_second: float
    users: int
    items: int


class Timing(msgspec.Struct, frozen=True):
    """Settings that decide how long a recovery takes: `session_seconds` and `checkpoint_seconds`."""

    session_seconds: float
    checkpoint_seconds: float


class Plan(msgspec.Struct, frozen=True):
    """What that takes.

    Attributes
    ----------
    workers, partitions, item_partitions
        A worker is one process on one core.
    worker_utilisation
        Share of its core that each uses at the busiest.
    worker_bytes
        Memory of each worker.
    redis_bytes, checkpoint_bytes
        In all; of checkpoints one generation, and while the next is written there are two.
    internal_bytes_per_second
        What the agents send each other through Kafka.
    recovery_seconds
        After a worker was killed at the busiest hour, until its events are as fresh as before: Kafka notices, another
        starts, loads the checkpoints and catches up.
    """

    workers: int
    partitions: int
    item_partitions: int
    worker_utilisation: float
    worker_bytes: int
    redis_bytes: int
    checkpoint_bytes: int
    internal_bytes_per_second: int
    recovery_seconds: float


def plan(demand: Demand, found: Coefficients, timing: Timing) -> Plan:
    """The smallest deployment that does it with room to spare.

    >>> need = plan(Demand(100_000, 1_000_000, 100_000), Coefficients(cpu_us_per_event=10), Timing(12, 10))
    >>> need.workers, need.partitions, round(need.worker_utilisation, 2)
    (2, 4, 0.5)
    """
    cores = demand.events_per_second * found.cpu_us_per_event / 1e6
    workers = max(1, math.ceil(cores / UTILISATION))
    partitions = workers * PARTITIONS_PER_WORKER
    checkpoint = demand.users * found.checkpoint_user_bytes + demand.items * found.checkpoint_item_bytes
    return Plan(
        workers=workers,
        partitions=partitions,
        item_partitions=max(workers, Settings.item_partitions),
        worker_utilisation=cores / workers,
        worker_bytes=round(_worker_bytes(demand, found, workers, partitions)),
        redis_bytes=round(demand.users * found.redis_user_bytes + demand.items * found.redis_item_bytes),
        checkpoint_bytes=round(checkpoint),
        internal_bytes_per_second=round(demand.events_per_second * found.internal_bytes_per_event),
        recovery_seconds=_recovery_seconds(checkpoint / workers, cores / workers, found, timing),
    )


def _worker_bytes(demand: Demand, found: Coefficients, workers: int, partitions: int) -> float:
    owned = demand.users * found.worker_user_bytes + demand.items * found.worker_item_bytes
    everywhere = demand.items * found.worker_known_item_bytes
    return found.worker_fixed_bytes + everywhere + (owned + partitions * found.worker_partition_bytes) / workers


def _recovery_seconds(checkpoint: float, utilisation: float, found: Coefficients, timing: Timing) -> float:
    """Events wait from the last checkpoint on; what is not needed for new events works them off."""
    silence = timing.session_seconds + found.start_seconds + checkpoint / found.checkpoint_load_bytes_per_second
    waiting = silence + timing.checkpoint_seconds
    return silence + waiting * utilisation / (1 - utilisation)
