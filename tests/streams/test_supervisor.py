"""A supervisor in a process of its own, with small programs for workers, and once with real ones."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from streams.cli import main
from streams.errors import SettingsError
from streams.supervisor import Supervisor
from tests.embedded.alive import is_alive, wait_until_gone

SUPERVISE = """
import sys
from streams.supervisor import Backoff, Supervisor

workers, stop_seconds, first, longest, steady = map(float, sys.argv[1:6])
backoff = Backoff(first, longest, steady)
supervisor = Supervisor(sys.argv[6:], int(workers), stop_seconds=stop_seconds, backoff=backoff)
supervisor.obey_signals()
supervisor.run()
"""
# Each says its process number when it is ready for signals.
OBEDIENT = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(f"goodbye {os.getpid()}"))
os.write(2, b"ready %d\\n" % os.getpid())
while True:
    signal.pause()
"""
STUBBORN = OBEDIENT.replace('sys.exit(f"goodbye {os.getpid()}")', "None")
AGAIN = r"it is started again in (\S+) s\."


class Supervised:
    """A supervisor that runs, and what it and its workers have printed."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    def printed(self, pattern: str, count: int) -> list[str]:
        """The first `count` finds of a pattern, waited for."""
        deadline = time.monotonic() + 30
        while len(found := re.findall(pattern, self._log.read_text())) < count:
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.02)
        return found[:count]

    def ready(self, count: int) -> list[int]:
        """The process numbers of the first `count` workers."""
        return [int(pid) for pid in self.printed(r"ready (\d+)", count)]

    def end(self, number: signal.Signals) -> tuple[int, float]:
        """Send a signal; returns the exit status and the seconds it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(30), time.monotonic() - began


@contextmanager
def running(log: Path, command: list[str], environment: dict[str, str] | None = None) -> Iterator[Supervised]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **(environment or {})})
    try:
        yield Supervised(process, log)
    finally:
        process.kill()
        process.wait()


@contextmanager
def supervised(
    folder: Path,
    program: str,
    *,
    workers: int = 1,
    stop_seconds: float = 20,
    backoff: tuple[float, float, float] = (0.05, 30, 60),
) -> Iterator[Supervised]:
    """A supervisor whose workers run a Python program."""
    numbers = [str(number) for number in (workers, stop_seconds, *backoff)]
    with running(folder / "log", [sys.executable, "-c", SUPERVISE, *numbers, sys.executable, "-c", program]) as one:
        yield one


def test_a_worker_that_ends_is_started_again_after_growing_pauses(tmp_path: Path) -> None:
    with supervised(tmp_path, "exit(3)", backoff=(0.05, 0.15, 60)) as one:
        assert one.printed(r"worker 1 \(process \d+\) ended with status 3; " + AGAIN, 4) == [
            "0.05",
            "0.1",
            "0.15",
            "0.15",
        ]


def test_a_status_of_zero_is_an_end_as_well(tmp_path: Path) -> None:
    with supervised(tmp_path, "exit(0)") as one:
        one.printed(r"ended with status 0; " + AGAIN, 2)


def test_a_worker_that_ran_for_long_is_started_again_soon(tmp_path: Path) -> None:
    with supervised(tmp_path, "import time; time.sleep(0.5)", backoff=(0.05, 30, 0.4)) as one:
        assert one.printed(AGAIN, 3) == ["0.05", "0.05", "0.05"]


def test_a_killed_worker_is_replaced_and_the_others_go_on(tmp_path: Path) -> None:
    with supervised(tmp_path, OBEDIENT, workers=3) as one:
        pids = one.ready(3)
        os.kill(pids[0], signal.SIGKILL)
        new = one.ready(4)[3]
        one.printed(rf"\(process {pids[0]}\) ended with status 137 \(SIGKILL\); " + AGAIN, 1)
        assert all(is_alive(pid) for pid in (*pids[1:], new))


def test_a_worker_whose_guard_was_killed_is_replaced_too(tmp_path: Path) -> None:
    with supervised(tmp_path, OBEDIENT) as one:
        [pid] = one.ready(1)
        guard = int(subprocess.check_output(["ps", "-o", "ppid=", "-p", str(pid)]))
        os.kill(guard, signal.SIGKILL)
        one.ready(2)
        wait_until_gone(pid)


def test_a_program_that_is_not_there_is_tried_again(tmp_path: Path) -> None:
    numbers = ["1", "1", "0.05", "1", "60"]
    with running(tmp_path / "log", [sys.executable, "-c", SUPERVISE, *numbers, "/nonexistent"]) as one:
        one.printed(r"worker 1 ended with status 1; " + AGAIN, 2)
        assert one.end(signal.SIGTERM)[0] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_workers_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    with supervised(tmp_path, OBEDIENT, workers=2) as one:
        pids = one.ready(2)
        status, seconds = one.end(number)
        assert status == 0
        assert seconds < 10
        assert sorted(map(int, one.printed(r"goodbye (\d+)", 2))) == sorted(pids)
        assert not any(is_alive(pid) for pid in pids)


def test_a_worker_that_hangs_is_killed_at_the_deadline(tmp_path: Path) -> None:
    with supervised(tmp_path, STUBBORN, workers=2, stop_seconds=1) as one:
        pids = one.ready(2)
        status, seconds = one.end(signal.SIGTERM)
        assert status == 0
        assert 1 <= seconds < 8
        one.printed(r"has not ended and is killed", 2)
        assert not any(is_alive(pid) for pid in pids)


def test_the_second_ctrl_c_kills_at_once(tmp_path: Path) -> None:
    with supervised(tmp_path, STUBBORN, workers=2, stop_seconds=60) as one:
        pids = one.ready(2)
        one.process.send_signal(signal.SIGINT)
        one.printed("2 workers are stopped within 60 s", 1)
        status, seconds = one.end(signal.SIGINT)
        assert status == 0
        assert seconds < 20
        assert not any(is_alive(pid) for pid in pids)


def test_workers_end_with_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    with supervised(tmp_path, STUBBORN, workers=2, stop_seconds=0.5) as one:
        pids = one.ready(2)
        one.end(signal.SIGKILL)
        for pid in pids:
            wait_until_gone(pid)


def test_a_worker_that_waits_for_its_next_start_does_not_delay_the_end(tmp_path: Path) -> None:
    with supervised(tmp_path, "exit(1)", backoff=(30, 30, 60)) as one:
        one.printed(AGAIN, 1)
        status, seconds = one.end(signal.SIGTERM)
        assert status == 0
        assert seconds < 5


def test_real_workers_get_the_environment_and_the_log_level(tmp_path: Path) -> None:
    # Given no Kafka, which a worker says before it ends
    environment = {"UPWELL_KAFKA": "127.0.0.1:1", "UPWELL_REDIS": "redis://127.0.0.1:1/0"}
    command = [sys.executable, "-m", "streams", "supervise", "-n", "1", "--log-level", "error"]
    with running(tmp_path / "log", command, environment) as one:
        while "streams worker --log-level error" not in commands_below(one.process.pid):
            assert one.process.poll() is None
            time.sleep(0.05)
        one.printed(r"Kafka does not answer at 127\.0\.0\.1:1", 1)
        assert one.printed(r"worker 1 \(process \d+\) ended with status 1; " + AGAIN, 1) == ["0.5"]
        assert one.end(signal.SIGTERM)[0] == 0


def commands_below(pid: int) -> str:
    """The command lines of a process's children."""
    listed = subprocess.check_output(["ps", "-A", "-ww", "-o", "ppid=,args="], text=True)
    return "\n".join(line for line in listed.splitlines() if line.split()[0] == str(pid))


@pytest.mark.parametrize("wrong", [["-n", "0"], ["--stop-seconds", "-1"], ["--stop-seconds", "nan"]])
def test_what_cannot_be_supervised_is_refused_in_one_sentence(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["supervise", *wrong]) == 1
    error = capsys.readouterr().err
    assert error.startswith("upwell supervise: ")
    assert error.count("\n") == 1


def test_no_workers_are_no_supervisor() -> None:
    with pytest.raises(SettingsError, match="ask for 1 or more"):
        Supervisor(["true"], 0)
