"""Consents on record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from voicedrop.model import new_id
from voicedrop.store.database import Connection, Row
from voicedrop.store.numbers import forms

_COLUMNS = "id, number, basis, source, evidence, given_at, expires_at, revoked_at, created_at, created_by"


@dataclass(frozen=True, kw_only=True)
class NewConsent:
    """`basis` is one of policy.settings.Basis; times are aware."""

    number: str
    basis: str
    source: str
    evidence: str
    given_at: datetime
    expires_at: datetime | None = None


async def add(connection: Connection, consent: NewConsent, *, actor: str) -> Row:
    """Put one on record."""
    cursor = await connection.execute(
        f"""
        INSERT INTO consent (id, number, basis, source, evidence, given_at, expires_at, created_by)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}
        """,
        (
            new_id(),
            consent.number,
            consent.basis,
            consent.source,
            consent.evidence,
            consent.given_at,
            consent.expires_at,
            actor,
        ),
    )
    row = await cursor.fetchone()
    assert row is not None
    return row


async def revoke(connection: Connection, consent_id: UUID) -> Row | None:
    """From now on it does not count, nor do those given before; None when there is none."""
    cursor = await connection.execute(
        f"UPDATE consent SET revoked_at = coalesce(revoked_at, now()) WHERE id = %s RETURNING {_COLUMNS}",
        (consent_id,),
    )
    return await cursor.fetchone()


async def revoke_all(connection: Connection, number: str) -> int:
    """The same for every consent of a number; how many."""
    cursor = await connection.execute(
        "UPDATE consent SET revoked_at = now() WHERE number = ANY(%s) AND revoked_at IS NULL", (forms(number),)
    )
    return cursor.rowcount


async def of_number(connection: Connection, number: str) -> list[Row]:
    """All of a number, oldest first."""
    cursor = await connection.execute(
        f"SELECT {_COLUMNS} FROM consent WHERE number = ANY(%s) ORDER BY given_at, id", (forms(number),)
    )
    return await cursor.fetchall()
