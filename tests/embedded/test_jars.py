import functools
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from streams.embedded.artifacts import Artifact, pinned
from streams.embedded.cache import cache_folder
from streams.embedded.jars import kafka_jars
from streams.embedded.missing import MissingPartError
from streams.errors import ServerError

FETCH = "import sys; from streams.embedded.jars import kafka_jars; kafka_jars(sys.argv[1])"
# Small, so that Maven has little to do.
SMALL = next(artifact for artifact in pinned().artifacts if artifact.artifact == "slf4j-simple")


@pytest.fixture(scope="module")
def real_jars() -> list[Path]:
    """All jars, from the user's cache or the network."""
    return kafka_jars()


@pytest.fixture
def cache(tmp_path: Path, real_jars: list[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own with all jars in it; returns the folder of the jars."""
    monkeypatch.setenv("UPWELL_CACHE", str(tmp_path / "cache"))
    folder = cache_folder() / f"kafka-{pinned().kafka}"
    folder.mkdir(parents=True)
    for jar in real_jars:
        shutil.copy(jar, folder)
    return folder


class Repository:
    """A Maven repository on this machine that serves the real jars and remembers who asked for what."""

    def __init__(self, root: Path, jars: list[Path]) -> None:
        self.root = root
        self.asked: list[str] = []
        for artifact, jar in zip(pinned().artifacts, jars, strict=True):
            (root / artifact.path).parent.mkdir(parents=True)
            (root / artifact.path).symlink_to(jar)
        asked = self.asked

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                asked.append(self.path)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(root)))
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def repository(tmp_path: Path, real_jars: list[Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    repository = Repository(tmp_path / "repository", real_jars)
    serving = threading.Thread(target=repository.server.serve_forever, args=(0.01,))
    serving.start()
    yield repository
    repository.server.shutdown()
    serving.join()
    repository.server.server_close()


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a repository that nobody serves; Maven is not there either."""
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return "http://127.0.0.1:1"


def test_full_cache_needs_no_network(cache: Path, nowhere: str) -> None:
    assert {jar.parent for jar in kafka_jars(nowhere)} == {cache}


@pytest.mark.parametrize("damage", ["missing", "truncated", "altered"])
def test_damaged_jar_is_fetched_again_and_no_other(cache: Path, repository: Repository, damage: str) -> None:
    jar = cache / SMALL.file_name
    content = jar.read_bytes()
    jar.unlink()
    if damage == "truncated":
        jar.write_bytes(content[:1000])
    elif damage == "altered":
        jar.write_bytes(content[:-1] + b"\1")

    kafka_jars(repository.url)

    assert jar.read_bytes() == content
    assert len(repository.asked) == 1
    # The lock stays, a half-written file does not.
    assert {file.name for file in cache.glob(".*")} == {".lock"}


def test_remains_of_a_killed_download_are_removed(cache: Path, repository: Repository) -> None:
    (cache / SMALL.file_name).unlink()
    (cache / f".{SMALL.file_name}.123.part").write_bytes(b"half")
    kafka_jars(repository.url)
    assert list(cache.glob(".*.part")) == []


def test_two_processes_fetch_each_jar_once(tmp_path: Path, repository: Repository) -> None:
    environment = {**os.environ, "UPWELL_CACHE": str(tmp_path / "shared")}
    command = [sys.executable, "-c", FETCH, repository.url]
    both = [subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(30) for process in both] == [0, 0]
    assert len(repository.asked) == len(pinned().artifacts)


def test_foreign_content_is_refused(cache: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a network that answers every request with a page of its own, as in hotels
    monkeypatch.setenv("PATH", "/nonexistent")
    jar = cache / SMALL.file_name
    jar.unlink()
    (repository.root / SMALL.path).unlink()
    (repository.root / SMALL.path).write_bytes(b"<html>Please log in</html>".ljust(SMALL.size))

    with pytest.raises(MissingPartError, match="another checksum than upwell expects"):
        kafka_jars(repository.url)
    assert not jar.exists()


def test_unreachable_repository_says_what_was_tried(cache: Path, nowhere: str) -> None:
    (cache / SMALL.file_name).unlink()
    with pytest.raises(MissingPartError) as caught:
        kafka_jars(nowhere)
    for part in (f"{nowhere}/org/slf4j", "Connection refused", "mvn is not installed", "UPWELL_KAFKA"):
        assert part in str(caught.value)


@pytest.mark.skipif(shutil.which("mvn") is None, reason="Maven is not installed")
def test_maven_steps_in(cache: Path) -> None:
    (cache / SMALL.file_name).unlink()
    kafka_jars("http://127.0.0.1:1")
    assert SMALL.is_intact(cache / SMALL.file_name)


def test_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("UPWELL_CACHE", str(tmp_path / "file"))
    with pytest.raises(ServerError, match="set UPWELL_CACHE to another folder"):
        kafka_jars()


def test_pins_name_each_file_once() -> None:
    artifacts = pinned().artifacts
    assert len({artifact.file_name for artifact in artifacts}) == len(artifacts)
    assert Artifact("a.b", "c", "1", 0, "").path == "a/b/c/1/c-1.jar"
