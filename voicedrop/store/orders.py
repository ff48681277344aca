"""Orders of unattended drops as rows of `drops`, from their acceptance on.

Until an engine takes it up an order's row names no node. Its job, in the queue's own table, has the drop's id as its
queueing lock. Its slot is null until the acceptance by the engine has come from the journal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from voicedrop.model import EventKind, Outcome
from voicedrop.store import events
from voicedrop.store.database import Connection
from voicedrop.store.events import NewEvent

CANCELLED = "cancelled before it was placed"


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


async def end(connection: Connection, drop: UUID, *, outcome: Outcome, reason: str) -> bool:
    """End an order that no engine has taken up; its job goes with it. False: one has, or it has ended.

    Call it last in the transaction: it tells of the end.
    """
    ended = datetime.now(UTC)
    cursor = await connection.execute(
        """
        UPDATE drops SET outcome = %s, reason = %s, ended_at = %s, played_fraction = 0
        WHERE id = %s AND node = '' AND outcome IS NULL
        RETURNING agent, agent_id, team_id, number, caller_id, ref, message_id, accepted_at
        """,
        (str(outcome), reason, ended, drop),
    )
    row = await cursor.fetchone()
    if row is None:
        return False
    receipt = {
        "drop": str(drop),
        "node": "",
        "door": "unattended",
        "outcome": str(outcome),
        "reason": reason,
        **{name: row[name] for name in ("agent", "number", "caller_id", "ref")},
        "accepted": row["accepted_at"].isoformat(),
        "ended": ended.isoformat(),
        "message": {"id": str(row["message_id"])},
        "played_fraction": 0,
    }
    await connection.execute("UPDATE drops SET receipt = %s WHERE id = %s", (Jsonb(receipt), drop))
    # One that a worker holds already finds the order ended.
    await connection.execute(
        "DELETE FROM procrastinate_jobs WHERE queueing_lock = %s AND status = 'todo'", (str(drop),)
    )
    await events.add_all(
        connection,
        [
            NewEvent(
                kind=EventKind.DROP_ENDED,
                body=receipt,
                drop_id=drop,
                agent_id=row["agent_id"],
                team_id=row["team_id"],
            )
        ],
    )
    return True
