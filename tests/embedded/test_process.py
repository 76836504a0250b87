import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from streams.embedded.lock import locked
from streams.embedded.process import GuardedProcess, Launch
from streams.embedded.servers import EmbeddedServers
from streams.errors import ServerError
from tests.embedded.alive import is_alive, wait_until_gone

STUBBORN = ("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done")

OWNER = """
import json, os, signal, sys, time
from pathlib import Path
from streams.embedded.servers import EmbeddedServers

def say_who_runs(*_):
    time.sleep(0.5)  # long enough for a server that had heard Ctrl-C too to end
    say([servers.broker.running, servers.store.running])

def say(what):  # print is not for signal handlers: it may be at work already
    os.write(1, json.dumps(what).encode() + b"\\n")

with EmbeddedServers(Path(sys.argv[1])) as servers:
    signal.signal(signal.SIGINT, say_who_runs)
    say([servers.broker.pid, servers.store.pid])
    while True:
        signal.pause()
"""


@contextmanager
def owner(directory: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that has Kafka and Redis, in a process group of its own as a shell would put it."""
    command = [sys.executable, "-c", OWNER, str(directory)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, process_group=0)
    # Its silence is to fail a test, not to hang it.
    alarm = threading.Timer(60, process.kill)
    alarm.start()
    try:
        yield process
    finally:
        alarm.cancel()
        process.kill()
        process.communicate()


def read(process: "subprocess.Popen[str]") -> list[int]:
    assert process.stdout is not None
    answer = json.loads(process.stdout.readline())
    assert isinstance(answer, list)
    return answer


def test_servers_live_and_die_with_their_owner(tmp_path: Path) -> None:
    # Given a process that runs Kafka and Redis
    with owner(tmp_path) as process:
        pids = read(process)

        # When Ctrl-C is pressed, then it is up to that process to stop them
        os.killpg(process.pid, signal.SIGINT)
        assert read(process) == [True, True]

        # When the process is killed, so that it can do nothing more
        assert all(is_alive(pid) for pid in pids)
        process.kill()
        process.wait()

        # Then its servers end, and the next process may start at once on the same directory
        with EmbeddedServers(tmp_path):
            for pid in pids:
                wait_until_gone(pid)


@contextmanager
def guarded(directory: Path, *command: str, grace_s: float = 0.3) -> Iterator[GuardedProcess]:
    log = directory / "log"
    with locked(directory / ".lock", 1.0) as lock:
        process = GuardedProcess(Launch(command, {}), directory, log, lock, grace_s)
    try:
        while not log.read_text():
            time.sleep(0.01)
        yield process
    finally:
        process.kill()


def test_stubborn_server_is_stopped_after_the_grace(tmp_path: Path) -> None:
    with guarded(tmp_path, *STUBBORN) as process:
        began = time.monotonic()
        process.stop()
        assert 0.3 <= time.monotonic() - began < 5
        assert not is_alive(process.pid)


def test_kill_does_not_wait_for_the_grace(tmp_path: Path) -> None:
    with guarded(tmp_path, *STUBBORN, grace_s=30) as process:
        began = time.monotonic()
        process.kill()
        assert time.monotonic() - began < 5
        assert not is_alive(process.pid)


def test_server_holds_the_lock_for_as_long_as_it_lives(tmp_path: Path) -> None:
    with guarded(tmp_path, *STUBBORN) as process:
        # Even a server whose guard was killed
        os.kill(parent_of(process.pid), signal.SIGKILL)
        try:
            with pytest.raises(TimeoutError), locked(tmp_path / ".lock", 0.3):
                pass
        finally:
            os.kill(process.pid, signal.SIGKILL)
        with locked(tmp_path / ".lock", 5):
            pass


def parent_of(pid: int) -> int:
    return int(subprocess.check_output(["ps", "-o", "ppid=", "-p", str(pid)]))


def test_server_that_ended_by_itself_can_be_stopped(tmp_path: Path) -> None:
    with guarded(tmp_path, "sh", "-c", "echo bye") as process:
        wait_until_gone(process.pid)
        process.stop()
        process.stop()
        assert not process.running


def test_program_that_cannot_run_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(ServerError, match="no-such-server could not be run: see"),
        guarded(tmp_path, "no-such-server"),
    ):
        pass
