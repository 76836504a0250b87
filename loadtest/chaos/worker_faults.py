"""Faults of workers: killed, restarted, added, removed, and stopped for so long that others take over."""

from __future__ import annotations

import signal
from typing import Final

from loadtest.chaos.arena import Arena
from loadtest.chaos.sabotage import POINTS

_MOST_WORKERS: Final = 4
_STORM_EVERY: Final = 6
#: By then a point has been passed, or there is something wrong with it.
_POINT_SECONDS: Final = 90.0
#: The furthest pass of a point at which a worker is killed; checkpoints are rarer than folds.
_PASSES: Final = {"after-fold": 200, "after-redis": 200}
_RARE_PASSES: Final = 8
#: Records that come for about half a second as fast as it goes: a worker falls asleep in the middle of them.
_BURST: Final = 12_000
_ASLEEP_SECONDS: Final = 10.0


def kill(arena: Arena, amount: int) -> None:
    """kill -9 of any worker, at any moment."""
    for _ in range(amount):
        arena.pause(0.5, 9.0)
        arena.fleet.signal(arena.fleet.choose(arena.rng), signal.SIGKILL)
        arena.fault()


def kill_at_points(arena: Arena, amount: int) -> None:
    """A worker dies at a named point; the next one in its place at the next point."""
    points = [list(POINTS)[n % len(POINTS)] for n in range(amount)]
    sabotages = [f"kill:{point}:{arena.rng.randint(1, _PASSES.get(point, _RARE_PASSES))}" for point in points]
    victim = next(place for place in arena.fleet.places if place.wanted)
    victim.sabotage = sabotages[0]
    arena.fleet.end(victim, signal.SIGTERM)
    for following in [*sabotages[1:], None]:
        victim.sabotage = following
        arena.fleet.wait_until_replaced(victim, _POINT_SECONDS)
        arena.fault()


def rolling_restart(arena: Arena, amount: int) -> None:
    """SIGTERM to one worker after the other; each comes back."""
    for n in range(amount):
        here = [place for place in arena.fleet.places if place.wanted]
        place = here[n % len(here)]
        arena.fault()
        arena.fleet.end(place, signal.SIGTERM)
        arena.wait_until_recovered()


def scale(arena: Arena, amount: int) -> None:
    """Between one and four workers; now and then three changes within five seconds."""
    for n in range(amount):
        storm = n % _STORM_EVERY >= _STORM_EVERY - 3
        arena.pause(*((0.5, 2.0) if storm else (3.0, 8.0)))
        here = [place for place in arena.fleet.places if place.wanted]
        if len(here) == 1 or (len(here) < _MOST_WORKERS and arena.rng.random() < 0.5):
            arena.fleet.add()
        else:
            arena.fleet.remove(arena.rng.choice(here))
        arena.fault()
    for _ in range(arena.setting.workers - sum(place.wanted for place in arena.fleet.places)):
        arena.fleet.add()


def zombies(arena: Arena, amount: int) -> None:
    """A worker sleeps until others have its partitions, and wakes up with a write in its hands.

    By then the shop is quiet: what the zombie writes, nobody writes over.
    """
    session = arena.settings.session_seconds
    for _ in range(amount):
        arena.pause(1.0, 4.0)
        place = arena.fleet.choose(arena.rng)
        arena.feeder.burst(_BURST)
        arena.pause(0.1, 0.4)
        arena.fleet.put_to_sleep(place, _ASLEEP_SECONDS)
        arena.pause(session + 3.0, session + 6.0)
        with arena.feeder.hold():
            arena.fault()
            arena.wait_until_recovered()
            arena.fleet.signal(place, signal.SIGCONT)
            arena.pause(3.0, 4.0)
