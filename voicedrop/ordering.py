"""`voicedrop drop`: an unattended drop from the command line, through the queue of the running engine."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from voicedrop.config import Settings
from voicedrop.dialer.orders import Orders
from voicedrop.errors import StoreError, VoicedropError
from voicedrop.policy.settings import Method
from voicedrop.store import journal
from voicedrop.store.database import Connection, Database
from voicedrop.store.embedded import POSTGRES, EmbeddedServer

LOOK_S = 0.2
ACTOR = "cli"


async def order(settings: Settings, number: str, label: str, method: Method) -> str:
    """Put an order into the queue; the drop's id.

    Raises:
        VoicedropError: there is no such message, the policy says no, or the database is away.
    """
    url = settings.database.address() or EmbeddedServer(settings.state_dir / POSTGRES).start()
    database = Database(url)
    await database.open()
    try:
        async with database.transaction() as connection:
            message = await _message(connection, label)
        orders = Orders(settings, database)
        return await orders.order(number=number, message_id=message, method=str(method), actor=ACTOR)
    finally:
        await database.close()


async def receipt(settings: Settings, drop: str, *, wait_s: float) -> dict[str, Any]:
    """The receipt of a drop, once it has ended.

    Raises:
        VoicedropError: it has not ended by then.
    """
    try:
        async with asyncio.timeout(wait_s):
            while True:
                for one in await asyncio.to_thread(list, journal.receipts(settings.state_dir)):
                    if one["drop"] == drop:
                        return dict(one)
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise VoicedropError(f"the drop {drop} has not ended within {wait_s:.0f} s: does an engine run?") from None


def show(receipt: dict[str, Any]) -> str:
    return json.dumps(receipt, ensure_ascii=False)


async def _message(connection: Connection, label: str) -> str:
    cursor = await connection.execute(
        "SELECT id FROM message WHERE label = %s AND deleted_at IS NULL AND agent_id IS NULL AND team_id IS NULL",
        (label,),
    )
    rows = await cursor.fetchall()
    if len(rows) != 1:
        raise StoreError(f"{len(rows)} messages are labelled {label!r}; one is needed")
    return str(rows[0]["id"])
