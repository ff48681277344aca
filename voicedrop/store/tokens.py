"""API tokens: made once, shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from voicedrop.model import new_id
from voicedrop.store import audit
from voicedrop.store.database import Connection, Database, Row

Role = Literal["agent", "supervisor", "admin"]

_AGENT = ("messages:read", "messages:write", "calls:read", "drops:read", "drops:write", "events:read", "people:read")
SCOPES: dict[Role, tuple[str, ...]] = {
    "agent": (*_AGENT, "suppression:write"),
    "supervisor": (
        *_AGENT,
        "suppression:write",
        "suppression:read",
        "people:write",
        "webhooks:read",
        "webhooks:write",
    ),
    "admin": (
        *_AGENT,
        "suppression:write",
        "suppression:read",
        "people:write",
        "webhooks:read",
        "webhooks:write",
        "admin",
    ),
}
"""What a token of each role may be given; by default all of it."""

PREFIX = "vd_"
SECRET_BYTES = 32  # 256 random bits: nothing to guess, so a plain hash keeps it as well as a slow one
USED_EVERY = timedelta(minutes=1)  # the last use is written down no more often than this
FIRST_TOKEN_LOCK = 0x766F6964  # one node makes the first token
_COLUMNS = (
    "t.id, t.label, t.role, t.agent_id, t.team_id, t.scopes, t.created_at, t.expires_at, t.revoked_at, t.last_used_at"
)
_PRINCIPAL = """
    SELECT t.id, t.label, t.role, t.agent_id, t.scopes, a.name, coalesce(t.team_id, a.team_id) AS team_id,
           t.last_used_at IS NULL OR t.last_used_at < now() - %s AS note
    FROM token t LEFT JOIN agent a ON a.id = t.agent_id
    WHERE t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
"""


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Whom a token speaks for."""

    token_id: UUID
    label: str
    role: Role
    agent_id: UUID | None
    """Of an agent's token."""
    agent_name: str
    """As the dialplan names him; empty for others."""
    team_id: UUID | None
    """The supervisor's, or the agent's own; None for an admin and for an agent without a team."""
    scopes: frozenset[str]

    @property
    def actor(self) -> str:
        """As the audit trail names him."""
        return f"token:{self.label}"


def hash_of(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def new_token() -> str:
    return PREFIX + secrets.token_urlsafe(SECRET_BYTES)


async def add(
    connection: Connection,
    *,
    label: str,
    role: Role,
    agent_id: UUID | None = None,
    team_id: UUID | None = None,
    scopes: tuple[str, ...] | None = None,
    expires_at: datetime | None = None,
    created_by: UUID | None = None,
) -> tuple[UUID, str]:
    """A new token: its id, and the token itself, which is told this once. `scopes`: None for all of the role's.

    Raises:
        psycopg.errors.ForeignKeyViolation: there is no such agent or team.
        psycopg.errors.CheckViolation: an agent's token without an agent, a supervisor's without a team.
    """
    token, token_id = new_token(), UUID(new_id())
    await connection.execute(
        """
        INSERT INTO token (id, hash, label, role, agent_id, team_id, scopes, expires_at, created_by)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            token_id,
            hash_of(token),
            label,
            role,
            agent_id if role == "agent" else None,
            team_id if role == "supervisor" else None,
            sorted(SCOPES[role] if scopes is None else scopes),
            expires_at,
            created_by,
        ),
    )
    return token_id, token


async def principal(connection: Connection, token: str) -> Principal | None:
    """Whom it speaks for; None when it is unknown, revoked or expired. Notes that it was used."""
    cursor = await connection.execute(f"{_PRINCIPAL} AND t.hash = %s", (USED_EVERY, hash_of(token)))
    row = await cursor.fetchone()
    if row is None:
        return None
    if row["note"]:
        await connection.execute("UPDATE token SET last_used_at = now() WHERE id = %s", (row["id"],))
    return _principal(row)


async def again(connection: Connection, token_id: UUID) -> Principal | None:
    """Whom a token that was shown before speaks for now; None when it opens nothing any more."""
    cursor = await connection.execute(f"{_PRINCIPAL} AND t.id = %s", (USED_EVERY, token_id))
    row = await cursor.fetchone()
    return None if row is None else _principal(row)


def _principal(row: Row) -> Principal:
    return Principal(
        token_id=row["id"],
        label=row["label"],
        role=row["role"],
        agent_id=row["agent_id"],
        agent_name=row["name"] or "",
        team_id=row["team_id"],
        scopes=frozenset(row["scopes"]),
    )


async def listing(connection: Connection, *, after: UUID | None = None, limit: int = 100) -> list[Row]:
    """Every token, oldest first, without hashes; `after` is the id of the last that was read."""
    cursor = await connection.execute(
        f"""
        SELECT {_COLUMNS} FROM token t WHERE %(after)s::uuid IS NULL OR t.id > %(after)s
        ORDER BY t.id LIMIT %(limit)s
        """,
        {"after": after, "limit": limit},
    )
    return await cursor.fetchall()


async def one(connection: Connection, token_id: UUID) -> Row | None:
    cursor = await connection.execute(f"SELECT {_COLUMNS} FROM token t WHERE t.id = %s", (token_id,))
    return await cursor.fetchone()


async def revoke(connection: Connection, token_id: UUID) -> bool:
    """From now on it opens nothing. False when there is no such token, or it was revoked before."""
    cursor = await connection.execute(
        "UPDATE token SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL", (token_id,)
    )
    return cursor.rowcount > 0


async def ensure_first_token(database: Database) -> str | None:
    """An admin's token if there has never been any token, to be shown once; else None.

    Raises:
        StoreError: the database does not answer.
    """
    async with database.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (FIRST_TOKEN_LOCK,))
        cursor = await connection.execute("SELECT 1 FROM token LIMIT 1")
        if await cursor.fetchone() is not None:
            return None
        token_id, token = await add(connection, label="first", role="admin")
        await audit.add(connection, actor="engine", action="create", thing="token", thing_id=str(token_id))
        return token
