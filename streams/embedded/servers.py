"""The servers that upwell needs, for `upwell demo`, `upwell devstack` and the tests.

    with EmbeddedServers(Path("data")) as servers:
        ...  # servers.kafka, servers.redis

Each has its own folder there, and both end with this process.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from streams.embedded.kafka import EmbeddedKafka
from streams.embedded.missing import MissingPartError
from streams.embedded.redis import EmbeddedRedis, find_redis
from streams.embedded.tansu import EmbeddedTansu, find_tansu
from streams.errors import ServerError


class EmbeddedServers:
    """Kafka and Redis, started together and stopped together.

    Parameters
    ----------
    directory
        Gets a folder for each server.
    kafka_port, redis_port
        Where clients connect, by default free ports.
    stand_in_allowed
        Take Tansu when Kafka cannot run on this machine; `notice` then says so. For a demo only.
    persist_redis
        Keep what is in Redis from one start to the next, as Kafka does.

    Attributes
    ----------
    broker, store
        The servers themselves, to kill one or to look at its log.
    """

    def __init__(
        self,
        directory: Path,
        kafka_port: int | None = None,
        redis_port: int | None = None,
        *,
        stand_in_allowed: bool = False,
        persist_redis: bool = False,
    ) -> None:
        self.directory = directory
        self.broker: EmbeddedKafka | EmbeddedTansu = EmbeddedKafka(directory / "kafka", kafka_port)
        self.store = EmbeddedRedis(directory / "redis", redis_port, persist=persist_redis)
        self._kafka_port = kafka_port
        self._stand_in_allowed = stand_in_allowed

    @property
    def kafka(self) -> str:
        """The address of Kafka, for UPWELL_KAFKA."""
        return self.broker.bootstrap

    @property
    def redis(self) -> str:
        """The URL of Redis, for UPWELL_REDIS."""
        return self.store.url

    @property
    def notice(self) -> str | None:
        """What the user must be told about these servers, if anything."""
        return self.broker.notice if isinstance(self.broker, EmbeddedTansu) else None

    def start(self) -> None:
        """Start both and return when both answer. Raises ServerError, and then neither runs."""
        if self.broker.running or self.store.running:
            raise ServerError(f"The servers in {self.directory} are already running: stop them first.")
        # Not after Kafka has been fetched: what is missing is to be said at once.
        find_redis()
        try:
            # Kafka in this thread, for Ctrl-C reaches no other and a first start may take a minute.
            with ThreadPoolExecutor(1) as beside:
                redis = beside.submit(self.store.start)
                self._start_broker()
                redis.result()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End both in an orderly way; does nothing to one that does not run."""
        try:
            self.broker.stop()
        finally:
            self.store.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start_broker(self) -> None:
        try:
            self.broker.start()
        except MissingPartError as no_kafka:
            if not self._stand_in_allowed:
                raise
            try:
                find_tansu()
            except MissingPartError:
                # What keeps Kafka itself from running is what is worth mending.
                raise no_kafka from None
            self.broker = EmbeddedTansu(self.directory / "tansu", self._kafka_port)
            self.broker.start()
