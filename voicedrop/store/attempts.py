"""Calls that were placed, or were about to be: what caps count, and what keeps a drop from being made twice."""

from __future__ import annotations

from datetime import datetime, timedelta

from voicedrop.store.database import Connection
from voicedrop.store.numbers import forms

LOOK_BACK = timedelta(days=7)  # the longest cap


async def lock(connection: Connection, number: str) -> None:
    """Until the transaction ends nobody else asks what may be done with this number."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"attempt {forms(number)[0]}",))


async def claim(connection: Connection, *, drop: str, number: str, method: str, node: str) -> str | None:
    """This drop's one attempt is this node's; None, or the node that has it already."""
    cursor = await connection.execute(
        """
        INSERT INTO attempt (drop_id, number, method, node) VALUES (%s, %s, %s, %s)
        ON CONFLICT (drop_id) DO NOTHING
        """,
        (drop, number, method, node),
    )
    return None if cursor.rowcount else await owner(connection, drop)


async def owner(connection: Connection, drop: str) -> str | None:
    """The node that has taken this drop up, attempted or refused; None when none has."""
    cursor = await connection.execute(
        """
        SELECT node FROM attempt WHERE drop_id = %(drop)s
        UNION ALL SELECT node FROM drops WHERE id = %(drop)s AND node <> '' LIMIT 1
        """,
        {"drop": drop},
    )
    row = await cursor.fetchone()
    return str(row["node"]) if row is not None else None


async def elsewhere(connection: Connection, number: str, *, node: str, within: timedelta) -> str | None:
    """Another node that may be calling this number now: it claimed an attempt so short a time ago, and nobody knows of
    its end. None: there is none."""
    cursor = await connection.execute(
        """
        SELECT attempt.node FROM attempt JOIN drops ON drops.id = attempt.drop_id
        WHERE attempt.number = ANY(%s) AND attempt.node <> %s AND drops.outcome IS NULL
            AND attempt.placed_at > now() - %s
        LIMIT 1
        """,
        (forms(number), node, within),
    )
    row = await cursor.fetchone()
    return str(row["node"]) if row is not None else None


async def earlier(connection: Connection, number: str, *, now: datetime) -> list[datetime]:
    """When calls to it were placed: all of the last 7 days, and the last one of all; by agents as well."""
    cursor = await connection.execute(
        """
        WITH calls AS (
            SELECT placed_at AS at FROM attempt WHERE number = ANY(%(forms)s)
            UNION ALL
            SELECT accepted_at FROM drops WHERE number = ANY(%(forms)s) AND door <> 'unattended'
        )
        SELECT at FROM calls WHERE at > %(since)s
        UNION SELECT max(at) FROM calls HAVING max(at) IS NOT NULL
        """,
        {"forms": forms(number), "since": now - LOOK_BACK},
    )
    return [row["at"] for row in await cursor.fetchall()]
