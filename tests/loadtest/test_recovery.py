"""A small recovery on a real Kafka, real workers and a real Redis."""

import contextlib
import io
import json

import pytest

from loadtest.__main__ import main


@pytest.mark.parametrize("how", [[], pytest.param(["--kill"], marks=pytest.mark.long)])
def test_a_worker_goes_on_where_another_one_was(how: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # Given servers of its own, and checkpoints more often than usual
    for name in ("UPWELL_KAFKA", "UPWELL_REDIS", "UPWELL_CHECKPOINTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UPWELL_CHECKPOINT_SECONDS", "1")
    monkeypatch.setenv("UPWELL_SESSION_SECONDS", "6")
    # When 1,000 shoppers have come once and made 600 events, 400 more come while nobody is there, and then somebody is
    arguments = ["recovery", "--users", "1000", "--items", "200", "--history", "600", "--rate", "200", "--seconds", "2"]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        status = main([*arguments, *how, "--json"])
    report = json.loads(out.getvalue())
    # Then only what came meanwhile is replayed, and every event of everybody counts once
    assert (status, report["correct"], report["mistakes"]) == (0, True, [])
    assert (report["users"], report["events_learned"]) == (1000, 1600)
    assert report["events_replayed"] == report["events_meanwhile"] == 400
    assert report["killed"] == bool(how)
    # And what it took is told in the order in which it happened
    assert report["checkpoint_bytes"]["shoppers"] > 1000
    assert 0 < report["seconds_until_assigned"] <= report["seconds_until_first_progress"]
    assert report["seconds_until_first_progress"] <= report["seconds_until_caught_up"]
    assert report["seconds_to_load"] > 0
    assert report["versions"]["kafka"] != "unknown"


@pytest.mark.parametrize("wrong", [["--rate", "0"], ["--seconds", "-1"], ["--history", "0"]])
def test_nothing_to_replay_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recovery", *wrong]) == 1
    assert capsys.readouterr().err.startswith("loadtest recovery: ")
