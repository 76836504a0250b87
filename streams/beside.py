"""Long computations beside the event loop, for kernels that let other threads run Python meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

Result = TypeVar("Result")

#: One thread: with the event loop and the thread that fetches it keeps more than a core busy.
_THREAD: Final = ThreadPoolExecutor(1, "models")


async def beside(function: Callable[[], Result]) -> Result:
    """What a function returns; others are served meanwhile, so what it works on has to be the caller's alone."""
    return await asyncio.get_running_loop().run_in_executor(_THREAD, function)
