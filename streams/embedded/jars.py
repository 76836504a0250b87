"""Have the jars of Apache Kafka in the cache, fetching what is missing or damaged."""

from collections.abc import Sequence
from pathlib import Path

from streams.embedded.artifacts import Artifact, pinned
from streams.embedded.cache import cache_folder
from streams.embedded.directory import MIB, prepare_directory
from streams.embedded.download import DownloadError, download
from streams.embedded.lock import locked
from streams.embedded.maven import MavenError, fetch_with_maven
from streams.embedded.missing import MissingPartError

MAVEN_CENTRAL = "https://repo1.maven.org/maven2"
# Another process may be fetching the same jars over a slow line; then we want its result.
FETCH_WAIT_S = 900.0


def kafka_jars(repository: str = MAVEN_CENTRAL) -> list[Path]:
    """Return the jars that make up Apache Kafka, each checked against its checksum just now.

    What is missing or damaged is fetched from the Maven repository at that URL, or else with `mvn`. Nothing
    is written, and no network is used, when all is there. Raises MissingPartError when it cannot be fetched,
    ServerError when it cannot be kept.
    """
    pins = pinned()
    folder = cache_folder() / f"kafka-{pins.kafka}"
    if damaged := _damaged(pins.artifacts, folder):
        _fetch(damaged, folder, repository)
    return [folder / artifact.file_name for artifact in pins.artifacts]


def _damaged(artifacts: Sequence[Artifact], folder: Path) -> list[Artifact]:
    return [artifact for artifact in artifacts if not artifact.is_intact(folder / artifact.file_name)]


def _fetch(artifacts: Sequence[Artifact], folder: Path, repository: str) -> None:
    need_mib = 10 + 2 * sum(artifact.size for artifact in artifacts) // MIB
    prepare_directory(folder, "The jars of Kafka", need_mib, "set UPWELL_CACHE to another folder")
    try:
        with locked(folder / ".lock", FETCH_WAIT_S):
            # Whoever had the lock before us has fetched them by now.
            if missing := _damaged(artifacts, folder):
                _remove_remains(folder)
                _fetch_somehow(missing, folder, repository)
    except TimeoutError as error:
        raise MissingPartError(
            f"The jars of Kafka are still being fetched by another process ({folder}): try again later."
        ) from error


def _fetch_somehow(artifacts: Sequence[Artifact], folder: Path, repository: str) -> None:
    try:
        download(artifacts, folder, repository)
    except DownloadError as no_download:
        try:
            fetch_with_maven(_damaged(artifacts, folder), folder)
        except MavenError as no_maven:
            raise MissingPartError(
                f"The jars of Kafka could not be fetched, neither over HTTPS ({no_download}) nor with Maven "
                f"({no_maven}): check the network or the proxy, or set UPWELL_KAFKA to a Kafka that runs."
            ) from no_maven


def _remove_remains(folder: Path) -> None:
    """Delete what a process that was killed while fetching left behind; only the lock's holder may."""
    for part in folder.glob(".*.part"):
        part.unlink(missing_ok=True)
