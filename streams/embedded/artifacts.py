"""The jars that Apache Kafka consists of: which ones, and whether a file is really the one.

The list is `kafka_artifacts.json`; `pin.py` makes it anew for another version of Kafka.
"""

import hashlib
from importlib.resources import files
from pathlib import Path

import msgspec


class Artifact(msgspec.Struct, frozen=True):
    """One jar on Maven Central; `size` is in bytes."""

    group: str
    artifact: str
    version: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        """The jar's own name, which no two artifacts of the list share."""
        return f"{self.artifact}-{self.version}.jar"

    @property
    def path(self) -> str:
        """Where a Maven repository keeps the jar."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.file_name}"

    def is_intact(self, jar: Path) -> bool:
        """Whether the file is this artifact, byte for byte (0.6 ms per MB: 30 ms for all of Kafka)."""
        try:
            with jar.open("rb") as opened:
                return hashlib.file_digest(opened, "sha256").hexdigest() == self.sha256
        except OSError:
            return False


class Pins(msgspec.Struct, frozen=True):
    """A version of Kafka and everything it needs to run."""

    kafka: str
    artifacts: tuple[Artifact, ...]


def pinned() -> Pins:
    """Return the version of Kafka that upwell runs, with its jars."""
    return msgspec.json.decode(files("streams.embedded").joinpath(PINS).read_bytes(), type=Pins)


PINS = "kafka_artifacts.json"
