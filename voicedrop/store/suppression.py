"""The list of numbers that get no message."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from voicedrop.store.changes import changed
from voicedrop.store.database import Connection, Row


@dataclass(frozen=True, kw_only=True)
class Suppressed:
    """One entry. `pattern` is a number as +15551234567, or the beginning of numbers as +1900*."""

    pattern: str
    reason: str = ""
    source: str
    expires_at: datetime | None = None


async def add(connection: Connection, entries: Iterable[Suppressed], *, actor: str) -> int:
    """Put entries on the list; one that is there already gets the new reason and time. How many were new."""
    new = 0
    async with connection.cursor() as cursor:
        await cursor.executemany(
            """
            INSERT INTO suppression (pattern, reason, source, created_by, expires_at) VALUES (%s, %s, %s, %s, %s)
            ON CONFLICT (pattern) DO UPDATE
            SET reason = excluded.reason, source = excluded.source, expires_at = excluded.expires_at
            RETURNING (xmax = 0) AS new
            """,
            [(one.pattern, one.reason, one.source, actor, one.expires_at) for one in entries],
            returning=True,
        )
        while cursor.pgresult is not None:
            new += sum(row["new"] for row in await cursor.fetchall())
            if not cursor.nextset():
                break
    await changed(connection)
    return new


async def remove(connection: Connection, pattern: str) -> bool:
    """Take one entry off the list; False when it was not on it."""
    cursor = await connection.execute("DELETE FROM suppression WHERE pattern = %s", (pattern,))
    await changed(connection)
    return cursor.rowcount > 0


async def listing(connection: Connection, *, beginning: str = "", after: str = "", limit: int = 100) -> list[Row]:
    """In the order of the patterns; `after` is the last pattern that was read."""
    cursor = await connection.execute(
        """
        SELECT pattern, reason, source, created_at, created_by, expires_at FROM suppression
        WHERE starts_with(pattern, %s) AND pattern > %s ORDER BY pattern LIMIT %s
        """,
        (beginning, after, limit),
    )
    return await cursor.fetchall()


async def look_up(connection: Connection, keys: Sequence[str], hashed: bytes) -> Row | None:
    """The entry that a number falls under: `keys` are the number and its beginnings with a star, `hashed` its hash."""
    cursor = await connection.execute(
        """
        SELECT pattern, reason, source FROM suppression
        WHERE pattern = ANY(%(keys)s) AND (expires_at IS NULL OR expires_at > now())
        UNION ALL SELECT '(erased)', 'opted out', 'erasure' FROM suppression_hash WHERE hash = %(hashed)s
        LIMIT 1
        """,
        {"keys": list(keys), "hashed": hashed},
    )
    return await cursor.fetchone()
