"""Whose things somebody may see and change: SQL conditions on the columns agent_id and team_id of messages and slots.

What belongs to nobody (both null) is everybody's: all may use it, only an admin may change it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from voicedrop.store.database import Connection
from voicedrop.store.scope import Scope
from voicedrop.store.tokens import Principal


def scope_of(who: Principal) -> Scope:
    """Which drops and events he sees."""
    if who.role == "admin":
        return Scope.everything()
    if who.role == "supervisor":
        assert who.team_id is not None  # the schema demands it
        return Scope.team(who.team_id)
    assert who.agent_id is not None
    return Scope.agent(who.agent_id)


def visible(who: Principal, table: str) -> str:
    """What he may see and use, for a query that is given `parameters(who)`."""
    if who.role == "admin":
        return "true"
    everybodys = f"({table}.agent_id IS NULL AND {table}.team_id IS NULL)"
    if who.role == "supervisor":
        return f"({everybodys} OR {changeable(who, table)})"
    return f"({everybodys} OR {table}.team_id = %(own_team)s OR {table}.agent_id = %(own_agent)s)"


def changeable(who: Principal, table: str) -> str:
    """What he may change and delete."""
    if who.role == "admin":
        return "true"
    if who.role == "supervisor":
        team = "SELECT id FROM agent WHERE team_id = %(own_team)s"
        return f"({table}.team_id = %(own_team)s OR {table}.agent_id IN ({team}))"
    return f"({table}.agent_id = %(own_agent)s)"


def parameters(who: Principal) -> dict[str, Any]:
    return {"own_team": who.team_id, "own_agent": who.agent_id}


async def may_give_to(connection: Connection, who: Principal, *, agent_id: UUID | None, team_id: UUID | None) -> bool:
    """May he make things for this agent or team (both None: for everybody)? False also where there is no such one."""
    if agent_id is None and team_id is None:
        return who.role == "admin"
    if agent_id is not None:
        cursor = await connection.execute("SELECT team_id FROM agent WHERE id = %s FOR SHARE", (agent_id,))
        row = await cursor.fetchone()
        if row is None or who.role == "admin":
            return row is not None
        if who.role == "supervisor":
            return bool(row["team_id"] == who.team_id)
        return agent_id == who.agent_id
    cursor = await connection.execute("SELECT 1 FROM team WHERE id = %s FOR SHARE", (team_id,))
    known = await cursor.fetchone() is not None
    return known and (who.role == "admin" or (who.role == "supervisor" and team_id == who.team_id))
