"""Orders that a run of this node took up and left: resolved, never carried out a second time.

The journal tells whether a call may have been placed: none is before its acceptance is there. What it knows is
recovery's; of what it does not know, no call was placed, and the database alone ends it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

import structlog

from voicedrop.engine.drop import DropRunner
from voicedrop.engine.engine import Engine
from voicedrop.engine.services import UNATTENDED
from voicedrop.errors import StoreError
from voicedrop.store import journal, orders
from voicedrop.store.database import Database
from voicedrop.store.orders import Ending

log = structlog.get_logger(__name__)

AGAIN_S = 2.0


async def resolve_all(database: Database, node: str, state_dir: Path) -> None:
    """Before this node takes up anything: end what its last run had taken up, and its journal does not know. Waits for
    the database."""
    while True:
        try:
            async with database.transaction() as connection:
                taken = [row["id"] for row in await orders.open_at(connection, node) if row["door"] == UNATTENDED]
                known = await asyncio.to_thread(_in_journal, state_dir) if taken else set()
                lost = [drop for drop in taken if str(drop) not in known]
                ended = await orders.end_all(connection, lost, orders.NOT_PLACED, node=node)
        except StoreError as error:
            log.warning("orders_not_resolved", error=str(error), again_s=AGAIN_S)
            await asyncio.sleep(AGAIN_S)
            continue
        if ended:
            log.warning("orders_resolved", orders=ended, reason=orders.NOT_PLACED.reason)
        return


async def end_without_job(database: Database) -> None:
    """End what would stay in the queue for ever: orders whose job failed before it could end them."""
    try:
        async with database.transaction() as connection:
            ended = await orders.end_all(connection, await orders.without_job(connection), orders.NO_JOB)
    except StoreError as error:
        log.debug("orders_without_job_not_read", error=str(error))  # the next round does
        return
    if ended:
        log.error("orders_without_job", orders=ended, reason=orders.NO_JOB.reason)


async def resolve(engine: Engine, database: Database, drop: str, owner: str) -> None:
    """A job came whose order was taken up before, by `owner`: it is not carried out again.

    Raises:
        StoreError: the database does not answer.
    """
    if owner != engine.services.settings.node:
        # Whether it called is in its journal: it ends the order itself, at its next start at the latest.
        log.warning("attempted_elsewhere", drop=drop, node=owner)
        return
    live = engine.drops.get(drop)
    if live is not None:  # the job's lock keeps the number until then
        await until_ended(live)
        return
    await end(engine, database, drop, orders.NOT_PLACED)


async def end(engine: Engine, database: Database, drop: str, how: Ending) -> None:
    """End an order that nobody has taken up, or that this node has without a word in its journal.

    Raises:
        StoreError: the database does not answer.
    """
    settings = engine.services.settings
    if drop in engine.drops or drop in await asyncio.to_thread(_in_journal, settings.state_dir):
        return
    async with database.transaction() as connection:
        for node in ("", settings.node):
            await orders.end(connection, UUID(drop), how, node=node)


async def until_ended(drop: DropRunner) -> None:
    """Whoever waits may be cancelled; the drop goes on."""
    await asyncio.wait({drop.ended})


def _in_journal(state_dir: Path) -> set[str]:
    """The drops that it knows. An acceptance that was taken back is none. Blocks."""
    known = set()
    for entry in journal.read(state_dir):
        match entry.get("kind"):
            case "accepted" | "ended":
                known.add(str(entry["drop"]))
            case "withdrawn":
                known.discard(str(entry["drop"]))
    return known
