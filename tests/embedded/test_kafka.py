import re
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.embedded.kafka import EmbeddedKafka
from streams.embedded.lock import locked
from streams.embedded.ports import PortTakenError, answers
from streams.errors import ServerError
from tests.embedded.alive import is_alive
from tests.embedded.records import consume, make_topic, produce

VALUES = [f"event {number}".encode() for number in range(100)]


def test_records_outlive_kill_and_stop(tmp_path: Path) -> None:
    # Given a Kafka that has taken 100 records, in a directory with a name that settings files do not like
    directory = tmp_path / "my data, é"
    kafka = EmbeddedKafka(directory)
    first_start_s = seconds_of(kafka.start)
    first_pid, bootstrap = kafka.pid, kafka.bootstrap
    assert_only_this_machine_gets_in(directory)
    make_topic(bootstrap, "clicks")
    produce(bootstrap, "clicks", VALUES)

    # When it is killed and started again
    kafka.kill()
    assert not is_alive(first_pid)
    assert not answers(kafka.port)
    second_start_s = seconds_of(kafka.start)

    # Then it is back before the session of 9 s ends that Kafka gives a broker by default
    assert second_start_s < first_start_s + 6
    # at the same address with the same records
    assert kafka.bootstrap == bootstrap
    assert kafka.pid != first_pid
    assert consume(bootstrap, "clicks", 100) == VALUES

    # And when it is stopped and another object starts on its directory, the records are still there
    second_pid = kafka.pid
    kafka.stop()
    assert not kafka.running
    assert not is_alive(second_pid)
    with EmbeddedKafka(directory) as another:
        assert consume(another.bootstrap, "clicks", 100) == VALUES


def test_second_server_on_a_directory_is_refused(tmp_path: Path) -> None:
    class Hasty(EmbeddedKafka):
        directory_wait_s = 0.1

    with (
        locked(tmp_path / ".lock", 1.0),
        pytest.raises(ServerError, match="because another server runs there"),
    ):
        Hasty(tmp_path).start()


def test_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"127.0.0.1:{port} because another program"):
            EmbeddedKafka(tmp_path, port).start()


@pytest.mark.parametrize("port", [0, -1, 65_536])
def test_port_that_is_none_is_refused(tmp_path: Path, port: int) -> None:
    with pytest.raises(ServerError, match=f"on port {port}: choose one between 1 and 65535"):
        EmbeddedKafka(tmp_path, port).start()


def test_directory_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ServerError, match=r"cannot be kept in .*file/kafka \(Not a directory\)"):
        EmbeddedKafka(tmp_path / "file" / "kafka").start()


def test_full_disk_is_named(tmp_path: Path) -> None:
    class Huge(EmbeddedKafka):
        need_mib = 10**12

    with pytest.raises(ServerError, match="free some space or choose another directory"):
        Huge(tmp_path).start()


def test_death_during_start_is_explained(tmp_path: Path) -> None:
    # Given data that belong to another node
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "meta.properties").write_text("version=1\ncluster.id=x\nnode.id=7\n")
    kafka = EmbeddedKafka(tmp_path)

    # When Kafka is started there, then the error quotes Kafka and says where to read more
    with pytest.raises(ServerError, match=r"ended while it started \(.*node.*7.*\): see .*kafka\.log"):
        kafka.start()
    assert not kafka.running


def test_not_started_yet_is_said(tmp_path: Path) -> None:
    kafka = EmbeddedKafka(tmp_path)
    with pytest.raises(ServerError, match="no port yet"):
        _ = kafka.bootstrap
    with pytest.raises(ServerError, match="not running"):
        _ = kafka.pid
    kafka.stop()
    kafka.kill()


def seconds_of(start: Callable[[], None]) -> float:
    began = time.monotonic()
    start()
    return time.monotonic() - began


def assert_only_this_machine_gets_in(directory: Path) -> None:
    ports = set(re.findall(r"127\.0\.0\.1:(\d+)", (directory / "server.properties").read_text()))
    assert len(ports) == 2
    for port in ports:
        # 127.0.0.2 is this machine too, but only a server that listens everywhere answers there.
        with socket.socket() as stranger:
            stranger.settimeout(1)
            assert stranger.connect_ex(("127.0.0.2", int(port))) != 0
