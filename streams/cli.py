"""The command line `upwell`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from streams.commands import COMMANDS
from streams.errors import UpwellError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `upwell`; returns the exit status: 0, 1 for an error that is explained in one sentence, 2 for wrong usage."""
    try:
        status = _run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever reads what we print has had enough; Python would complain once more at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(given: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="upwell",
        description="Real-time personalization: events from Kafka in, recommendations to Redis out.",
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary)
        if name in given:
            module = import_module(f"streams.commands.{name}")
            subparser.description = module.__doc__
            module.add_arguments(subparser)
            subparser.set_defaults(run=module.run)
    options = parser.parse_args(given)
    for library in ("kafka", "aiokafka"):  # what they report, our errors say in one sentence
        logging.getLogger(library).setLevel(logging.CRITICAL)
    try:
        status: int = options.run(options)
        return status
    except UpwellError as error:
        print(f"upwell {options.command}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
