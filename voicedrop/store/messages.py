"""Messages and their versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from voicedrop.model import Outcome, new_id
from voicedrop.store import ownership
from voicedrop.store.changes import changed
from voicedrop.store.database import Connection, Row
from voicedrop.store.tokens import Principal

CANDIDATES = 10  # of one label: so many are told to somebody who is to choose
SHELF_LOCK = 0x73686C66  # "shlf": with a file's hash, who puts it on the shelf and who takes it off
REPLACED_KEPT = timedelta(days=7)
"""An engine that the database does not reach goes on with what it knows, and keeps the receipts: for as long as it is
thought to be left so, a version that was replaced stays, because it may be played yet, or named in a journal."""
TEXTS = ("label", "language", "tags", "transcript", "call_to_action", "callback_number", "optout_number", "evidence")
"""The columns that a person may change."""
_COLUMNS = """
    m.id, m.label, m.agent_id, m.team_id, m.language, m.tags, m.transcript, m.call_to_action, m.callback_number,
    m.optout_number, m.evidence, m.version, m.created_at, v.sha256, v.prepared_sha256, v.duration_s, v.checks,
    coalesce(c.drops, 0)::bigint AS drops, coalesce(c.delivered, 0)::bigint AS delivered
"""
_TABLES = f"""
    message m JOIN message_version v ON v.message_id = m.id AND v.version = m.version
    LEFT JOIN LATERAL (
        SELECT sum(drops) AS drops, sum(drops) FILTER (WHERE outcome = '{Outcome.DELIVERED}') AS delivered
        FROM message_count WHERE message_id = m.id
    ) c ON true
"""


@dataclass(frozen=True, kw_only=True)
class NewVersion:
    """Audio that has been prepared."""

    sha256: str
    prepared_sha256: str
    duration_s: float
    checks: list[dict[str, Any]]
    created_by: str


async def listing(
    connection: Connection,
    who: Principal,
    *,
    agent_id: UUID | None = None,
    team_id: UUID | None = None,
    tag: str | None = None,
    search: str | None = None,
    after: UUID | None = None,
    limit: int = 50,
) -> list[Row]:
    """The messages that he may use, oldest first, with how often each was dropped; `after` is the last id read."""
    cursor = await connection.execute(
        f"""
        SELECT {_COLUMNS} FROM {_TABLES}
        WHERE m.deleted_at IS NULL AND {ownership.visible(who, "m")}
          AND (%(after)s::uuid IS NULL OR m.id > %(after)s)
          AND (%(agent)s::uuid IS NULL OR m.agent_id = %(agent)s)
          AND (%(team)s::uuid IS NULL OR m.team_id = %(team)s)
          AND (%(tag)s::text IS NULL OR %(tag)s = ANY(m.tags))
          AND (%(search)s::text IS NULL OR strpos(lower(m.label), lower(%(search)s)) > 0)
        ORDER BY m.id LIMIT %(limit)s
        """,
        {
            **ownership.parameters(who),
            "agent": agent_id,
            "team": team_id,
            "tag": tag,
            "search": search,
            "after": after,
            "limit": limit,
        },
    )
    return await cursor.fetchall()


async def one(connection: Connection, who: Principal, message_id: UUID) -> Row | None:
    """None: there is none, or he may not see it."""
    cursor = await connection.execute(
        f"SELECT {_COLUMNS} FROM {_TABLES} WHERE m.id = %(id)s AND m.deleted_at IS NULL "
        f"AND {ownership.visible(who, 'm')}",
        {**ownership.parameters(who), "id": message_id},
    )
    return await cursor.fetchone()


async def labelled(connection: Connection, who: Principal, label: str) -> list[UUID]:
    """The messages of exactly this label that he may use, oldest first; `CANDIDATES` at most."""
    cursor = await connection.execute(
        f"SELECT m.id FROM message m WHERE m.label = %(label)s AND m.deleted_at IS NULL AND "
        f"{ownership.visible(who, 'm')} ORDER BY m.id LIMIT %(most)s",
        {**ownership.parameters(who), "label": label, "most": CANDIDATES},
    )
    return [row["id"] for row in await cursor.fetchall()]


async def may_change(connection: Connection, who: Principal, message_id: UUID) -> bool:
    """Whether a message that is there is his to change. It is held until the transaction ends."""
    cursor = await connection.execute(
        f"SELECT 1 FROM message m WHERE m.id = %(id)s AND m.deleted_at IS NULL AND {ownership.changeable(who, 'm')} "
        "FOR UPDATE",
        {**ownership.parameters(who), "id": message_id},
    )
    return await cursor.fetchone() is not None


async def lock_shelf(connection: Connection, sha256: str) -> None:
    """Until the transaction ends nobody else puts this file on the shelf or takes it off."""
    await connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (SHELF_LOCK, sha256))


async def add(
    connection: Connection,
    version: NewVersion,
    texts: dict[str, Any],
    *,
    agent_id: UUID | None = None,
    team_id: UUID | None = None,
) -> UUID:
    """A new message with its first version. `texts` has every key of `TEXTS`.

    Raises:
        psycopg.errors.ForeignKeyViolation: there is no such agent or team.
    """
    message_id = UUID(new_id())
    await connection.execute(
        f"""
        INSERT INTO message (id, agent_id, team_id, {", ".join(TEXTS)})
        VALUES (%(id)s, %(agent_id)s, %(team_id)s, {", ".join(f"%({name})s" for name in TEXTS)})
        """,
        {**texts, "id": message_id, "agent_id": agent_id, "team_id": team_id},
    )
    await _add_version(connection, message_id, 1, version)
    await changed(connection)
    return message_id


async def change(connection: Connection, message_id: UUID, texts: dict[str, Any]) -> None:
    """Set some of `TEXTS` anew."""
    given = [name for name in TEXTS if name in texts]
    if given:
        await connection.execute(
            f"UPDATE message SET {', '.join(f'{name} = %({name})s' for name in given)} WHERE id = %(id)s",
            {**texts, "id": message_id},
        )
    await changed(connection)


async def add_version(connection: Connection, message_id: UUID, version: NewVersion) -> int:
    """Its number; from now on it is what is played."""
    cursor = await connection.execute(
        "SELECT max(version) AS newest FROM message_version WHERE message_id = %s", (message_id,)
    )
    row = await cursor.fetchone()
    number = int(row["newest"] or 0) + 1 if row else 1
    await _add_version(connection, message_id, number, version)
    await play_version(connection, message_id, number)
    return number


async def _add_version(connection: Connection, message_id: UUID, number: int, version: NewVersion) -> None:
    await connection.execute(
        """
        INSERT INTO message_version (message_id, version, sha256, prepared_sha256, duration_s, checks, created_by)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        """,
        (
            message_id,
            number,
            version.sha256,
            version.prepared_sha256,
            version.duration_s,
            Jsonb(version.checks),
            version.created_by,
        ),
    )


async def play_version(connection: Connection, message_id: UUID, number: int) -> None:
    """Make a version that is there the one that is played."""
    await connection.execute(
        """
        UPDATE message_version SET replaced_at = CASE WHEN version = %s THEN NULL ELSE coalesce(replaced_at, now()) END
        WHERE message_id = %s
        """,
        (number, message_id),
    )
    await connection.execute("UPDATE message SET version = %s WHERE id = %s", (number, message_id))
    await changed(connection)


async def versions(connection: Connection, message_id: UUID) -> list[Row]:
    """Newest first, each with its drops by outcome; `deletable_at` is null for the one that is played."""
    cursor = await connection.execute(
        """
        SELECT v.version, v.sha256, v.prepared_sha256, v.duration_s, v.checks, v.created_at, v.created_by,
            v.replaced_at + %s AS deletable_at,
            coalesce((SELECT jsonb_object_agg(c.outcome, c.drops) FROM message_count c
                      WHERE c.message_id = v.message_id AND c.version = v.version), '{}') AS outcomes
        FROM message_version v WHERE v.message_id = %s ORDER BY v.version DESC
        """,
        (REPLACED_KEPT, message_id),
    )
    return await cursor.fetchall()


async def version(connection: Connection, message_id: UUID, number: int) -> Row | None:
    """`deletable`: it was replaced so long ago that no engine plays it any more, and every drop of it is known."""
    cursor = await connection.execute(
        "SELECT version, sha256, prepared_sha256, duration_s, coalesce(replaced_at + %s <= now(), false) AS deletable "
        "FROM message_version WHERE message_id = %s AND version = %s",
        (REPLACED_KEPT, message_id, number),
    )
    return await cursor.fetchone()


async def is_named(connection: Connection, message_id: UUID, number: int) -> bool:
    """A drop has played it, or plays it."""
    cursor = await connection.execute(
        "SELECT 1 FROM drops WHERE message_id = %s AND message_version = %s LIMIT 1", (message_id, number)
    )
    return await cursor.fetchone() is not None


async def remove_version(connection: Connection, message_id: UUID, number: int) -> None:
    await connection.execute("DELETE FROM message_version WHERE message_id = %s AND version = %s", (message_id, number))


async def is_wanted(connection: Connection, sha256: str) -> bool:
    """A version of some message was made of this file."""
    cursor = await connection.execute("SELECT 1 FROM message_version WHERE sha256 = %s LIMIT 1", (sha256,))
    return await cursor.fetchone() is not None


async def slots_of(connection: Connection, message_id: UUID) -> int:
    """In how many slots it is."""
    cursor = await connection.execute("SELECT count(*) AS slots FROM slot WHERE message_id = %s", (message_id,))
    row = await cursor.fetchone()
    return int(row["slots"]) if row else 0


async def remove(connection: Connection, message_id: UUID) -> None:
    """It is no longer offered. Receipts go on to name it, so its versions and files stay."""
    await connection.execute("UPDATE message SET deleted_at = now() WHERE id = %s", (message_id,))
    await changed(connection)


async def team_of(connection: Connection, message_id: UUID) -> tuple[UUID | None, UUID | None]:
    """The agent and the team that an event about it concerns."""
    cursor = await connection.execute(
        """
        SELECT m.agent_id, coalesce(m.team_id, a.team_id) AS team_id
        FROM message m LEFT JOIN agent a ON a.id = m.agent_id WHERE m.id = %s
        """,
        (message_id,),
    )
    row = await cursor.fetchone()
    return (row["agent_id"], row["team_id"]) if row else (None, None)
