"""Webhooks and what is to be delivered to them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from voicedrop.model import new_id
from voicedrop.store.database import Connection, Row

OLD_SECRET_FOR = timedelta(hours=24)
"""After a rotation both secrets sign for this long."""
_COLUMNS = "id, url, kinds, team_id, created_at, failing_since, disabled_at, disabled_reason, old_secret_until"


@dataclass(frozen=True, kw_only=True)
class Due:
    """One delivery that is to be made now."""

    delivery: UUID
    webhook: UUID
    url: str
    secrets: tuple[str, ...]
    """The newest first."""
    event: int
    kind: str
    at: datetime
    drop: UUID | None
    body: dict[str, Any]
    attempt: int
    """1 for the first."""
    failing_since: datetime | None


def new_secret() -> str:
    return f"whsec_{secrets.token_urlsafe(32)}"


async def add(connection: Connection, *, url: str, kinds: list[str], team_id: UUID | None) -> tuple[UUID, str]:
    """A new webhook: its id, and its secret, which is told this once."""
    identity, secret = UUID(new_id()), new_secret()
    await connection.execute(
        "INSERT INTO webhook (id, url, kinds, team_id, secret) VALUES (%s, %s, %s, %s, %s)",
        (identity, url, kinds, team_id, secret),
    )
    return identity, secret


async def listing(connection: Connection, *, team_id: UUID | None = None) -> list[Row]:
    """Every webhook, or those of a team; without their secrets."""
    cursor = await connection.execute(
        f"SELECT {_COLUMNS} FROM webhook WHERE %(team)s::uuid IS NULL OR team_id = %(team)s ORDER BY id",
        {"team": team_id},
    )
    return await cursor.fetchall()


async def one(connection: Connection, webhook: UUID) -> Row | None:
    cursor = await connection.execute(f"SELECT {_COLUMNS} FROM webhook WHERE id = %s", (webhook,))
    return await cursor.fetchone()


async def change(connection: Connection, webhook: UUID, *, url: str, kinds: list[str], active: bool) -> bool:
    """Set it anew; `active` takes a disabled one up again. False when it does not exist."""
    cursor = await connection.execute(
        """
        UPDATE webhook SET url = %(url)s, kinds = %(kinds)s,
            failing_since = CASE WHEN %(active)s AND disabled_at IS NOT NULL THEN NULL ELSE failing_since END,
            disabled_reason = CASE WHEN %(active)s THEN NULL ELSE coalesce(disabled_reason, 'by request') END,
            disabled_at = CASE WHEN %(active)s THEN NULL ELSE coalesce(disabled_at, now()) END
        WHERE id = %(webhook)s
        """,
        {"url": url, "kinds": kinds, "active": active, "webhook": webhook},
    )
    return cursor.rowcount > 0


async def remove(connection: Connection, webhook: UUID) -> bool:
    cursor = await connection.execute("DELETE FROM webhook WHERE id = %s", (webhook,))
    return cursor.rowcount > 0


async def rotate(connection: Connection, webhook: UUID) -> str | None:
    """A new secret; the old one signs as well for `OLD_SECRET_FOR`. None when there is no such webhook."""
    secret = new_secret()
    cursor = await connection.execute(
        "UPDATE webhook SET old_secret = secret, old_secret_until = now() + %s, secret = %s WHERE id = %s",
        (OLD_SECRET_FOR, secret, webhook),
    )
    return secret if cursor.rowcount else None


async def deliveries(
    connection: Connection, webhook: UUID, *, state: str = "", before: UUID | None = None, limit: int = 100
) -> list[Row]:
    """What was and is to be delivered to it, newest first."""
    cursor = await connection.execute(
        """
        SELECT d.id, d.event_id, e.kind, d.drop_id, d.state, d.attempts, d.next_at, d.created_at, d.delivered_at,
               d.last_status, d.last_error
        FROM delivery d JOIN event e ON e.id = d.event_id
        WHERE d.webhook_id = %(webhook)s AND (%(state)s = '' OR d.state = %(state)s)
          AND (%(before)s::uuid IS NULL OR d.id < %(before)s)
        ORDER BY d.id DESC LIMIT %(limit)s
        """,
        {"webhook": webhook, "state": state, "before": before, "limit": limit},
    )
    return await cursor.fetchall()


async def redeliver(connection: Connection, webhook: UUID, delivery: UUID, *, now: datetime) -> bool:
    """Deliver once more what was delivered or given up. False when it is not there, or still to be delivered."""
    cursor = await connection.execute(
        """
        UPDATE delivery SET state = 'pending', attempts = 0, next_at = %s, delivered_at = NULL
        WHERE id = %s AND webhook_id = %s AND state <> 'pending'
        """,
        (now, delivery, webhook),
    )
    return cursor.rowcount > 0


async def take_due(connection: Connection, *, now: datetime, lease: timedelta, limit: int) -> list[Due]:
    """Take what is due: nobody else gets it before the lease has run out, so a sender that dies loses nothing.

    Of one drop's deliveries to one webhook only the oldest is given out, and the next when that is settled.
    """
    cursor = await connection.execute(
        """
        WITH due AS (
            SELECT d.id FROM delivery d JOIN webhook w ON w.id = d.webhook_id
            WHERE d.state = 'pending' AND d.next_at <= %(now)s AND w.disabled_at IS NULL
              AND NOT EXISTS (
                SELECT 1 FROM delivery o
                WHERE o.webhook_id = d.webhook_id AND o.drop_id = d.drop_id AND o.state = 'pending'
                  AND o.event_id < d.event_id)
            ORDER BY d.next_at, d.event_id LIMIT %(limit)s FOR UPDATE OF d SKIP LOCKED
        )
        UPDATE delivery d SET attempts = d.attempts + 1, next_at = %(until)s
        FROM due, webhook w, event e
        WHERE d.id = due.id AND w.id = d.webhook_id AND e.id = d.event_id
        RETURNING d.id AS delivery, w.id AS webhook, w.url, w.secret,
            CASE WHEN w.old_secret_until > %(now)s THEN w.old_secret END AS old_secret,
            e.id AS event, e.kind, e.at, e.drop_id AS drop, e.body, d.attempts AS attempt, w.failing_since
        """,
        {"now": now, "until": now + lease, "limit": limit},
    )
    rows = sorted(await cursor.fetchall(), key=lambda row: row["event"])
    return [Due(secrets=tuple(filter(None, (row.pop("secret"), row.pop("old_secret")))), **row) for row in rows]


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How the webhooks are doing."""

    pending: int
    """Deliveries that wait, those of disabled webhooks too."""
    dead: int
    """Deliveries that were given up and not asked for again, as long as their events are kept."""
    disabled: int
    """Webhooks."""


async def counts(connection: Connection) -> Counts:
    cursor = await connection.execute(
        """
        SELECT (SELECT count(*) FROM delivery WHERE state = 'pending') AS pending,
            (SELECT count(*) FROM delivery WHERE state = 'dead') AS dead,
            (SELECT count(*) FROM webhook WHERE disabled_at IS NOT NULL) AS disabled
        """
    )
    row = await cursor.fetchone()
    assert row is not None
    return Counts(**row)


async def next_due(connection: Connection) -> datetime | None:
    """When something is due next; None when nothing waits."""
    cursor = await connection.execute(
        """
        SELECT min(next_at) AS at FROM delivery d JOIN webhook w ON w.id = d.webhook_id
        WHERE d.state = 'pending' AND w.disabled_at IS NULL
        """
    )
    row = await cursor.fetchone()
    return row["at"] if row else None


async def delivered(connection: Connection, due: Due, *, status: int, now: datetime) -> None:
    """It arrived."""
    await connection.execute(
        "UPDATE delivery SET state = 'delivered', delivered_at = %s, last_status = %s, last_error = '' WHERE id = %s",
        (now, status, due.delivery),
    )
    await connection.execute(
        "UPDATE webhook SET failing_since = NULL WHERE id = %s AND failing_since IS NOT NULL", (due.webhook,)
    )


async def failed(
    connection: Connection, due: Due, *, status: int | None, error: str, again_at: datetime | None, now: datetime
) -> None:
    """It did not; it is tried again at `again_at`, or never."""
    await connection.execute(
        """
        UPDATE delivery SET state = CASE WHEN %(again)s::timestamptz IS NULL THEN 'dead' ELSE 'pending' END,
            next_at = coalesce(%(again)s, next_at), last_status = %(status)s, last_error = %(error)s
        WHERE id = %(id)s
        """,
        {"again": again_at, "status": status, "error": error, "id": due.delivery},
    )
    await connection.execute(
        "UPDATE webhook SET failing_since = coalesce(failing_since, %s) WHERE id = %s", (now, due.webhook)
    )


async def disable(connection: Connection, webhook: UUID, reason: str, *, now: datetime) -> bool:
    """Send it nothing more, and say why. False when it is disabled already."""
    cursor = await connection.execute(
        "UPDATE webhook SET disabled_at = %s, disabled_reason = %s WHERE id = %s AND disabled_at IS NULL",
        (now, reason, webhook),
    )
    return cursor.rowcount > 0
