"""Slots: which message an agent's digit means. His own slot goes before his team's, and that before everybody's."""

from __future__ import annotations

from uuid import UUID

from voicedrop.store import ownership
from voicedrop.store.changes import changed
from voicedrop.store.database import Connection, Row
from voicedrop.store.tokens import Principal


async def listing(connection: Connection, who: Principal) -> list[Row]:
    """Every slot that he may see, whosever it is, by number."""
    cursor = await connection.execute(
        f"""
        SELECT s.slot, s.agent_id, s.team_id, s.message_id, m.label FROM slot s JOIN message m ON m.id = s.message_id
        WHERE {ownership.visible(who, "s")}
        ORDER BY s.slot, s.agent_id NULLS LAST, s.team_id NULLS LAST
        """,
        ownership.parameters(who),
    )
    return await cursor.fetchall()


async def of_agent(connection: Connection, agent_id: UUID) -> list[Row]:
    """What each of his digits means, by number; a slot that nobody filled is not in it."""
    cursor = await connection.execute(
        """
        SELECT DISTINCT ON (s.slot) s.slot, s.agent_id, s.team_id, s.message_id, m.label
        FROM agent a
        JOIN slot s ON s.agent_id = a.id OR s.team_id = a.team_id OR (s.agent_id IS NULL AND s.team_id IS NULL)
        JOIN message m ON m.id = s.message_id
        WHERE a.id = %s ORDER BY s.slot, s.agent_id NULLS LAST, s.team_id NULLS LAST
        """,
        (agent_id,),
    )
    return await cursor.fetchall()


async def fits(connection: Connection, message_id: UUID, *, agent_id: UUID | None, team_id: UUID | None) -> bool:
    """May the owner of the slot play this message? It must be his own, his team's or everybody's."""
    cursor = await connection.execute(
        """
        SELECT 1 FROM message m WHERE m.id = %(message)s AND m.deleted_at IS NULL AND (
            (m.agent_id IS NULL AND m.team_id IS NULL)
            OR m.agent_id = %(agent)s
            OR m.team_id = coalesce(%(team)s, (SELECT team_id FROM agent WHERE id = %(agent)s))
        ) FOR SHARE
        """,
        {"message": message_id, "agent": agent_id, "team": team_id},
    )
    return await cursor.fetchone() is not None


async def fill(
    connection: Connection, slot: int, message_id: UUID, *, agent_id: UUID | None, team_id: UUID | None
) -> None:
    """Put a message into a slot, in the place of what was there."""
    await connection.execute(
        """
        INSERT INTO slot (slot, agent_id, team_id, message_id) VALUES (%s, %s, %s, %s)
        ON CONFLICT (slot, agent_id, team_id) DO UPDATE SET message_id = excluded.message_id
        """,
        (slot, agent_id, team_id, message_id),
    )
    await changed(connection)


async def empty(connection: Connection, slot: int, *, agent_id: UUID | None, team_id: UUID | None) -> bool:
    """False: it was empty."""
    cursor = await connection.execute(
        "DELETE FROM slot WHERE slot = %s AND agent_id IS NOT DISTINCT FROM %s AND team_id IS NOT DISTINCT FROM %s",
        (slot, agent_id, team_id),
    )
    await changed(connection)
    return cursor.rowcount > 0
