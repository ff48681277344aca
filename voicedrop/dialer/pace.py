"""Calls are begun no faster than the trunk wants them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable


class Pace:
    """So many calls a second, one behind the other. `now` is in seconds."""

    def __init__(self, calls_per_second: float, now: Callable[[], float]) -> None:
        self._gap_s = 1 / calls_per_second
        self._now = now
        self._next = now()
        self._line = asyncio.Lock()
        self._sooner = asyncio.Event()

    async def turn(self) -> float:
        """Return when the next call may be begun: its place, for `give_back`."""
        async with self._line:
            while (away_s := self._next - self._now()) > 0:
                self._sooner.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(away_s):
                        await self._sooner.wait()
            return self.take()

    def take(self) -> float:
        """Take the next place: when it is. A call that cannot wait begins before its place."""
        at = max(self._now(), self._next)
        self._next = at + self._gap_s
        return at

    def give_back(self, place: float) -> None:
        """No call is begun in this place: the next may be, unless a later place is taken already."""
        if self._next == place + self._gap_s:
            self._next = place
            self._sooner.set()
