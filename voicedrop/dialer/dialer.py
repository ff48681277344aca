"""Makes unattended drops: asks the policy, claims the attempt, accepts the drop, calls."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

import structlog

from voicedrop.call import events as ev
from voicedrop.dialer import gate
from voicedrop.dialer.jobs import NotNow
from voicedrop.dialer.order import Order
from voicedrop.dialer.pace import Pace
from voicedrop.dialer.unattended import UnattendedDrop
from voicedrop.engine.engine import Engine
from voicedrop.engine.ringing import is_number
from voicedrop.engine.services import UNATTENDED
from voicedrop.errors import JournalError, StoreError
from voicedrop.model import Message, Outcome
from voicedrop.policy.facts import Ruling
from voicedrop.store import attempts, consents, journal, orders, suppression
from voicedrop.store.database import Database
from voicedrop.store.suppression import Suppressed

log = structlog.get_logger(__name__)

OPT_OUT = "an opt-out"
OPTED_OUT = "opted out"
FAULT = "a fault in the engine, before the call; its log has it"


class Dialer:
    """Of one engine."""

    def __init__(self, engine: Engine, database: Database) -> None:
        settings = engine.services.settings
        self._engine = engine
        self._services = engine.services
        self._database = database
        self._rules = settings.policy.rules()
        self._caller_id = settings.unattended.caller_id or settings.dial.caller_id
        self._pace = Pace(settings.unattended.calls_per_second, engine.services.now)
        self._looking: asyncio.Task[None] | None = None

    async def make(self, order: Order) -> None:
        """Make the drop of an order and return when it has ended in its receipt. One that was attempted before is
        resolved, not repeated.

        Raises:
            NotNow: it cannot be made at the moment, and nothing was done.
        """
        try:
            await self._make(order)
        except NotNow:
            raise
        except Exception:
            await self._end_untaken(order)
            raise

    async def _make(self, order: Order) -> None:
        busy = self._engine.busy()
        if busy is not None or not self._engine.connection.up:
            raise NotNow(str(busy or "Asterisk is away"))
        try:
            claim = await self._claim(order)
        except StoreError as error:
            raise NotNow(str(error)) from error
        if claim is None:
            return
        ruling, owner = claim
        if owner is not None:
            await self._resolve(order, owner)
            return
        message = self._services.catalogue.any_message(order.message_id)
        drop = UnattendedDrop(self._services, order, message or _no_message(order), self._pace)
        drop.what.policy = ruling.told()
        if not ruling.allowed:
            drop.block(f"{ruling.refusals[0].rule}: {ruling.refusals[0].text}")
        elif message is None:
            drop.post(ev.Broken("its message is not in the library any more"))
        await self._run(drop, order)

    async def _run(self, drop: UnattendedDrop, order: Order) -> None:
        drop.take_over()
        try:
            await drop.accept(actor=order.actor)
        except JournalError as error:
            drop.let_go()
            # The attempt is claimed: it would be resolved without a call. The journal is the only place for a receipt.
            log.error("drop_not_accepted", drop=order.drop, error=str(error))
            raise NotNow(str(error)) from error
        await self._engine.start_drop(drop)
        await drop.ended

    async def _end_untaken(self, order: Order) -> None:
        """After a fault of ours its job is gone: nobody else would end the order."""
        try:
            async with self._database.transaction() as connection:
                await orders.end(connection, UUID(order.drop), outcome=Outcome.FAILED, reason=FAULT)
        except StoreError as error:
            log.error("order_not_ended", drop=order.drop, error=str(error))

    async def _claim(self, order: Order) -> tuple[Ruling, str | None] | None:
        """The policy's answer, and which node has taken up this drop already, if one has. None: it was cancelled."""
        async with self._database.transaction() as connection:
            ruling = await gate.ask(
                connection,
                self._rules,
                number=order.number,
                method=order.method,
                message_id=order.message_id,
                caller_id=self._caller_id,
                contact_zone=order.contact_zone,
            )
            owner = await attempts.owner(connection, order.drop)
            if owner is None and not await orders.take_up(connection, order.drop, self._services.settings.node):
                return None
            if owner is None and ruling.allowed:
                owner = await attempts.claim(
                    connection,
                    drop=order.drop,
                    number=ruling_number(ruling, order),
                    method=str(order.method),
                    node=self._services.settings.node,
                )
            return ruling, owner

    async def _resolve(self, order: Order, owner: str) -> None:
        """Some run claimed it. If that was ours, and its journal has nothing of it, no call was placed."""
        if owner != self._services.settings.node:
            log.warning("attempted_elsewhere", drop=order.drop, node=owner)
            return
        known = await asyncio.to_thread(_in_journal, self._services.settings.state_dir, order.drop)
        if known or order.drop in self._engine.drops:
            return
        drop = UnattendedDrop(self._services, order, _no_message(order), self._pace)
        drop.post(ev.Broken("no call was placed: the engine ended before, or its disk was full"))
        await self._run(drop, order)

    # -- opt-outs -----------------------------------------------------------------------------------

    async def opt_out(self, number: str) -> bool:
        """Take a number out, for good; a call that is under way to it is ended. False: it could not be written down."""
        if not is_number(number):
            log.warning("opt_out_without_number")
            return False
        entry = Suppressed(pattern=number, reason=OPTED_OUT, source="opt-out line")
        try:
            async with self._database.transaction() as connection:
                await consents.revoke_all(connection, number)
                await suppression.add(connection, [entry], actor="engine")
        except StoreError as error:
            log.error("opt_out_not_taken", number=number, error=str(error))
            return False
        log.info("opted_out", number=number)
        self.look()
        return True

    def look(self) -> None:
        """The suppression list may have changed: end what is under way to a number on it."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._end_suppressed(), name="opt-outs")

    async def _end_suppressed(self) -> None:
        live = [drop for drop in self._engine.drops.values() if drop.what.door == UNATTENDED]
        if not live:
            return
        now = self._services.clock.utc_of(self._services.now())
        try:
            async with self._database.transaction() as connection:
                for drop in live:
                    if await gate.suppressed(connection, drop.what.number, now) is not None:
                        drop.post(ev.Cancelled(OPT_OUT))
        except StoreError as error:
            log.warning("opt_outs_not_read", error=str(error))


def ruling_number(ruling: Ruling, order: Order) -> str:
    return str(ruling.asked.get("number") or order.number)


def _in_journal(state_dir: Path, drop: str) -> bool:
    kinds = [entry.get("kind") for entry in journal.read(state_dir) if entry.get("drop") == drop]
    return bool(kinds) and kinds[-1] != "withdrawn"  # an acceptance that was taken back is none


def _no_message(order: Order) -> Message:
    """What a receipt says of a message that is not there."""
    return Message(slot=0, label="", file=Path(), media="", duration_s=1.0, sha256="", id=order.message_id)
