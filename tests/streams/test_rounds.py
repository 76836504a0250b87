"""Rounds: everybody begins together, nobody waits for ever."""

from __future__ import annotations

import asyncio

import pytest

from streams.rounds import Rounds


def test_who_comes_while_a_round_is_on_waits_for_the_next_one_and_begins_with_the_others() -> None:
    async def played() -> list[str]:
        rounds, story = Rounds(), list[str]()

        async def member(name: str, steps: int) -> None:
            async with rounds:
                story.append(f"{name} begins")
                for _ in range(steps):
                    await asyncio.sleep(0.001)
                story.append(f"{name} ends")

        first = [asyncio.create_task(member(name, steps)) for name, steps in (("a", 1), ("b", 9))]
        await asyncio.sleep(0.0005)
        second = [asyncio.create_task(member(name, 1)) for name in "cd"]
        await asyncio.gather(*first, *second)
        return story

    story = asyncio.run(played())
    assert story[:4] == ["a begins", "b begins", "a ends", "b ends"]
    assert story[4:6] == ["c begins", "d begins"]


def test_one_that_fails_or_is_cancelled_holds_up_nobody() -> None:
    async def played() -> None:
        rounds = Rounds()

        async def member(seconds: float) -> None:
            async with rounds:
                if not seconds:
                    raise ValueError
                await asyncio.sleep(seconds)

        failing, long = asyncio.create_task(member(0.0)), asyncio.create_task(member(60.0))
        await asyncio.sleep(0.01)
        waiting, last = asyncio.create_task(member(60.0)), asyncio.create_task(member(0.001))
        await asyncio.sleep(0.01)
        waiting.cancel()  # before its turn
        long.cancel()  # in its turn
        await asyncio.wait_for(last, 5.0)
        assert isinstance(failing.exception(), ValueError)
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(played())


def test_one_that_is_cancelled_as_its_turn_comes_is_not_waited_for() -> None:
    async def played() -> None:
        rounds = Rounds()

        async def member() -> None:
            async with rounds:
                await asyncio.sleep(0)

        cancelled = asyncio.create_task(member())
        while not rounds._running:
            await asyncio.sleep(0)
        cancelled.cancel()  # its turn has come, but it has not been told
        await asyncio.wait_for(asyncio.create_task(member()), 5.0)

    asyncio.run(played())
