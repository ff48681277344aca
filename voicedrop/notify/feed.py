"""The live feed: what happened, to whoever follows, from where he left off."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

import structlog

from voicedrop.errors import StoreError
from voicedrop.store import events
from voicedrop.store.database import Database
from voicedrop.store.events import Event
from voicedrop.store.scope import Scope

log = structlog.get_logger(__name__)

KEPT = 1000  # events in memory; a follower who is further behind reads from the database
BATCH = 500
LOOK_S = 5.0  # the table is looked at this often, whether or not a notification came


class Feed:
    """Reads each event once for all followers. A follower has no queue: he is a place in the order of events, so a slow
    one costs nothing and misses nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._recent: deque[Event] = deque(maxlen=KEPT)
        self._newest = -1  # the id up to which everything has been read; -1: nothing yet
        self._oldest = 0  # everything behind this id is in `_recent`
        self._news = asyncio.Condition()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There may be something new."""
        self._woken.set()

    async def run(self) -> None:
        """Until it is cancelled. A database that is away is waited for."""
        while True:
            self._woken.clear()
            try:
                more = await self._read()
            except StoreError as error:
                log.debug("feed_waits", reason=str(error))
                more = False
            if not more:
                await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(LOOK_S):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _read(self) -> bool:
        """Take in what is new; True when there may be more at once."""
        async with self._database.transaction() as connection:
            if self._newest < 0:
                self._newest = self._oldest = await events.newest(connection)
                found: list[Event] = []
            else:
                found = await events.after(connection, self._newest, scope=Scope.everything(), limit=BATCH)
        async with self._news:
            for event in found:
                if len(self._recent) == KEPT:
                    self._oldest = self._recent[0].id
                self._recent.append(event)
                self._newest = event.id
            self._news.notify_all()
        return len(found) == BATCH

    async def follow(self, last: int | None, scope: Scope) -> AsyncGenerator[Event, None]:
        """Every event behind the id `last` that the scope may see, in order; None: from now on. Never ends.

        Raises:
            StoreError: the database is away, and has to say where to begin or what is no longer in memory.
        """
        await self._beyond(-1)
        # The table's newest, not ours: we may be a moment behind what the follower has seen.
        async with self._database.transaction() as connection:
            newest = await events.newest(connection)
        place = newest if last is None else min(last, newest)
        while True:
            known = self._newest
            if place < self._oldest:
                async with self._database.transaction() as connection:
                    batch = await events.after(connection, place, scope=scope, limit=BATCH)
            else:
                batch = [event for event in self._recent if event.id > place and scope.sees(event)]
            for event in batch:
                yield event
                place = event.id
            if place < known and len(batch) < BATCH:
                place = known
            elif not batch:
                await self._beyond(place)

    async def _beyond(self, place: int) -> None:
        """Until more has been read than up to `place`."""
        async with self._news:
            await self._news.wait_for(lambda: self._newest > place)
