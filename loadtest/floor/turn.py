"""One part of the floor in a process of its own, which measures itself.

`python -m loadtest.floor.turn PART DIRECTORY` prints one JSON object; servers are told by the environment, and the
directory holds what `loadtest.floor.material` saved.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

import streams
from loadtest.floor.parts import PARTS
from loadtest.floor.stopwatch import Measured
from streams.commands.worker import prepare_interpreter, spare_the_garbage_collector
from streams.errors import EngineError
from streams.settings import Settings

_PATIENCE_SECONDS: Final = 600.0


def take_turn(name: str, directory: Path, variables: Mapping[str, str]) -> Measured:
    """Run a part.

    Raises
    ------
    EngineError
        It failed, or did not end.
    """
    path = os.pathsep.join(filter(None, [str(Path(streams.__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "loadtest.floor.turn", name, str(directory)],
            env={**os.environ, **variables, "PYTHONPATH": path},
            capture_output=True,
            timeout=_PATIENCE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise EngineError(
            f"Part {name} of the floor took more than {_PATIENCE_SECONDS:g} s: take fewer --events."
        ) from None
    if done.returncode:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or ["without a word"])[-1]
        raise EngineError(f"Part {name} of the floor ended with status {done.returncode} ({last}): run it again.")
    return msgspec.json.decode(done.stdout, type=Measured)


def main(name: str, directory: Path) -> None:
    """Measure in this process."""
    prepare_interpreter()
    spare_the_garbage_collector()
    measured = asyncio.run(_measured(name, directory))
    print(msgspec.json.encode(measured).decode())


async def _measured(name: str, directory: Path) -> Measured:
    return await PARTS[name].measure(Settings.load(), directory)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
