"""Answers that are kept, so that a repeated request is answered and not carried out again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from voicedrop.store.database import Connection, Row

KEPT_FOR = timedelta(hours=24)


async def reserve(connection: Connection, *, token_id: UUID, key: str, request: bytes) -> Row | None:
    """Take the key for a request, by its hash. None: it was free, and the request is to be carried out. Otherwise the
    row of the request that has it, whose `status` is null while that one has no answer."""
    await connection.execute("DELETE FROM idempotency WHERE created_at < now() - %s", (KEPT_FOR,))
    cursor = await connection.execute(
        "INSERT INTO idempotency (token_id, key, request) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING key",
        (token_id, key, request),
    )
    if await cursor.fetchone() is not None:
        return None
    cursor = await connection.execute(
        "SELECT request, status, answer FROM idempotency WHERE token_id = %s AND key = %s", (token_id, key)
    )
    return await cursor.fetchone()


async def keep(connection: Connection, *, token_id: UUID, key: str, status: int, answer: dict[str, Any]) -> None:
    """The answer for whoever asks again."""
    await connection.execute(
        "UPDATE idempotency SET status = %s, answer = %s WHERE token_id = %s AND key = %s",
        (status, Jsonb(answer), token_id, key),
    )


async def release(connection: Connection, *, token_id: UUID, key: str) -> None:
    """Nothing was done: the request may be made again."""
    await connection.execute("DELETE FROM idempotency WHERE token_id = %s AND key = %s", (token_id, key))
