"""Tasks that live and end together."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

CANCEL_AGAIN_S = 3.0


async def beside(work: Coroutine[Any, Any, None], others: Mapping[str, Coroutine[Any, Any, None]]) -> None:
    """Run `work` to its end, and the others as long as it runs. The first fault of any ends all, and is raised.

    A TaskGroup cancels each of its tasks once. A task that waits in Python 3.11's `asyncio.wait_for` loses that one
    when what it waits for comes in the same turn (python/cpython#86296; the database's pool waits so) and would run
    for ever. Here they are cancelled until they have ended.
    """
    tasks = [asyncio.create_task(one, name=name) for name, one in others.items()]
    main = asyncio.create_task(work)
    try:
        await asyncio.wait({main, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in (main, *tasks):
            if task.done():
                await task
    finally:
        await end(main, *tasks)


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel them until they have ended."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_S)
