"""Calls are begun no faster than the trunk wants them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Pace:
    """So many calls a second, one behind the other. `now` is in seconds."""

    def __init__(self, calls_per_second: float, now: Callable[[], float]) -> None:
        self._gap_s = 1 / calls_per_second
        self._now = now
        self._next = now()

    async def turn(self) -> None:
        """Return when the next call may be begun."""
        await asyncio.sleep(self.take())

    def take(self) -> float:
        """Take the next place; how many seconds it is away. A call that cannot wait begins before its place."""
        now = self._now()
        at = max(now, self._next)
        self._next = at + self._gap_s
        return at - now
