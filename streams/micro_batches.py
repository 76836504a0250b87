"""The one loop of the engine: micro-batches are folded, their outputs go out, their offsets move on.

It goes in turns: what has come in of all partitions is processed together, for what they do at the same time costs
little more than what one of them does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Collection, Sequence
from itertools import groupby
from typing import Any, Final, Protocol

import numpy as np
from faust.types import TP

from streams.agent import Agent
from streams.counters import Counters
from streams.crash import RunTask
from streams.delivery import LARGEST_DELIVERY, topic_of
from streams.flood_guard import FloodGuard
from streams.lane import Flow, Lane, Reading
from streams.owner import Owner
from streams.ownership import Ownership
from streams.portion import Portion
from streams.publisher import Step
from streams.record_batches import RecordBatch, columns
from streams.settings import Settings
from streams.topics import SHOP_TOPICS

log = logging.getLogger("upwell")

#: With so many records a turn is large enough: what is larger than the processor's caches costs more.
LARGEST_TURN: Final = 65_536
#: What a partition brings to a turn is at most its share of so many records, or as many as a delivery has.
_LARGE_TURN: Final = 16_384


class Fetching(Flow, Protocol):
    """What the loop needs of Faust's consumer."""

    async def seek(self, partition: TP, offset: int) -> None:
        """Fetch a partition from this offset on."""

    def set_backlog(self, has_backlog: bool) -> None:
        """Say whether there is so much to do that new records need not come soon."""

    def set_turn_seconds(self, seconds: float) -> None:
        """Say how long the last turn took: what comes within one waits for the next."""


class _Course:
    """A partition that is processed here: its owner, what waits, and when it is its turn though nothing does."""

    def __init__(self, owner: Owner, lane: Lane) -> None:
        self.owner = owner
        self.lane = lane
        self.due = math.inf


class MicroBatchLoop:
    """Runs an agent over the deliveries of its stream.

    For each micro-batch of a partition: fold, publish, and only then move the position on; now and then a checkpoint.
    An error is not caught here: the worker exits and another one continues at the newest checkpoint.

    Parameters
    ----------
    ownership
        Opens and closes partitions.
    flow
        Faust's consumer.
    run_task
        Starts a coroutine as a task whose failure ends the process.
    """

    def __init__(
        self,
        agent: Agent,
        settings: Settings,
        ownership: Ownership,
        counters: Counters,
        flow: Fetching,
        run_task: RunTask,
    ) -> None:
        self.agent = agent
        self.serves_shoppers = agent.topics == SHOP_TOPICS
        self.settings = settings
        self.ownership = ownership
        self.counters = counters
        self.stopped: dict[TP, str] = {}
        self.flow = flow
        self.run_task = run_task
        self._courses: dict[int, _Course] = {}
        self._first = 0
        self._guards: dict[int, FloodGuard] = {}
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def owned(self) -> set[int]:
        """The partitions this worker owns."""
        return set(self._courses)

    def begin(self, owner: Owner) -> None:
        """Start to process a partition that is open."""
        course = self._courses[owner.partition] = _Course(owner, Lane(owner.offsets(), self.flow))
        self._plan(course)
        if self._task is None:
            self._task = self.run_task(self._run())

    async def end(self) -> None:
        """Finish the micro-batches in hand and drop those that wait, which their next owners will read again."""
        self._courses = {}
        self._arrived.set()
        if self._task is not None:
            task, self._task = self._task, None
            await task

    def let_go(self, owned: Collection[TP]) -> None:
        """Forget why partitions that others may own now were stopped, all but those that this worker owns again."""
        self.stopped = {tp: complaint for tp, complaint in self.stopped.items() if tp in owned}
        partitions = {tp.partition for tp in owned if tp.topic in self.agent.topics}
        self._guards = {partition: guard for partition, guard in self._guards.items() if partition in partitions}

    def expected(self) -> dict[TP, int]:
        """Where reading goes on in every partition."""
        return {tp: course.lane.expected(tp) for course in self._courses.values() for tp in course.owner.tps}

    def running(self) -> dict[TP, Reading]:
        """How far every partition has come in that is not stopped."""
        return {
            tp: course.lane.reading(tp)
            for course in self._courses.values()
            for tp in course.owner.tps
            if tp not in self.stopped
        }

    async def run(self, stream: Any) -> None:
        """Hand the deliveries of a Faust stream to their partitions, for ever."""
        async for delivery in stream.events():
            await self._put(delivery.value)

    async def _put(self, parts: Sequence[Sequence[RecordBatch]]) -> None:
        """Hand each partition its own of a delivery, before a turn begins: a lane waits for what a topic still has."""
        for _, of_a_topic in groupby(parts, key=topic_of):
            await self._put_of_a_topic(list(of_a_topic))
        self._arrived.set()

    async def _put_of_a_topic(self, parts: Sequence[Sequence[RecordBatch]]) -> None:
        """Read records of several partitions of a topic at once."""
        wanted = [(lane, part) for part in parts if (lane := await self._lane_for(part[0])) is not None]
        if not wanted:
            return
        records, counts = columns([batch for _, part in wanted for batch in part])
        read = self.agent.read(records) if len(records) else None
        ends = np.cumsum(counts)[np.cumsum([len(part) for _, part in wanted]) - 1].tolist()
        for (lane, part), start, end in zip(wanted, [0, *ends[:-1]], ends, strict=True):
            tp = TP(part[0].topic, part[0].partition)
            # A lane that began since it was looked up wants what is before this, and will get it all from Kafka.
            course = self._courses.get(tp.partition)
            if course is not None and course.lane is lane:
                if read is not None and end > start:
                    lane.put(tp, read.chosen(slice(start, end)) if len(wanted) > 1 else read)
                lane.skip_to(tp, part[-1].end)

    async def _lane_for(self, first: RecordBatch) -> Lane | None:
        """The lane of the records that begin with this one; None if their partition is not processed here."""
        tp = TP(first.topic, first.partition)
        course = self._courses.get(tp.partition)
        if course is None or tp in self.stopped:
            return None
        lane = course.lane
        return lane if first.offset <= lane.expected(tp) or await self._may_go_on(lane, tp, first.offset) else None

    async def _may_go_on(self, lane: Lane, tp: TP, first: int) -> bool:
        """Whether what is missing was deleted by retention; what was lost on its way here is fetched again."""
        earliest = await self.ownership.earliest(tp)
        course = self._courses.get(tp.partition)
        if course is None or course.lane is not lane:  # it was taken away meanwhile, and its next owner will look
            return False
        expected = lane.expected(tp)
        missing = max(expected, min(earliest, first))
        if missing > expected:
            self.ownership.note_loss(self.agent, tp, range(expected, missing))
            lane.skip_to(tp, missing)
        if missing < first:
            log.warning("Records %d to %d of %s-%d did not arrive: they are fetched again.", missing, first - 1, *tp)
            await self.flow.seek(tp, missing)
        return missing >= first

    async def _run(self) -> None:
        """Process turns for as long as there are partitions."""
        while self._courses:
            turn = self._turn()
            self._tell_of_backlog(turn)
            if turn:
                began = time.monotonic()
                await self._process(turn)
                if self.serves_shoppers:
                    self.flow.set_turn_seconds(time.monotonic() - began)
                await asyncio.sleep(0)  # what has come in meanwhile is handed over first
            else:
                await self._rest()
        self._tell_of_backlog(())

    def _turn(self) -> list[tuple[_Course, Portion[Any] | None]]:
        """Whatever is safe to process now, and None of those that are idle but due.

        Of many partitions with a backlog each has its turn with much at once, as a step of a partition costs something
        however little it is for: where a turn is full, the next one begins with those that were left out.
        """
        now, room, turn = time.monotonic(), LARGEST_TURN, []
        courses = list(self._courses.values())
        share = max(LARGEST_DELIVERY, _LARGE_TURN // len(courses))
        for course in courses[self._first :] + courses[: self._first]:
            if room <= 0:
                break
            portion = course.lane.take(min(room, share))
            room -= len(portion) if portion is not None else 0
            self._first = (self._first + 1) % len(courses)
            if portion is not None or (now >= course.due and course.lane.is_empty):
                turn.append((course, portion))
        return turn

    def _tell_of_backlog(self, turn: Sequence[tuple[_Course, Portion[Any] | None]]) -> None:
        """Events that come while a turn is as large as a delivery would only wait here."""
        if self.serves_shoppers:
            self.flow.set_backlog(sum(len(portion) for _, portion in turn if portion is not None) >= LARGEST_DELIVERY)

    async def _rest(self) -> None:
        """Until something comes in, or until somebody is due."""
        self._arrived.clear()
        now = time.monotonic()
        courses = self._courses.values()
        pause = min(course.due - now if course.lane.is_empty else course.lane.pause() for course in courses)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(pause, 0.0)):
                await self._arrived.wait()

    async def _process(self, turn: Sequence[tuple[_Course, Portion[Any] | None]]) -> None:
        portions = {
            course.owner.partition: None if any(tp in self.stopped for tp in course.owner.tps) else portion
            for course, portion in turn
        }
        for course, _ in turn:
            course.owner.is_torn = True
        outputs = await self.agent.fold(portions)
        steps = [course.owner.step(outputs[p], portions[p]) for course, _ in turn for p in [course.owner.partition]]
        visible_ms = await self.ownership.publisher.publish(steps)
        for (course, _), step in zip(turn, steps, strict=True):
            await self._finish(course, portions[course.owner.partition], step, visible_ms)

    async def _finish(self, course: _Course, portion: Portion[Any] | None, step: Step, visible_ms: float) -> None:
        """Be done with a partition's micro-batch, which is published."""
        owner = course.owner
        owner.note(step)
        if portion is not None and self.serves_shoppers:
            self.counters.count_freshness(portion.timestamp, visible_ms)
            self._watch_for_flood(owner.partition, len(portion), step.outputs.rejected)
        await owner.repair()
        owner.checkpoint_if_due()
        self._plan(course)

    def _plan(self, course: _Course) -> None:
        """When it is a partition's turn if nothing comes in."""
        course.due = min(self.agent.due(course.owner.partition), course.owner.due)

    def _watch_for_flood(self, partition: int, records: int, rejected: int) -> None:
        """Stop a partition of which too much is rejected: all its topics, for they share one state."""
        settings = self.settings
        guard = self._guards.setdefault(
            partition, FloodGuard(settings.rejection_window_events, settings.max_rejected_share)
        )
        if guard.is_flooded(records, rejected):
            topics = " and ".join(self.agent.topics)
            complaint = (
                f"Partition {partition} of {topics} is stopped: {guard.rejected} of its last {guard.records} records "
                "were rejected; see topic rejected for the reasons, mend the producer, and restart the worker."
            )
            log.error("%s", complaint)
            self.stopped.update({TP(topic, partition): complaint for topic in self.agent.topics})
