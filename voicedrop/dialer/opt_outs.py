"""Whoever wants no more calls: the opt-out line, and the end of what is under way to a suppressed number."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from voicedrop.call import events as ev
from voicedrop.dialer import gate
from voicedrop.engine.asking import as_listed
from voicedrop.engine.drop import DropRunner
from voicedrop.engine.engine import Engine
from voicedrop.engine.ringing import is_number
from voicedrop.errors import StoreError
from voicedrop.store import optouts
from voicedrop.store.database import Database

log = structlog.get_logger(__name__)

OPT_OUT = "an opt-out"
OPTED_OUT = "opted out"


class OptOuts:
    """Of one engine."""

    def __init__(self, engine: Engine, database: Database) -> None:
        self._engine = engine
        self._database = database
        self._region = engine.services.settings.policy.rules().default_region
        self._looking: asyncio.Task[None] | None = None
        self._changed = False

    async def take_out(self, number: str) -> bool:
        """Take a number out, for good: orders in the queue end, and a call that is under way. False: it could not be
        written down."""
        if not is_number(number):
            log.warning("opt_out_without_number")
            return False
        try:
            async with self._database.transaction() as connection:
                taken = await optouts.take_out(
                    connection, number, reason=OPTED_OUT, source="opt-out line", actor="engine"
                )
        except StoreError as error:
            log.error("opt_out_not_taken", number=number, error=str(error))
            return False
        log.info("opted_out", number=number, orders=taken.ended)
        self.look()
        return True

    def look(self) -> None:
        """The suppression list may have changed: end what is under way to a number on it."""
        self._changed = True
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="opt-outs")

    async def _look(self) -> None:
        while self._changed:  # what changes as we read is read once more
            self._changed = False
            await self.check(list(self._engine.drops.values()))

    async def check(self, live: Sequence[DropRunner]) -> None:
        """End those of these drops whose number is on the list: an agent's as well, until its message has ended."""
        if not live:
            return
        now = self._engine.services.clock.utc_of(self._engine.services.now())
        try:
            async with self._database.transaction() as connection:
                for drop in live:
                    found = [
                        await gate.suppressed(connection, number, now)
                        for number in as_listed(drop.what.number, self._region)
                    ]
                    if any(found):
                        drop.post(ev.Cancelled(OPT_OUT))
        except StoreError as error:  # when it is back, the notifications begin anew and `look` is called
            log.warning("opt_outs_not_read", error=str(error))
