"""Keeps the database there: starts the embedded one, migrates, waits for one that is away, says whether it answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from voicedrop.errors import StoreError, StoreUnreachable
from voicedrop.store.database import Database
from voicedrop.store.embedded import EmbeddedServer
from voicedrop.store.schema import migrate

log = structlog.get_logger(__name__)

LOOK_S = 5.0


class Keeper:
    """`url` empty: an embedded server in `folder`."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._embedded = None if url else EmbeddedServer(folder)
        self.up = False
        """It answered when it was last asked, and has the schema of this version."""
        self.ready = asyncio.Event()
        """Set once it has been migrated."""
        self._then: Callable[[], Awaitable[None]] | None = None

    @property
    def url(self) -> str:
        """Where it is, once `open` has returned."""
        return self._url

    def when_up(self, then: Callable[[], Awaitable[None]]) -> None:
        """`run` does this once, as soon as the database is there; again where it raises StoreUnreachable."""
        self._then = then

    async def open(self) -> Database:
        """Start and migrate it. One that is given by URL and away is no error: `run` waits for it.

        Raises:
            StoreError: the embedded server does not start, or the database is of a newer version.
        """
        if self._embedded is not None:
            self._url = await asyncio.to_thread(self._embedded.start)
        try:
            await self._migrate()
        except StoreUnreachable as error:
            log.warning("database_away", error=str(error), hint="codes go on with what is known; receipts wait")
        database = Database(self._url)
        await database.open()
        return database

    async def run(self, database: Database) -> None:
        """Until it is cancelled.

        Raises:
            StoreError: the database that came back is of a newer version.
        """
        while True:
            await asyncio.sleep(LOOK_S)
            if self.up and self._then is not None:
                with contextlib.suppress(StoreUnreachable):
                    await self._then()
                    self._then = None
            if self.ready.is_set():
                answers = await database.reachable()
                if answers != self.up:
                    log.warning("database_back" if answers else "database_away")
                self.up = answers
            if not self.ready.is_set() or not self.up:
                await self._revive()

    async def _revive(self) -> None:
        """Start an embedded server that has died; migrate one that was away from the beginning."""
        try:
            if self._embedded is not None:
                await asyncio.to_thread(self._embedded.start_again)
            if not self.ready.is_set():
                await self._migrate()
                log.info("database_back")
        except StoreUnreachable:
            return
        except StoreError as error:
            if not self.ready.is_set():
                raise
            log.error("database_not_started", error=str(error))

    async def _migrate(self) -> None:
        await asyncio.to_thread(migrate, self._url)
        self.ready.set()
        self.up = True

    async def close(self, database: Database) -> None:
        """Let go of it; the embedded server is stopped."""
        await database.close()
        if self._embedded is not None:
            await asyncio.to_thread(self._embedded.stop)
