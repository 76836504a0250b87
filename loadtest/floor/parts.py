"""What the floor is made of, and which parts of it make a sum."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loadtest.floor import consume, decode, deliver, produce, write
from loadtest.floor.stopwatch import Measured
from streams.settings import Settings


@dataclass(frozen=True)
class Part:
    """One thing done alone, in a process of its own, and what it is called in print."""

    measure: Callable[[Settings, Path], Awaitable[Measured]]
    title: str


#: In the order of their turns.
PARTS: Final[dict[str, Part]] = {
    "consume_stock": Part(consume.stock, "aiokafka, consumer"),
    "consume": Part(consume.batches, "the same, whole batches to columns"),
    "deliver": Part(deliver.deliver, "the same and Faust, idle agent"),
    "decode": Part(decode.decode, "decode"),
    "write_stock": Part(write.stock, "redis-py, pipelines"),
    "write": Part(write.fenced, "our fenced script"),
    "produce": Part(produce.produce, "aiokafka, producer"),
}

#: The least there is; the least on the way that upwell takes, which is with Faust; the least with clients as they come.
SUMS: Final[dict[str, tuple[str, ...]]] = {
    "floor": ("consume", "decode", "write", "produce"),
    "floor_with_faust": ("deliver", "decode", "write", "produce"),
    "floor_of_stock_clients": ("consume_stock", "decode", "write_stock", "produce"),
}
