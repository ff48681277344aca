"""`voicedrop drop`: an unattended drop from the command line, through the queue of the running engine."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from voicedrop.config import Settings
from voicedrop.dialer import gate
from voicedrop.dialer.jobs import open_queue, put
from voicedrop.dialer.order import Order
from voicedrop.errors import StoreError, VoicedropError
from voicedrop.model import new_id
from voicedrop.policy.number import NumberFault
from voicedrop.policy.settings import Method
from voicedrop.store import journal
from voicedrop.store.database import Database
from voicedrop.store.embedded import POSTGRES, EmbeddedServer

LOOK_S = 0.2
ACTOR = "cli"


async def order(settings: Settings, number: str, label: str, method: Method) -> str:
    """Put an order into the queue; the drop's id.

    Raises:
        VoicedropError: there is no such message, the number is none, the policy says no, or the database is away.
    """
    rules = settings.policy.rules()
    found = gate.read_number(number, rules)
    if isinstance(found, NumberFault):
        raise VoicedropError(f"{number}: {found.reason}")
    url = settings.database.address() or EmbeddedServer(settings.state_dir / POSTGRES).start()
    database = Database(url)
    await database.open()
    try:
        async with database.transaction() as connection:
            message = await _message(connection, label)
            ruling = await gate.ask(
                connection,
                rules,
                number=found.e164,
                method=method,
                message_id=message,
                caller_id=settings.unattended.caller_id or settings.dial.caller_id,
            )
    finally:
        await database.close()
    if not ruling.allowed:
        refusals = "; ".join(f"{one.rule}: {one.text}" for one in ruling.refusals)
        when = f" Next allowed: {ruling.next_allowed.isoformat()}" if ruling.next_allowed else ""
        raise VoicedropError(f"the policy says no: {refusals}.{when}")
    wanted = Order(drop=new_id(), number=found.e164, message_id=message, method=method, actor=ACTOR)
    queue = open_queue(url)
    async with queue.open_async():
        await put(queue, wanted, trunk=settings.unattended.trunk)
    return wanted.drop


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


async def _message(connection: Any, label: str) -> str:
    cursor = await connection.execute(
        "SELECT id FROM message WHERE label = %s AND deleted_at IS NULL AND agent_id IS NULL AND team_id IS NULL",
        (label,),
    )
    rows = await cursor.fetchall()
    if len(rows) != 1:
        raise StoreError(f"{len(rows)} messages are labelled {label!r}; one is needed")
    return str(rows[0]["id"])
