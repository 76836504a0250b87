"""`upwell size`: more of anything takes more, and your own measurements count."""

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from streams.capacity import UTILISATION, Coefficients, Demand, Timing, plan
from streams.cli import main

TIMING = Timing(session_seconds=12, checkpoint_seconds=10)
FOUND = Coefficients()


@pytest.mark.parametrize("rate", [1, 10_000, 99_999, 1_000_000])
def test_no_worker_is_busier_than_planned_and_every_worker_gets_partitions(rate: int) -> None:
    need = plan(Demand(rate, 1_000_000, 100_000), FOUND, TIMING)
    assert need.worker_utilisation <= UTILISATION
    assert (need.workers - 1) * UTILISATION < rate * FOUND.cpu_us_per_event / 1e6
    assert need.partitions % need.workers == 0
    assert need.partitions >= 2 * need.workers
    assert need.item_partitions >= need.workers


def test_users_cost_what_was_measured_and_workers_share_them() -> None:
    one, two = (plan(Demand(1, users, 1_000), FOUND, TIMING) for users in (1_000_000, 2_000_000))
    assert two.worker_bytes - one.worker_bytes == pytest.approx(1e6 * FOUND.worker_user_bytes)
    assert two.redis_bytes - one.redis_bytes == pytest.approx(1e6 * FOUND.redis_user_bytes)
    assert two.checkpoint_bytes - one.checkpoint_bytes == pytest.approx(1e6 * FOUND.checkpoint_user_bytes)
    rate = 1e6 * UTILISATION / FOUND.cpu_us_per_event
    shared = [plan(Demand(2 * rate, users, 1_000), FOUND, TIMING) for users in (1_000_000, 2_000_000)]
    assert [need.workers for need in shared] == [2, 2]
    assert shared[1].worker_bytes - shared[0].worker_bytes == pytest.approx(1e6 * FOUND.worker_user_bytes / 2)


def test_recovery_is_silence_and_then_catching_up() -> None:
    # Given a worker that is half busy and loads nothing to speak of
    found = msgspec.structs.replace(FOUND, cpu_us_per_event=50.0, start_seconds=4.0)
    need = plan(Demand(10_000, 1, 1), found, TIMING)
    assert need.worker_utilisation == pytest.approx(0.5)
    # Then nobody processes for 12 + 4 s, and 26 s of events wait, which takes as long with half of a core to spare
    assert need.recovery_seconds == pytest.approx(16 + 26, rel=1e-3)


def test_your_own_coefficients_are_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.json"
    mine = msgspec.structs.replace(FOUND, cpu_us_per_event=6.0)
    file.write_bytes(msgspec.json.encode({"coefficients": mine, "machine": {"cores": 2}}))
    arguments = ["size", "--events-per-second", "100000", "--users", "1000", "--items", "100", "--json"]
    assert main([*arguments, "--coefficients", str(file)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["plan"]["workers"] == 1
    assert report["coefficients"]["cpu_us_per_event"] == 6.0


@pytest.mark.parametrize("content", [None, b"{}", b'{"coefficients":{"cpu_us_per_event":-1}}', b"\xff"])
def test_coefficients_that_cannot_be_used_are_refused(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.json"
    if content is not None:
        file.write_bytes(content)
    arguments = ["size", "--events-per-second", "1", "--users", "1", "--items", "1", "--coefficients", str(file)]
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("upwell size: ")
    assert error.count("\n") == 1


def test_the_page_tells_the_coefficients_that_are_used() -> None:
    page = (Path(__file__).parents[2] / "docs" / "capacity.md").read_text()
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| `")]
    told = {row[1].strip(" `"): float(row[2].replace(",", "")) for row in rows}
    assert told == msgspec.structs.asdict(FOUND)


@pytest.mark.parametrize("rate", ["0", "nan", "inf", "1e308"])
def test_nothing_and_no_number_cannot_be_sized(rate: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["size", "--events-per-second", rate, "--users", "1", "--items", "1"]) == 1
    assert "have to be more than 0" in capsys.readouterr().err


def test_whoever_reads_what_is_printed_may_go_away() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    demand = ["--events-per-second", "10", "--users", "10", "--items", "5", "--json"]
    done = subprocess.run([sys.executable, "-m", "streams", "size", *demand], stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    assert (done.returncode, done.stderr) == (1, b"")
