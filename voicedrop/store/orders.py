"""Orders of unattended drops as rows of `drops`, from their acceptance on.

Until an engine takes it up an order's row names no node. Its job, in the queue's own table, has the drop's id as its
queueing lock. Its slot is null until the acceptance by the engine has come from the journal.

What ends here has no journal: its receipt is made here, and names no channel (no `uniqueid`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from voicedrop.model import EventKind, Outcome
from voicedrop.store import events
from voicedrop.store.database import Connection, Row
from voicedrop.store.events import NewEvent
from voicedrop.store.numbers import forms


@dataclass(frozen=True, kw_only=True)
class NewOrder:
    """`agent_id` and `team_id` say whose the drop is; both None: the operator's."""

    drop: UUID
    number: str
    caller_id: str
    message_id: UUID
    ref: str = ""
    agent: str = ""
    agent_id: UUID | None = None
    team_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Ending:
    """What an order comes to without a journal; `retry` says whether another attempt makes sense."""

    outcome: Outcome
    reason: str
    retry: str


CANCELLED = Ending(outcome=Outcome.BLOCKED, reason="cancelled before it was placed", retry="no")
OPTED_OUT = Ending(outcome=Outcome.BLOCKED, reason="the number opted out before it was placed", retry="no")
ERASED = Ending(outcome=Outcome.BLOCKED, reason="its number was erased", retry="no")
FAULT = Ending(outcome=Outcome.FAILED, reason="a fault in the engine, before the call; its log has it", retry="later")
NOT_PLACED = Ending(
    outcome=Outcome.FAILED,
    reason="no call was placed: the engine ended before, or its disk was full",
    retry="later",
)
NO_JOB = Ending(
    outcome=Outcome.FAILED,
    reason="no call was placed: its job failed and is gone; the log of the engine that had it says why",
    retry="later",
)
RETIRED = Ending(
    outcome=Outcome.FAILED,
    reason="its engine is gone for good; whether its call was placed is not known",
    retry="later",
)


async def add(connection: Connection, order: NewOrder) -> None:
    """Write it down, in the transaction that puts its job into the queue."""
    await connection.execute(
        """
        INSERT INTO drops (id, node, door, agent, agent_id, team_id, number, caller_id, ref, message_id, accepted_at)
        VALUES (%(drop)s, '', 'unattended', %(agent)s, %(agent_id)s, %(team_id)s, %(number)s, %(caller_id)s, %(ref)s,
            %(message_id)s, now())
        """,
        vars(order),
    )


async def take_up(connection: Connection, drop: str, node: str) -> bool:
    """From now on it is this node's, and can no more be taken back here. False: it has ended, nothing is to be done."""
    cursor = await connection.execute("SELECT outcome FROM drops WHERE id = %s FOR UPDATE", (drop,))
    row = await cursor.fetchone()
    if row is not None and row["outcome"] is not None:
        return False
    await connection.execute("UPDATE drops SET node = %s WHERE id = %s AND node = ''", (node, drop))
    return True


async def queued(connection: Connection, number: str) -> list[UUID]:
    """The orders of a number that no engine has taken up."""
    cursor = await connection.execute(
        "SELECT id FROM drops WHERE number = ANY(%s) AND door = 'unattended' AND node = '' AND outcome IS NULL",
        (forms(number),),
    )
    return [row["id"] for row in await cursor.fetchall()]


async def without_job(connection: Connection) -> list[UUID]:
    """The orders that no engine has taken up, nor ever will: their job is gone.

    One statement sees one moment: order and job are committed together, and an order that was taken up names its node
    before its job is deleted.
    """
    cursor = await connection.execute(
        """
        SELECT id FROM drops WHERE door = 'unattended' AND node = '' AND outcome IS NULL AND NOT EXISTS (
            SELECT FROM procrastinate_jobs WHERE queueing_lock = drops.id::text AND status IN ('todo', 'doing'))
        """
    )
    return [row["id"] for row in await cursor.fetchall()]


async def open_at(connection: Connection, node: str) -> list[Row]:
    """Id and door of what a node has taken up, and the database knows no end of."""
    cursor = await connection.execute("SELECT id, door FROM drops WHERE node = %s AND outcome IS NULL", (node,))
    return await cursor.fetchall()


async def ended_here(connection: Connection, drop: UUID | None = None) -> list[dict[str, Any]]:
    """The receipts of what ended without a journal, oldest first; with `drop` only that one's."""
    cursor = await connection.execute(
        """
        SELECT receipt FROM drops
        WHERE outcome IN ('blocked', 'failed') AND NOT receipt ? 'uniqueid'
            AND (%(drop)s::uuid IS NULL OR id = %(drop)s)
        ORDER BY ended_at, id
        """,
        {"drop": drop},
    )
    return [row["receipt"] for row in await cursor.fetchall()]


async def end(connection: Connection, drop: UUID, how: Ending, *, node: str = "") -> bool:
    """End an order, as `end_all`. False: an engine has taken it up, or it has ended."""
    return bool(await end_all(connection, [drop], how, node=node))


async def end_all(connection: Connection, drops: Sequence[UUID], how: Ending, *, node: str = "") -> int:
    """End those of these orders that no engine has taken up (or that `node` has) and that have not ended; their jobs
    go with them. How many.

    Call it last in the transaction: it tells of the ends.
    """
    ended = datetime.now(UTC)
    cursor = await connection.execute(
        """
        UPDATE drops SET outcome = %(outcome)s, reason = %(reason)s, ended_at = %(ended)s, played_fraction = 0
        WHERE id = ANY(%(drops)s) AND node = %(node)s AND outcome IS NULL
        RETURNING id, node, door, agent, agent_id, team_id, number, caller_id, ref, message_id, accepted_at, coalesce(
            (SELECT method FROM attempt WHERE drop_id = drops.id),
            (SELECT args->>'method' FROM procrastinate_jobs WHERE queueing_lock = drops.id::text AND status = 'todo')
        ) AS method
        """,
        {"drops": list(drops), "outcome": str(how.outcome), "reason": how.reason, "ended": ended, "node": node},
    )
    told = []
    for row in await cursor.fetchall():
        receipt = _receipt(row, how, ended)
        await connection.execute("UPDATE drops SET receipt = %s WHERE id = %s", (Jsonb(receipt), row["id"]))
        # One that a worker holds already finds the order ended.
        await connection.execute(
            "DELETE FROM procrastinate_jobs WHERE queueing_lock = %s AND status = 'todo'", (str(row["id"]),)
        )
        told.append(
            NewEvent(
                kind=EventKind.DROP_ENDED,
                body=receipt,
                drop_id=row["id"],
                agent_id=row["agent_id"],
                team_id=row["team_id"],
            )
        )
    await events.add_all(connection, told)
    return len(told)


def _receipt(row: Row, how: Ending, ended: datetime) -> dict[str, Any]:
    attempt = {"method": row["method"], "disposition": None, "retry": how.retry, "first": None, "second": None}
    return {
        "drop": str(row["id"]),
        "outcome": str(how.outcome),
        "reason": how.reason,
        **{name: row[name] for name in ("node", "door", "agent", "number", "caller_id", "ref")},
        "accepted": row["accepted_at"].isoformat(timespec="milliseconds"),
        "ended": ended.isoformat(timespec="milliseconds"),
        "message": {"id": None if row["message_id"] is None else str(row["message_id"])},
        "played_fraction": 0,
        **({"attempt": attempt} if row["door"] == "unattended" else {}),
    }
