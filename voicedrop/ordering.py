"""`voicedrop drop`, `receipts`, `retire`: unattended drops from the command line, through the queue in the database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from voicedrop.administration import database_of
from voicedrop.config import Settings
from voicedrop.dialer.orders import Orders
from voicedrop.errors import StoreError, StoreUnreachable, VoicedropError
from voicedrop.policy.settings import Method
from voicedrop.store import drops, journal, orders
from voicedrop.store.database import Connection, Database
from voicedrop.store.embedded import POSTGRES
from voicedrop.store.scope import Scope

LOOK_S = 0.2
ACTOR = "cli"


async def order(settings: Settings, number: str, label: str, method: Method) -> str:
    """Put an order into the queue; the drop's id.

    Raises:
        VoicedropError: there is no such message, the policy says no, or the database is away.
    """
    async with database_of(settings) as database:
        async with database.transaction() as connection:
            message = await _message(connection, label)
        taken = Orders(settings, database)
        return await taken.order(number=number, message_id=message, method=str(method), actor=ACTOR)


async def receipt(settings: Settings, drop: str, *, wait_s: float) -> dict[str, Any]:
    """The receipt of a drop, once it has ended: whichever engine makes it, and if none does.

    Raises:
        VoicedropError: it has not ended by then.
    """
    async with database_of(settings) as database:
        try:
            async with asyncio.timeout(wait_s):
                while True:
                    found = await _in_database(database, drop) or await asyncio.to_thread(_in_journal, settings, drop)
                    if found is not None:
                        return found
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise VoicedropError(f"the drop {drop} has not ended within {wait_s:.0f} s: does an engine run?") from None


async def receipts(settings: Settings, drop: UUID | None = None) -> AsyncIterator[dict[str, Any]]:
    """The receipts in this engine's journal, oldest first, and those of orders that ended without one; with `drop`
    only its.

    Raises:
        StoreError: the database does not answer. The journal's have been given by then.
    """
    for one in journal.receipts(settings.state_dir):
        if drop is None or one["drop"] == str(drop):
            yield one
    if not settings.database.address() and not (settings.state_dir / POSTGRES).is_dir():
        return  # no engine has run here yet
    async with database_of(settings) as database, database.transaction() as connection:
        for one in await orders.ended_here(connection, drop):
            yield one


async def retire(settings: Settings, node: str) -> int:
    """End what a node that never comes back has taken up, and nobody knows the end of; how many drops.

    Raises:
        VoicedropError: it is this configuration's own node, or the database is away.
    """
    if node == settings.node:
        raise VoicedropError(f"{node} is this engine: it resolves what it left at its next start")
    async with database_of(settings) as database, database.transaction() as connection:
        left = [row["id"] for row in await orders.open_at(connection, node)]
        return await orders.end_all(connection, left, orders.RETIRED, node=node)


def show(receipt: dict[str, Any]) -> str:
    return json.dumps(receipt, ensure_ascii=False)


async def _in_database(database: Database, drop: str) -> dict[str, Any] | None:
    try:
        async with database.transaction() as connection:
            row = await drops.one(connection, UUID(drop), scope=Scope.everything())
    except StoreUnreachable:  # it may come back
        return None
    return dict(row["receipt"]) if row is not None and row["receipt"] is not None else None


def _in_journal(settings: Settings, drop: str) -> dict[str, Any] | None:
    """Blocks."""
    return next((one for one in journal.receipts(settings.state_dir) if one["drop"] == drop), None)


async def _message(connection: Connection, label: str) -> str:
    cursor = await connection.execute(
        "SELECT id FROM message WHERE label = %s AND deleted_at IS NULL AND agent_id IS NULL AND team_id IS NULL",
        (label,),
    )
    rows = await cursor.fetchall()
    if len(rows) != 1:
        raise StoreError(f"{len(rows)} messages are labelled {label!r}; one is needed")
    return str(rows[0]["id"])
