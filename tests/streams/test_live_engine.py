"""A rebalance in the middle of another, and the end in the middle of one: what a worker does then, step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from streams import live_engine
from streams.assignment import Assignment
from streams.live_engine import LiveEngine


class Ownership:
    """Takes and secures partitions, which takes its time; notes what is done when."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.patience = None
        self.meanwhile: Callable[[], None] = lambda: None

    async def take(self, agents: Any, assignment: Any, is_over: Callable[[], bool]) -> list[Any]:
        self.notes.append("take")
        for _ in range(3):
            if is_over():
                self.notes.append("left off")
                return []
            self.meanwhile()
            await asyncio.sleep(0.01)
        self.notes.append("taken")
        return []

    async def secure(self) -> None:
        self.notes.append("secure")
        await asyncio.sleep(0.02)
        self.notes.append("secured")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """An engine of generation 5 without agents, and without servers."""

    async def nothing(*_: Any) -> Any:
        return SimpleNamespace(earliest={}, generation=5)

    engine: Any = object.__new__(LiveEngine)
    engine.app = SimpleNamespace(consumer=None, consumer_generation_id=5)
    engine.loops, engine.ownership, engine.partitions = [], Ownership(), {}
    engine.redis = engine.settings = None
    engine.checkpointer = SimpleNamespace(store=SimpleNamespace(place="here"))
    engine.commit = engine._resume_stopped = nothing
    engine._changing, engine._revocations, engine.has_joined = asyncio.Lock(), 0, False
    monkeypatch.setattr(live_engine, "mark_as_ours", nothing)
    monkeypatch.setattr(Assignment, "of", nothing)
    return engine


def test_the_end_waits_for_a_revocation_under_way(engine: Any) -> None:
    """Both would copy states into the same memory, and write them to the same files."""

    async def run() -> None:
        await asyncio.gather(engine.on_partitions_revoked(), engine.on_partitions_revoked())

    asyncio.run(run())
    assert engine.ownership.notes == ["secure", "secured"] * 2


def test_a_revocation_ends_the_taking_of_partitions_first(engine: Any) -> None:
    async def run() -> None:
        taking = asyncio.ensure_future(engine.on_rebalance_complete())
        await asyncio.sleep(0.005)
        await engine.on_partitions_revoked()
        await taking

    asyncio.run(run())
    assert engine.ownership.notes == ["take", "left off", "secure", "secured"]


def test_a_newer_generation_ends_the_taking_of_partitions(engine: Any) -> None:
    """Others may own them by now."""

    def rebalance() -> None:
        engine.app.consumer_generation_id = 6

    engine.ownership.meanwhile = rebalance
    asyncio.run(engine.on_rebalance_complete())
    assert engine.ownership.notes == ["take", "left off"]


def test_partitions_are_not_taken_after_they_were_revoked(engine: Any) -> None:
    async def run() -> None:
        revoking = asyncio.ensure_future(engine.on_partitions_revoked())
        await asyncio.sleep(0)
        taking = asyncio.ensure_future(engine.on_rebalance_complete())
        await asyncio.sleep(0)
        last = asyncio.ensure_future(engine.on_partitions_revoked())
        await asyncio.gather(revoking, taking, last)

    asyncio.run(run())
    assert engine.ownership.notes == ["secure", "secured"] * 2


def test_else_they_are_all_taken(engine: Any) -> None:
    asyncio.run(engine.on_rebalance_complete())
    assert engine.ownership.notes == ["take", "taken"]
