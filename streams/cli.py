"""The command line `upwell`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from streams.commands import COMMANDS
from streams.errors import UpwellError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `upwell`; returns the exit status: 0, 1 for an error that is explained in one sentence, 2 for wrong usage."""
    parser = argparse.ArgumentParser(
        prog="upwell",
        description="Real-time personalization: events from Kafka in, recommendations to Redis out.",
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        summary = (module.__doc__ or "").strip().splitlines()[0]
        module.add_arguments(subparsers.add_parser(name, help=summary, description=module.__doc__))
    options = parser.parse_args(arguments)
    for library in ("kafka", "aiokafka"):  # what they report, our errors say in one sentence
        logging.getLogger(library).setLevel(logging.CRITICAL)
    try:
        status: int = COMMANDS[options.command].run(options)
        return status
    except UpwellError as error:
        print(f"upwell {options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
