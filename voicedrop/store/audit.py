"""Who did what: rows that are written in the transaction of what they tell of, and never changed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from voicedrop.model import new_id
from voicedrop.store.database import Connection, Row


async def add(
    connection: Connection,
    *,
    actor: str,
    action: str,
    thing: str,
    thing_id: str = "",
    token_id: UUID | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Note one act. `actor`: "token:LABEL", "cli" or "engine"; `action`: a verb; `thing`: what kind it was done to."""
    await connection.execute(
        "INSERT INTO audit (id, actor, token_id, action, object, object_id, detail) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (new_id(), actor, token_id, action, thing, thing_id, Jsonb(detail or {})),
    )


async def listing(
    connection: Connection, *, thing: str = "", thing_id: str = "", before: UUID | None = None, limit: int = 100
) -> list[Row]:
    """Newest first; `before` is the id of the last row that was read."""
    cursor = await connection.execute(
        """
        SELECT id, at, actor, token_id, action, object, object_id, detail FROM audit
        WHERE (%(thing)s = '' OR object = %(thing)s) AND (%(thing_id)s = '' OR object_id = %(thing_id)s)
          AND (%(before)s::uuid IS NULL OR id < %(before)s)
        ORDER BY id DESC LIMIT %(limit)s
        """,
        {"thing": thing, "thing_id": thing_id, "before": before, "limit": limit},
    )
    return await cursor.fetchall()
