"""Telephone numbers at rest: the forms in which one is written, and its keyed hash."""

from __future__ import annotations

import hashlib
import hmac

from voicedrop.store.database import Connection

PERSONAL = ("number", "caller_id", "ref", "uniqueid", "linkedid", "sip_call_id", "channel", "policy")
"""What in a receipt, an event or a line of the journal leads to a person: the number, and the references by which
other systems (the operator's CRM, call records, a session controller) know the call; and what the policy was told."""


def forms(number: str) -> list[str]:
    """How a number may stand in a record: with + or, as some trunks bring it, without."""
    digits = number.removeprefix("+")
    return [f"+{digits}", digits]


def hashed(number: str, key: bytes) -> bytes:
    """HMAC-SHA256 of a number, the same with and without its +."""
    return hmac.digest(key, number.removeprefix("+").encode(), hashlib.sha256)


async def key(connection: Connection) -> bytes:
    """The deployment's key."""
    row = await (await connection.execute("SELECT key FROM number_key")).fetchone()
    assert row is not None
    return bytes(row["key"])
