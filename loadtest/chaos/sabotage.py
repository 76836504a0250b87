"""What can be done to a worker from inside: kill it or put it to sleep at a point, or break one of its guarantees.

The engine knows nothing of this: a sabotage replaces one of its functions before the worker starts. It is given as
`kill:POINT:N` (SIGKILL when the point is passed for the N-th time) or as `break:MUTANT`.
"""

from __future__ import annotations

import functools
import inspect
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

import numpy as np
import xxhash

from online_models import duplicates
from streams import redis_writer, sources_applied
from streams.agents import affinity, learner, outbox, shoppers
from streams.checkpoints import format as checkpoint_format
from streams.checkpoints import store
from streams.owner import Owner
from streams.ownership import Ownership
from streams.progress import Progress
from streams.redis_calls import Write

VARIABLE: Final = "UPWELL_SABOTAGE"
#: Tells a worker to fall asleep (SIGSTOP) when it is about to write to Redis what shoppers did.
DOZE: Final = signal.SIGALRM
#: What it says before.
ASLEEP: Final = "falling asleep with a write in hand"

#: Named points: the functions after which a worker may be killed.
POINTS: Final[Mapping[str, tuple[tuple[Any, str], ...]]] = {
    "after-fold": (
        (shoppers.ShoppersAgent, "fold"),
        (affinity.AffinityAgent, "fold"),
        (learner.LearnerAgent, "fold"),
    ),
    "after-redis": ((redis_writer.RedisWriter, "write_many"),),
    "after-checkpoint-file": ((store, "write_through"),),
    "after-rename": ((store, "put_in_place"),),
    "after-commit": ((Progress, "committed"),),
}


def apply(sabotage: str) -> None:
    """Do it.

    Raises
    ------
    ValueError
        There is no such sabotage.
    """
    kind, _, what = sabotage.partition(":")
    point, _, passes = what.partition(":")
    if kind == "kill" and point in POINTS and passes.isdigit():
        _kill_at(point, int(passes))
    elif kind == "break" and what in MUTANTS:
        MUTANTS[what]()
    else:
        raise ValueError(f"there is no sabotage {sabotage!r}: kill:POINT:N ({', '.join(POINTS)}) or break:MUTANT")


def doze_when_told() -> None:
    """Let a worker obey `DOZE`."""
    told = [False]

    def tell(*_: object) -> None:
        told[0] = True

    writer: Any = redis_writer.RedisWriter
    write_many = writer.write_many

    async def asleep_before(self: Any, writes: Sequence[Write]) -> None:
        if told[0] and any(len(write.hashes) for write in writes):
            told[0] = False
            print(ASLEEP, file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGSTOP)
        await write_many(self, writes)

    signal.signal(DOZE, tell)
    writer.write_many = asleep_before


def _kill_at(point: str, passes: int) -> None:
    left = [passes]

    def passed() -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    for owner, name in POINTS[point]:
        setattr(owner, name, _followed_by(passed, getattr(owner, name)))


def _followed_by(then: Callable[[], None], function: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def later(*arguments: Any, **named: Any) -> Any:
            result = await function(*arguments, **named)
            then()
            return result

        return later

    @functools.wraps(function)
    def now(*arguments: Any, **named: Any) -> Any:
        result = function(*arguments, **named)
        then()
        return result

    return now


def _commit_before_checkpoint() -> None:
    """Kafka is told what is processed, not what is durable, and workers begin where Kafka says."""

    def processed(self: Progress) -> Any:
        return {tp: position.next_offset for tp, position in self.positions.items()}

    open_partition = Ownership._open

    async def at_the_commit(self: Any, agent: Any, partition: int, assignment: Any) -> Owner:
        owner = await open_partition(self, agent, partition, assignment)
        for tp in owner.tps:
            if assignment.committed[tp]:
                self._progress.advance(tp, assignment.committed[tp], 0)
        return owner

    Progress.to_commit = processed  # type: ignore[method-assign]
    Ownership._open = at_the_commit  # type: ignore[method-assign]


def _no_fence() -> None:
    """Redis takes writes of any generation, without counts and offsets: what a zombie spoils would be repaired else."""
    _change_scripts(
        {
            "claim": {
                "tonumber(ARGV[1]) < generation": "false",
                "return whole and writes or -1": "return writes",
            },
            "fence": {"mine < generation": "false", "mine > generation or known > writes": "false"},
        }
    )


def _no_repair() -> None:
    """Nobody minds when Redis has lost writes."""
    _change_scripts(
        {
            "claim": {"return whole and writes or -1": "return writes"},
            "fence": {"mine > generation or known > writes": "false"},
        }
    )


def _change_scripts(changes: Mapping[str, Mapping[str, str]]) -> None:
    """Put something else in place of what scripts say, by the name of each."""
    script = redis_writer._script

    def changed(name: str) -> str:
        text = script(name)
        for what, instead in changes.get(name, {}).items():
            if what not in text:
                raise ValueError(f"{name}.lua does not say {what!r} any more, so this sabotage would change nothing")
            text = text.replace(what, instead)
        return text

    redis_writer._script = changed


def _no_receiver_dedupe() -> None:
    """Receivers of blocks apply what they have applied before."""
    advance = sources_applied.SourcesApplied.advance

    def everything_is_new(self: sources_applied.SourcesApplied, block: Any) -> int:
        advance(self, block)
        return -1

    sources_applied.SourcesApplied.advance = everything_is_new  # type: ignore[method-assign]


def _no_hole_check() -> None:
    """Blocks are lost on their way now and then, and receivers do not mind."""
    advance = sources_applied.SourcesApplied.advance
    sent = outbox.Outbox._covisits
    count = [0]

    def any_predecessor(self: sources_applied.SourcesApplied, block: Any) -> int:
        self.forgive()
        return advance(self, block)

    def with_losses(self: Any, *arguments: Any) -> Any:
        for message in sent(self, *arguments):
            count[0] += 1
            if count[0] % 50:
                yield message

    sources_applied.SourcesApplied.advance = any_predecessor  # type: ignore[method-assign]
    box: Any = outbox.Outbox
    box._covisits = with_losses


def _no_duplicate_check() -> None:
    """Every event id is taken for new."""
    learn_ids = duplicates.RecentIds.learn_ids

    def all_new(self: duplicates.RecentIds, ids: Any) -> Any:
        return np.ones_like(learn_ids(self, ids))

    duplicates.RecentIds.learn_ids = all_new  # type: ignore[method-assign]


def _no_checksum() -> None:
    """A damaged checkpoint is used, as long as it can be read."""
    header, genuine, place = checkpoint_format._HEADER, checkpoint_format.decode, cast(Any, store)

    def decode(data: bytes) -> Any:
        magic, version, _ = header.unpack_from(data)
        payload = data[header.size :]
        return genuine(header.pack(magic, version, xxhash.xxh3_64_intdigest(payload)) + payload)

    place.decode = decode


MUTANTS: Final[Mapping[str, Callable[[], None]]] = {
    "commit-before-checkpoint": _commit_before_checkpoint,
    "no-fence": _no_fence,
    "no-repair": _no_repair,
    "no-receiver-dedupe": _no_receiver_dedupe,
    "no-hole-check": _no_hole_check,
    "no-duplicate-check": _no_duplicate_check,
    "no-checksum": _no_checksum,
}
