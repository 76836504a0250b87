"""Measure the quality of the models on events that are known.

The same engine as the worker's, without Kafka and Redis. Hold-out: --train is learned in one streaming pass, then
--test is replayed, and before each next item of a session the list of the best k is recorded. Test-then-learn:
every event of --stream is first predicted, then learned. The format of a file is recognised: REES46, Taobao, UCI 553,
MovieLens 100K (.inter), tab-separated SessionId ItemId Time, or events as JSON lines (.jsonl), packed or not.
"""

from __future__ import annotations

import argparse
import importlib
from fractions import Fraction
from pathlib import Path
from typing import Final

from streams.errors import SettingsError
from streams.evaluating.contenders import BASELINES, LEAVE_OUT
from streams.evaluating.recording import LEVELS

TASKS: Final = ("recommendations", "propensity", "segments")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `upwell evaluate`."""
    parser.add_argument("--task", choices=TASKS, default=TASKS[0], help=f"what to measure (default: {TASKS[0]})")
    parser.add_argument("--train", type=Path, metavar="FILE", help="hold-out: what to learn, in one pass")
    parser.add_argument("--test", type=Path, metavar="FILE", help="hold-out: what to predict")
    parser.add_argument("--stream", type=Path, metavar="FILE", help="test-then-learn: predict and learn each event")
    parser.add_argument("--plot", type=Path, metavar="OUT.png|svg", help="draw the quality over the stream")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    lists = parser.add_argument_group("recommendations")
    lists.add_argument("--k", type=_whole, default=20, help="length of the lists (default: 20)")
    lists.add_argument(
        "--allow-current",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="whether the item looked at may be in its own list (default: no, as live)",
    )
    lists.add_argument(
        "--leave-out",
        choices=LEAVE_OUT,
        default="owned",
        help="also leave out what the shopper owns (bought or in the cart: as live, the default) or has ever seen",
    )
    lists.add_argument("--level", choices=LEVELS, default="item", help="predict items, or their categories")
    lists.add_argument(
        "--warm-up-share",
        type=_share,
        default=0.0,
        metavar="SHARE",
        help="with --stream: learn this share of the events first, without predicting it (default: 0)",
    )
    lists.add_argument(
        "--baselines",
        nargs="*",
        choices=tuple(BASELINES),
        metavar="NAME",
        help=f"measure well-known methods on the same, too: {', '.join(BASELINES)} (default: all of them)",
    )
    lists.add_argument(
        "--session-share",
        type=_parts,
        nargs="+",
        default=(),
        metavar="1/N",
        help="session-kNN in N partitions, each with only the sessions of its own shoppers: 1 1/4 1/16",
    )
    lists.add_argument("--learn", action="store_true", help="hold-out: learn the test file, too, after each prediction")
    lists.add_argument("--predictions", type=Path, metavar="OUT.jsonl", help="write every prediction, a line each")


def run(options: argparse.Namespace) -> int:
    """Hand over to the task."""
    hold_out = options.train is not None and options.test is not None
    if options.stream is None and not (hold_out and options.task == "recommendations"):
        ways = "--train FILE --test FILE, or --stream FILE" if options.task == "recommendations" else "--stream FILE"
        raise SettingsError(f"there is nothing to measure {options.task} on; give {ways}")
    if options.stream is not None and (options.train is not None or options.test is not None):
        raise SettingsError("--stream learns and predicts one file; leave out --train and --test, or --stream")
    status: int = importlib.import_module(f"streams.evaluating.{options.task}").run(options)
    return status


def _whole(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a length; 1 is the least")
    return number


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share; it lies between 0 and 1")
    return share


def _parts(text: str) -> int:
    try:
        share = Fraction(text)
    except (ValueError, ZeroDivisionError):
        share = Fraction(0)
    if share.numerator != 1:
        raise argparse.ArgumentTypeError(f"{text} is not one of N equal shares; give 1, 1/4, 1/16 or the like")
    return share.denominator
