"""Everything a scenario may lay hands on: a real Kafka, a real Redis, workers, proxies, and a shop that goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from redis import Redis

from loadtest.chaos.feeder import Feeder
from loadtest.chaos.fleet import Fleet
from loadtest.chaos.proxy import Proxy
from loadtest.chaos.recoveries import Recoveries
from loadtest.chaos.reference import Library
from loadtest.shoppers import ShopperSettings
from loadtest.traffic import Traffic, TrafficSettings
from streams.embedded.kafka import EmbeddedKafka
from streams.embedded.redis import EmbeddedRedis
from streams.errors import EngineError
from streams.settings import Settings
from streams.topic_creation import ensure_topics

#: The shop's hours pass faster than ours, so that sessions end and are learned from during a run.
_EVENTS_PER_SHOP_SECOND: Final = 1.0
_LONGEST_RUN_SECONDS: Final = 3_600


@dataclass(frozen=True)
class Setting:
    """What an arena is like.

    Attributes
    ----------
    seed
        Of the traffic, and of every choice that a scenario makes.
    workers, rate
        How many workers, and records per second.
    two_topics
        Whether purchases go to a topic of their own.
    duplicate_share
        Records that are sent a second time.
    through_proxies
        Whether workers reach Kafka and Redis through proxies.
    mutant
        What is broken in the workers, see `loadtest.chaos.sabotage`.
    more
        Further settings of the workers.
    """

    seed: int
    workers: int = 2
    rate: float = 1_000.0
    two_topics: bool = False
    duplicate_share: float = 0.01
    through_proxies: bool = False
    mutant: str | None = None
    more: dict[str, str] = field(default_factory=dict)


@dataclass
class Arena:
    """What a scenario works with.

    Attributes
    ----------
    settings
        To reach Kafka and Redis directly.
    library
        Records that are gone from Kafka and that the reference must know all the same.
    faults
        How many there have been.
    """

    setting: Setting
    settings: Settings
    rng: Random
    kafka: EmbeddedKafka
    redis: EmbeddedRedis
    kafka_proxy: Proxy | None
    redis_proxy: Proxy | None
    fleet: Fleet
    feeder: Feeder
    recoveries: Recoveries
    show: Callable[[int], None]
    library: Library = field(default_factory=Library)
    faults: int = 0

    def fault(self) -> None:
        """A fault happened now."""
        self.recoveries.begin()
        self.faults += 1
        self.show(self.faults)

    def pause(self, least: float, most: float) -> None:
        """Let a random time pass."""
        time.sleep(self.rng.uniform(least, most))

    def wait_until_recovered(self, seconds: float = 180.0) -> None:
        """Wait until all that was published up to the last fault is processed.

        Raises
        ------
        EngineError
            It takes too long.
        """
        deadline = time.monotonic() + seconds
        while self.recoveries.open:
            if time.monotonic() > deadline:
                raise EngineError(f"The workers have not caught up within {seconds:g} s after fault {self.faults}.")
            time.sleep(0.1)

    def wait_until_at_work(self, seconds: float = 180.0) -> None:
        """Wait until the workers have written their first checkpoints; a first start compiles for a minute.

        Raises
        ------
        EngineError
            It takes too long.
        """
        redis, deadline = self.redis_client(), time.monotonic() + seconds
        while redis.hlen(f"{self.settings.prefix}checkpoints") < self.settings.partitions:
            if time.monotonic() > deadline:
                raise EngineError(f"The workers have not begun within {seconds:g} s; see {self.fleet.places[0].logs}.")
            time.sleep(0.1)

    def redis_client(self) -> Any:
        """A connection to Redis itself."""
        return Redis.from_url(self.settings.redis)


@contextmanager
def arena(setting: Setting, directory: Path, show: Callable[[int], None]) -> Iterator[Arena]:
    """Start everything; stop what is still running at the end."""
    with ExitStack() as stack:
        kafka_proxy = stack.enter_context(Proxy()) if setting.through_proxies else None
        redis_proxy = stack.enter_context(Proxy()) if setting.through_proxies else None
        kafka = EmbeddedKafka(directory / "kafka", proxied_port=kafka_proxy.port if kafka_proxy else None)
        redis = EmbeddedRedis(directory / "redis", persist=True)
        stack.enter_context(kafka)
        stack.enter_context(redis)
        variables = _variables(setting, kafka, redis, directory)
        settings = Settings.load(variables)
        ensure_topics(settings)
        if kafka_proxy and redis_proxy:
            kafka_proxy.target_port, redis_proxy.target_port = kafka.behind_proxy_port, redis.port
            variables |= {
                "UPWELL_KAFKA": f"127.0.0.1:{kafka_proxy.port}",
                "UPWELL_REDIS": f"redis://127.0.0.1:{redis_proxy.port}/0",
            }
        fleet = stack.enter_context(Fleet(directory / "workers", variables, setting.workers, setting.mutant))
        feeder = stack.enter_context(Feeder(_traffic(setting), settings, setting.rate, two_topics=setting.two_topics))
        recoveries = stack.enter_context(Recoveries(settings))
        yield Arena(
            setting, settings, Random(setting.seed), kafka, redis, kafka_proxy, redis_proxy, fleet, feeder, recoveries,
            show,
        )  # fmt: skip


def _variables(setting: Setting, kafka: EmbeddedKafka, redis: EmbeddedRedis, directory: Path) -> dict[str, str]:
    return {
        "UPWELL_KAFKA": kafka.bootstrap,
        "UPWELL_REDIS": redis.url,
        "UPWELL_CHECKPOINTS": str(directory / "checkpoints"),
        "UPWELL_PARTITIONS": "8",
        "UPWELL_ITEM_PARTITIONS": "2",
        "UPWELL_CHECKPOINT_SECONDS": "1",
        "UPWELL_SESSION_SECONDS": "3",
        **setting.more,
    }


def _traffic(setting: Setting) -> Traffic:
    shop = ShopperSettings(
        seed=setting.seed, users=600, items=400, clusters=20, events_per_second=_EVENTS_PER_SHOP_SECOND
    )
    records = int(min(setting.rate * _LONGEST_RUN_SECONDS, 2_000_000))
    return Traffic(TrafficSettings(records, setting.duplicate_share, 0.005, shop=shop))
