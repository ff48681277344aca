"""Teams and agents."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from voicedrop.model import new_id
from voicedrop.store.changes import changed
from voicedrop.store.database import Connection, Row
from voicedrop.store.tokens import Principal

_TEAM = "t.id, t.name, t.created_at, (SELECT count(*) FROM agent a WHERE a.team_id = t.id) AS agents"
_AGENT = "a.id, a.name, a.display, a.team_id, a.created_at"


def _own_teams(who: Principal) -> str:
    return "true" if who.role == "admin" else "t.id = %(own_team)s"


def _own_agents(who: Principal) -> str:
    if who.role == "admin":
        return "true"
    return "a.team_id = %(own_team)s" if who.role == "supervisor" else "a.id = %(own_agent)s"


def _own(who: Principal) -> dict[str, Any]:
    return {"own_team": who.team_id, "own_agent": who.agent_id}


# -- teams ------------------------------------------------------------------------------------------


async def teams(connection: Connection, who: Principal, *, after: UUID | None = None, limit: int = 100) -> list[Row]:
    """The teams that he sees, oldest first; `after` is the id of the last that was read."""
    cursor = await connection.execute(
        f"SELECT {_TEAM} FROM team t WHERE {_own_teams(who)} AND (%(after)s::uuid IS NULL OR t.id > %(after)s) "
        "ORDER BY t.id LIMIT %(limit)s",
        {**_own(who), "after": after, "limit": limit},
    )
    return await cursor.fetchall()


async def team(connection: Connection, who: Principal, team_id: UUID) -> Row | None:
    cursor = await connection.execute(
        f"SELECT {_TEAM} FROM team t WHERE t.id = %(id)s AND {_own_teams(who)}", {**_own(who), "id": team_id}
    )
    return await cursor.fetchone()


async def add_team(connection: Connection, *, name: str) -> UUID:
    """
    Raises:
        psycopg.errors.UniqueViolation: the name is taken.
    """
    team_id = UUID(new_id())
    await connection.execute("INSERT INTO team (id, name) VALUES (%s, %s)", (team_id, name))
    await changed(connection)
    return team_id


async def rename_team(connection: Connection, team_id: UUID, *, name: str) -> bool:
    """False: there is no such team.

    Raises:
        psycopg.errors.UniqueViolation: the name is taken.
    """
    cursor = await connection.execute("UPDATE team SET name = %s WHERE id = %s", (name, team_id))
    await changed(connection)
    return cursor.rowcount > 0


async def remove_team(connection: Connection, team_id: UUID) -> str:
    """Remove an empty team with its slots. Why it cannot be; empty: it is gone."""
    cursor = await connection.execute("SELECT 1 FROM team WHERE id = %s FOR UPDATE", (team_id,))
    if await cursor.fetchone() is None:
        return "missing"
    for what, query in (
        ("it has agents", "SELECT 1 FROM agent WHERE team_id = %s LIMIT 1"),
        ("it has messages", "SELECT 1 FROM message WHERE team_id = %s LIMIT 1"),
        ("it has tokens", "SELECT 1 FROM token WHERE team_id = %s AND revoked_at IS NULL LIMIT 1"),
    ):
        cursor = await connection.execute(query, (team_id,))
        if await cursor.fetchone() is not None:
            return what
    await connection.execute("DELETE FROM team WHERE id = %s", (team_id,))
    await changed(connection)
    return ""


# -- agents -----------------------------------------------------------------------------------------


async def agents(
    connection: Connection,
    who: Principal,
    *,
    team_id: UUID | None = None,
    name: str | None = None,
    after: UUID | None = None,
    limit: int = 100,
) -> list[Row]:
    """The agents that he sees, oldest first; `after` is the id of the last that was read."""
    cursor = await connection.execute(
        f"""
        SELECT {_AGENT} FROM agent a
        WHERE {_own_agents(who)} AND (%(after)s::uuid IS NULL OR a.id > %(after)s)
          AND (%(team)s::uuid IS NULL OR a.team_id = %(team)s) AND (%(name)s::text IS NULL OR a.name = %(name)s)
        ORDER BY a.id LIMIT %(limit)s
        """,
        {**_own(who), "after": after, "limit": limit, "team": team_id, "name": name},
    )
    return await cursor.fetchall()


async def agent(connection: Connection, who: Principal, agent_id: UUID) -> Row | None:
    cursor = await connection.execute(
        f"SELECT {_AGENT} FROM agent a WHERE a.id = %(id)s AND {_own_agents(who)}", {**_own(who), "id": agent_id}
    )
    return await cursor.fetchone()


async def visible_names(connection: Connection, who: Principal, names: list[str]) -> set[str]:
    """Which of these agents he sees: of calls the engine knows only the agent's name."""
    cursor = await connection.execute(
        f"SELECT a.name FROM agent a WHERE a.name = ANY(%(names)s) AND {_own_agents(who)}",
        {**_own(who), "names": names},
    )
    return {row["name"] for row in await cursor.fetchall()}


async def add_agent(connection: Connection, *, name: str, display: str, team_id: UUID | None) -> UUID:
    """
    Raises:
        psycopg.errors.UniqueViolation: the name is taken.
        psycopg.errors.ForeignKeyViolation: there is no such team.
    """
    agent_id = UUID(new_id())
    await connection.execute(
        "INSERT INTO agent (id, name, display, team_id) VALUES (%s, %s, %s, %s)", (agent_id, name, display, team_id)
    )
    await changed(connection)
    return agent_id


async def change_agent(
    connection: Connection, agent_id: UUID, *, name: str, display: str, team_id: UUID | None
) -> None:
    """Set him anew. Slots of his that played what is of another team now are emptied.

    Raises:
        psycopg.errors.UniqueViolation: the name is taken.
        psycopg.errors.ForeignKeyViolation: there is no such team.
    """
    await connection.execute(
        "UPDATE agent SET name = %s, display = %s, team_id = %s WHERE id = %s", (name, display, team_id, agent_id)
    )
    await connection.execute(
        """
        DELETE FROM slot s USING message m
        WHERE s.agent_id = %s AND m.id = s.message_id AND m.team_id IS NOT NULL AND m.team_id IS DISTINCT FROM %s
        """,
        (agent_id, team_id),
    )
    await changed(connection)


async def remove_agent(connection: Connection, agent_id: UUID) -> str:
    """Remove him with his slots and tokens. Why it cannot be; empty: he is gone."""
    cursor = await connection.execute("SELECT 1 FROM agent WHERE id = %s FOR UPDATE", (agent_id,))
    if await cursor.fetchone() is None:
        return "missing"
    cursor = await connection.execute("SELECT 1 FROM message WHERE agent_id = %s LIMIT 1", (agent_id,))
    if await cursor.fetchone() is not None:
        return "he has messages"
    await connection.execute("DELETE FROM agent WHERE id = %s", (agent_id,))
    await changed(connection)
    return ""
