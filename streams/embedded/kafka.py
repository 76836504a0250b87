"""Apache Kafka itself, one node in a JVM, started and stopped for the user.

    with EmbeddedKafka(Path("data/kafka")) as kafka:
        ...  # connect to kafka.bootstrap

Its jars come from Maven Central (once, see `jars`), Java from the machine or a wheel (see `java`).
"""

import base64
import codecs
import contextlib
import locale
import os
import shutil
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from streams.embedded.jars import kafka_jars
from streams.embedded.java import find_java
from streams.embedded.kafka_answer import cluster_of
from streams.embedded.kafka_settings import LOG_DIRECTORY, SETTINGS_FILE, ProxiedListener, settings_text
from streams.embedded.log import last_error
from streams.embedded.ports import HOST, refuse_taken
from streams.embedded.process import Launch
from streams.embedded.server import EmbeddedServer
from streams.errors import ServerError

# The optimizing compiler is left out (level 1): measured on 2 cores, the broker starts half a second sooner,
# takes a third less CPU for its first 800,000 messages, and no more over six million.
JVM = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
)
LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
)
FORMAT_TIMEOUT_S = 60
#: The most memory that Java objects may take, enough for a benchmark on one machine.
HEAP_MIB = 512


class EmbeddedKafka(EmbeddedServer):
    """One Kafka node with its data in a directory; see `EmbeddedServer` for start, stop and kill.

    Parameters
    ----------
    directory
        Data, settings and log of the node. What is in it is kept and used again.
    port
        Where clients connect, by default a free port. The controller always gets a free one.
    proxied_port
        Port of a proxy that passes connections on to `behind_proxy_port`. Clients who come that way are told to come
        back that way, so that they reach Kafka through the proxy only.
    """

    name: ClassVar[str] = "Kafka"
    # Mostly far less: it is the time to read again, after a kill, what had not been flushed.
    start_deadline_s: ClassVar[float] = 120.0
    stop_grace_s: ClassVar[float] = 20.0
    inner_ports: ClassVar[int] = 2
    need_mib: ClassVar[int] = 200

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        *,
        proxied_port: int | None = None,
    ) -> None:
        super().__init__(directory, port)
        self.proxied_port = proxied_port
        self._behind_proxy_port: int | None = None

    @property
    def bootstrap(self) -> str:
        """The address for Kafka clients, as 127.0.0.1:PORT."""
        return f"{HOST}:{self.port}"

    @property
    def behind_proxy_port(self) -> int:
        """Where the proxy connects: a free port, chosen at the first start and kept. Raises ServerError before."""
        if self._behind_proxy_port is None:
            raise ServerError(
                f"Kafka in {self.directory} has no port for a proxy: give it `proxied_port` and start it."
            )
        return self._behind_proxy_port

    def _prepare(self, ports: Sequence[int]) -> Launch:
        port, controller_port, free_port = ports
        java = str(find_java())
        environment = {"CLASSPATH": os.pathsep.join(str(jar) for jar in kafka_jars())}
        if codecs.lookup(locale.getencoding()).name == "ascii":
            # Java could not even start in a directory whose name has other letters than ASCII ones.
            environment["LC_ALL"] = "C.UTF-8"
        if not (self.directory / LOG_DIRECTORY / "meta.properties").exists():
            self._format(java, environment, port, controller_port)
        settings = settings_text(port, controller_port, proxied=self._proxied(free_port))
        (self.directory / SETTINGS_FILE).write_text(settings)
        command = [java, f"-Xmx{HEAP_MIB}m", *JVM, *LOGGING, "kafka.Kafka", SETTINGS_FILE]
        return Launch(command, environment)

    def _proxied(self, free_port: int) -> ProxiedListener | None:
        if self.proxied_port is None:
            return None
        if self._behind_proxy_port is None:
            self._behind_proxy_port = free_port
        refuse_taken(self._behind_proxy_port, self.name)
        return ProxiedListener(self._behind_proxy_port, self.proxied_port)

    def _format(self, java: str, environment: dict[str, str], port: int, controller_port: int) -> None:
        """Give the node its identity. In a directory beside, so that a half-formatted one is never used."""
        beside = f"{LOG_DIRECTORY}.new"
        shutil.rmtree(self.directory / beside, ignore_errors=True)
        (self.directory / SETTINGS_FILE).write_text(settings_text(port, controller_port, beside))
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", f"--config={SETTINGS_FILE}"]
        status = self._run([java, *JVM, *LOGGING, *tool], environment)
        if status != 0:
            raise ServerError(f"Kafka could not format {self.directory} ({last_error(self.log)}): see {self.log}.")
        (self.directory / beside).rename(self.directory / LOG_DIRECTORY)

    def _run(self, command: list[str], environment: dict[str, str]) -> int:
        """Run a tool of Kafka's to its end, with its output in the log."""
        with self.log.open("wb") as output, contextlib.suppress(subprocess.TimeoutExpired):
            return subprocess.run(
                command,
                cwd=self.directory,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=FORMAT_TIMEOUT_S,
                start_new_session=True,
            ).returncode
        return -1

    def _answers(self, port: int, pid: int) -> bool:
        # The name of the cluster tells our Kafka from one that was quicker to take the port.
        return cluster_of(port) == self._cluster()

    def _cluster(self) -> str:
        written = (self.directory / LOG_DIRECTORY / "meta.properties").read_text()
        properties = dict(line.split("=", 1) for line in written.splitlines() if "=" in line)
        return properties["cluster.id"]
