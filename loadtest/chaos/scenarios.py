"""The scenarios by name: what is done to the engine, and how often."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from loadtest.chaos import checkpoint_faults, input_faults, network_faults, server_faults, worker_faults
from loadtest.chaos.arena import Arena


@dataclass(frozen=True)
class Scenario:
    """One kind of fault.

    Attributes
    ----------
    purpose
        One line for the table.
    amount, short_amount
        How many faults with `--full`, and how many take a minute or two.
    inflict
        Does so many of them.
    through_proxies, two_topics, duplicate_share, more
        See `loadtest.chaos.arena.Setting`.
    """

    purpose: str
    amount: int
    short_amount: int
    inflict: Callable[[Arena, int], None]
    through_proxies: bool = False
    two_topics: bool = False
    duplicate_share: float = 0.01
    more: dict[str, str] = field(default_factory=dict)


def _medley(arena: Arena, rounds: int) -> None:
    """A little of everything, in the same shop: every fault meets what the ones before have left behind."""
    for _ in range(rounds):
        for name, amount in _MEDLEY.items():
            SCENARIOS[name].inflict(arena, amount)


#: Every scenario but those that need an arena of their own.
_MEDLEY: Final = {
    "poison": 200,
    "kill": 1,
    "points": 2,
    "rolling": 1,
    "network": 2,
    "redis-errors": 5,
    "redis-restart": 1,
    "redis-flush": 1,
    "kafka": 1,
    "scaling": 1,
    "zombies": 1,
    "checkpoints": 1,
    "offsets": 1,
    "retention": 1,
}

SCENARIOS: Final[Mapping[str, Scenario]] = {
    "kill": Scenario("kill -9 of a random worker at a random moment", 100, 10, worker_faults.kill),
    "kill-two-topics": Scenario(
        "the same, with purchases in a topic of their own: counts are exact", 20, 4, worker_faults.kill, two_topics=True
    ),
    "points": Scenario(
        "kill -9 after fold, Redis, checkpoint file, rename, commit", 100, 10, worker_faults.kill_at_points
    ),
    "rolling": Scenario("SIGTERM to one worker after the other", 50, 6, worker_faults.rolling_restart),
    "scaling": Scenario("workers added and removed, storms of 3 in 5 s", 60, 12, worker_faults.scale),
    "zombies": Scenario("SIGSTOP past the session timeout, then SIGCONT", 30, 3, worker_faults.zombies),
    "kafka": Scenario("Kafka stopped or killed, and started with its data", 20, 3, server_faults.restart_kafka),
    "redis-restart": Scenario("Redis stopped or killed, and started with its data", 30, 4, server_faults.restart_redis),
    "redis-flush": Scenario("FLUSHALL", 10, 2, server_faults.flush_redis),
    "redis-errors": Scenario(
        "Redis slow (2 s), out of memory, read-only, connections reset, replies lost",
        200,
        20,
        server_faults.redis_errors,
        through_proxies=True,
    ),
    "network": Scenario(
        "latency, reset, cut, cut in mid-frame, to Kafka or Redis",
        100,
        12,
        network_faults.break_network,
        through_proxies=True,
    ),
    "duplicates": Scenario(
        "events sent twice within the dedupe window", 10_000, 1000, input_faults.duplicates, duplicate_share=0.3
    ),
    "poison": Scenario(
        "malformed, numeric poison, JSON bombs, hostile ids",
        66_000,
        5000,
        input_faults.poison,
        more={"UPWELL_MAX_REJECTED_SHARE": "1.0"},
    ),
    "checkpoints": Scenario(
        "newest checkpoint damaged, cut short, emptied, deleted, of another version; disk full, not writable",
        80,
        6,
        checkpoint_faults.damage,
    ),
    "offsets": Scenario(
        "committed offset moved ahead, back, or deleted by an operator", 15, 3, checkpoint_faults.move_offsets
    ),
    "retention": Scenario(
        "Kafka deletes records that were not processed, and Redis forgets which", 5, 2, checkpoint_faults.lose_records
    ),
    "medley": Scenario(
        "a little of all of these in one run",
        3,
        1,
        _medley,
        through_proxies=True,
        duplicate_share=0.05,
        more={"UPWELL_MAX_REJECTED_SHARE": "1.0"},
    ),
}
