"""Write the list of jars of a version of Kafka, for maintainers: `python -m streams.embedded.pin 4.1.2`.

Maven says which jars the version needs at run time; their sizes and checksums are taken from what it
delivers, after Maven has compared them with the checksums of the repository.
"""

import hashlib
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

import msgspec

from streams.embedded.artifacts import PINS, Artifact, Pins
from streams.embedded.maven import pom_of

# Kafka logs through slf4j but brings no place to log to; this is the smallest one.
LOG_BINDING = Artifact("org.slf4j", "slf4j-simple", "1.7.36", 0, "")
GOAL = (
    "dependency:copy-dependencies",
    "-DincludeScope=runtime",
    "-Dmdep.useRepositoryLayout=true",
    "-DoutputDirectory=jars",
)


def main() -> None:
    """Pin the version given on the command line."""
    version = sys.argv[1]
    with tempfile.TemporaryDirectory() as workplace:
        kafka = Artifact("org.apache.kafka", "kafka_2.13", version, 0, "")
        (Path(workplace) / "pom.xml").write_text(pom_of([kafka, LOG_BINDING]))
        subprocess.run(["mvn", "--batch-mode", "--quiet", "--strict-checksums", *GOAL], cwd=workplace, check=True)
        root = Path(workplace) / "jars"
        pins = Pins(version, tuple(_describe(jar, root) for jar in sorted(root.rglob("*.jar"))))
    encoded = msgspec.json.format(msgspec.json.encode(pins), indent=2)
    Path(str(files("streams.embedded").joinpath(PINS))).write_bytes(encoded + b"\n")


def _describe(jar: Path, root: Path) -> Artifact:
    *group, artifact, version, _ = jar.relative_to(root).parts
    content = jar.read_bytes()
    return Artifact(".".join(group), artifact, version, len(content), hashlib.sha256(content).hexdigest())


if __name__ == "__main__":
    main()
