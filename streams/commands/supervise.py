"""Run several workers and start each one again that ends, until stopped."""

from __future__ import annotations

import argparse
import sys

from streams.commands import worker
from streams.supervisor import STOP_SECONDS, Supervisor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `upwell supervise`, among them those of `upwell worker`."""
    parser.add_argument("-n", "--workers", type=int, default=1, metavar="N", help="how many (default: 1)")
    parser.add_argument(
        "--stop-seconds",
        type=float,
        default=STOP_SECONDS,
        metavar="S",
        help=f"kill workers that take longer to end (default: {STOP_SECONDS:g}, which they rarely need)",
    )
    worker.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Supervise until SIGTERM or Ctrl-C."""
    command = [sys.executable, "-m", "streams", "worker", "--log-level", options.log_level]
    supervisor = Supervisor(command, options.workers, stop_seconds=options.stop_seconds)
    supervisor.obey_signals()
    supervisor.run()
    return 0
