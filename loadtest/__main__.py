"""Load tests of the real engine: Kafka, a Faust worker and Redis, fed by synthetic shoppers."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Final

from loadtest import (
    checkpoint,
    coefficients,
    forgetting,
    freshness,
    memory,
    mutants,
    parts,
    reads,
    recovery,
    scale,
    throughput,
)
from loadtest.chaos import command as chaos
from loadtest.floor import command as floor
from loadtest.peers import command as peers
from streams.errors import UpwellError

COMMANDS: Final[dict[str, ModuleType]] = {
    "throughput": throughput,
    "freshness": freshness,
    "parts": parts,
    "floor": floor,
    "reads": reads,
    "recovery": recovery,
    "memory": memory,
    "scale": scale,
    "peers": peers,
    "checkpoint": checkpoint,
    "coefficients": coefficients,
    "forgetting": forgetting,
    "chaos": chaos,
    "mutants": mutants,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a load test; returns the exit status: 1 for an error or a mistake of the engine, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m loadtest", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        summary = (module.__doc__ or "").strip().splitlines()[0]
        module.add_arguments(subparsers.add_parser(name, help=summary, description=module.__doc__))
    options = parser.parse_args(arguments)
    try:
        status: int = COMMANDS[options.command].run(options)
        return status
    except UpwellError as error:
        print(f"loadtest {options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
