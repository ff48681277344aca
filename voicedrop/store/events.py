"""What happened, in one order for everybody: the live feed reads it, webhooks are told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from voicedrop.model import new_id
from voicedrop.store.database import Connection
from voicedrop.store.scope import Scope

CHANNEL = "voicedrop_event"
"""A notification on it says that there are new events; it carries nothing."""
LOCK = 0x65766E74  # "evnt": one transaction at a time gives out ids, so they are committed in their order


@dataclass(frozen=True, kw_only=True)
class NewEvent:
    """Something that happened. `drop_id`, `agent_id` and `team_id` say whom it concerns."""

    kind: str
    body: dict[str, Any]
    drop_id: UUID | None = None
    agent_id: UUID | None = None
    team_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Event(NewEvent):
    """As it is stored."""

    id: int
    at: datetime


async def add(
    connection: Connection,
    kind: str,
    body: dict[str, Any],
    *,
    drop_id: UUID | None = None,
    agent_id: UUID | None = None,
    team_id: UUID | None = None,
) -> int:
    """Write one event, with its deliveries to webhooks; its id. See `add_all`."""
    (event_id,) = await add_all(
        connection, [NewEvent(kind=kind, body=body, drop_id=drop_id, agent_id=agent_id, team_id=team_id)]
    )
    return event_id


async def add_all(connection: Connection, new: Sequence[NewEvent]) -> list[int]:
    """Write events in the transaction of what they tell of; their ids, in order.

    Call it last in the transaction: until that ends, every other writer of events waits for it.
    """
    if not new:
        return []
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
    ids: list[int] = []
    for one in new:
        cursor = await connection.execute(
            "INSERT INTO event (kind, drop_id, agent_id, team_id, body) VALUES (%s, %s, %s, %s, %s) RETURNING id",
            (one.kind, one.drop_id, one.agent_id, one.team_id, Jsonb(one.body)),
        )
        row = await cursor.fetchone()
        assert row is not None
        ids.append(row["id"])
    await _deliver(connection, ids)
    await connection.execute(f"NOTIFY {CHANNEL}")
    return ids


async def _deliver(connection: Connection, ids: list[int]) -> None:
    cursor = await connection.execute(
        """
        SELECT w.id AS webhook_id, e.id AS event_id, e.drop_id
        FROM event e JOIN webhook w ON (w.kinds = '{}' OR e.kind = ANY(w.kinds))
            AND (w.team_id IS NULL OR w.team_id = e.team_id)
        WHERE e.id = ANY(%s) AND w.disabled_at IS NULL
        ORDER BY e.id, w.id
        """,
        (ids,),
    )
    wanted = await cursor.fetchall()
    if wanted:
        async with connection.cursor() as many:
            await many.executemany(
                "INSERT INTO delivery (id, webhook_id, event_id, drop_id) VALUES (%s, %s, %s, %s)",
                [(new_id(), row["webhook_id"], row["event_id"], row["drop_id"]) for row in wanted],
            )


async def after(connection: Connection, last_id: int, *, scope: Scope, limit: int) -> list[Event]:
    """What somebody may see of the events behind `last_id`, oldest first."""
    cursor = await connection.execute(
        f"""
        SELECT id, at, kind, drop_id, agent_id, team_id, body FROM event
        WHERE id > %(last)s AND {scope.sql()} ORDER BY id LIMIT %(limit)s
        """,
        {"last": last_id, "limit": limit, **scope.parameters},
    )
    return [Event(**row) for row in await cursor.fetchall()]


async def newest(connection: Connection) -> int:
    """The id of the newest event; 0 when there is none."""
    cursor = await connection.execute("SELECT coalesce(max(id), 0) AS id FROM event")
    row = await cursor.fetchone()
    assert row is not None
    return int(row["id"])
