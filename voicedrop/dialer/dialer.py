"""Makes unattended drops: asks the policy, claims the attempt, accepts the drop, calls."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from pathlib import Path

import structlog

from voicedrop.call import events as ev
from voicedrop.dialer import gate, left
from voicedrop.dialer.jobs import NotNow
from voicedrop.dialer.opt_outs import OptOuts
from voicedrop.dialer.order import Order
from voicedrop.dialer.pace import Pace
from voicedrop.dialer.unattended import UnattendedDrop
from voicedrop.engine.engine import Engine
from voicedrop.engine.services import UNATTENDED
from voicedrop.errors import JournalError, StoreError
from voicedrop.model import Message
from voicedrop.policy.facts import Ruling
from voicedrop.store import attempts, orders
from voicedrop.store.database import Connection, Database

log = structlog.get_logger(__name__)

LIMITS = 2
"""Longer than so many of a leg's time limits nobody is under way with an attempt, its way into the journal included."""


class Dialer:
    """Of one engine."""

    def __init__(self, engine: Engine, database: Database, opt_outs: OptOuts) -> None:
        settings = engine.services.settings
        self._engine = engine
        self._services = engine.services
        self._database = database
        self._rules = settings.policy.rules()
        self._caller_id = settings.unattended.caller_id or settings.dial.caller_id
        self._pace = Pace(settings.unattended.calls_per_second, engine.services.now)
        self._longest = timedelta(seconds=LIMITS * settings.drop.limit_s)
        self._opt_outs = opt_outs

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
            await self._end(order)
            raise

    async def _end(self, order: Order) -> None:
        """After a fault of ours its job is gone: nobody else would end the order."""
        try:
            await left.end(self._engine, self._database, order.drop, orders.FAULT)
        except StoreError as error:  # this node's next start does
            log.error("order_not_ended", drop=order.drop, error=str(error))

    async def _make(self, order: Order) -> None:
        self._must_be_able()
        # First of all: the policy's answer is one for now, and who waits has claimed nothing.
        turn = await self._pace.turn()
        ruling = None
        try:
            self._must_be_able()
            ruling = await self._claim(order)
        except StoreError as error:
            raise NotNow(str(error)) from error
        finally:
            if ruling is None or not ruling.allowed:
                self._pace.give_back(turn)
        if ruling is None:
            return
        message = self._services.catalogue.any_message(order.message_id)
        drop = UnattendedDrop(self._services, order, message or _no_message(order), self._pace)
        drop.what.policy = ruling.told()
        if not ruling.allowed:
            drop.block(f"{ruling.refusals[0].rule}: {ruling.refusals[0].text}")
        elif message is None:
            drop.post(ev.Broken("its message is not in the library any more"))
        await self._run(drop, order)

    def _must_be_able(self) -> None:
        """
        Raises:
            NotNow: no call can be begun at the moment.
        """
        busy = self._engine.busy()
        if busy is not None or not self._engine.connection.up:
            raise NotNow(str(busy or "Asterisk is away"))

    async def _run(self, drop: UnattendedDrop, order: Order) -> None:
        with contextlib.ExitStack() as undo:
            self._engine.expect_drop(drop)
            undo.callback(self._engine.forget_drop, drop)
            drop.take_over()
            undo.callback(drop.let_go)
            # An opt-out between the claim and now found neither an order in the queue nor a drop under way.
            await self._opt_outs.check([drop])
            try:
                await drop.accept(actor=order.actor)
            except JournalError as error:
                # The attempt is claimed: it is resolved without a call. The journal is the only place for a receipt.
                log.error("drop_not_accepted", drop=order.drop, error=str(error))
                raise NotNow(str(error)) from error
            undo.pop_all()
        await self._engine.start_drop(drop)
        await left.until_ended(drop)

    async def _claim(self, order: Order) -> Ruling | None:
        """The policy's answer. None: the order has ended, or some run has taken it up before.

        Raises:
            NotNow: another call to this number may be under way.
            StoreError: the database does not answer.
        """
        node = self._services.settings.node
        async with self._database.transaction() as connection:
            ruling = await gate.ask(
                connection,
                self._rules,
                number=order.number,
                method=order.method,
                message_id=order.message_id,
                caller_id=self._caller_id,
                now=self._services.utc(),
                contact_zone=order.contact_zone,
            )
            owner = await attempts.owner(connection, order.drop)
            if owner is None:
                if not await orders.take_up(connection, order.drop, node):
                    return None
                await self._must_be_free(connection, order)
                if ruling.allowed:
                    number = str(ruling.asked.get("number") or order.number)
                    await attempts.claim(
                        connection, drop=order.drop, number=number, method=str(order.method), node=node
                    )
                return ruling
        await left.resolve(self._engine, self._database, order.drop, owner)
        return None

    async def _must_be_free(self, connection: Connection, order: Order) -> None:
        """The job's lock holds as long as the worker's word reaches the database. Where that was lost and the job came
        to somebody else, the call may still be there.

        Raises:
            NotNow: a call to this number may be under way.
        """
        if any(one.what.door == UNATTENDED and one.what.number == order.number for one in self._engine.drops.values()):
            raise NotNow("a call to this number is under way")
        node = self._services.settings.node
        other = await attempts.elsewhere(connection, order.number, node=node, within=self._longest)
        if other is not None:
            raise NotNow(f"the node {other} may be calling this number")


def _no_message(order: Order) -> Message:
    """What a receipt says of a message that is not there."""
    return Message(slot=0, label="", file=Path(), media="", duration_s=1.0, sha256="", id=order.message_id)
