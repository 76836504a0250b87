"""The subcommands of `upwell`, one file each."""

from __future__ import annotations

from types import ModuleType
from typing import Final

from streams.commands import (
    check,
    demo,
    devstack,
    evaluate,
    lag,
    recommend,
    replay,
    similar,
    size,
    supervise,
    tune,
    worker,
)

COMMANDS: Final[dict[str, ModuleType]] = {
    "demo": demo,
    "devstack": devstack,
    "worker": worker,
    "supervise": supervise,
    "replay": replay,
    "recommend": recommend,
    "similar": similar,
    "lag": lag,
    "evaluate": evaluate,
    "tune": tune,
    "check": check,
    "size": size,
}
