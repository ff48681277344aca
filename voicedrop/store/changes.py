"""Tells every process of the deployment that what the engines keep in memory has changed."""

from __future__ import annotations

from voicedrop.store.database import Connection

CHANGED = "voicedrop_changed"


async def changed(connection: Connection) -> None:
    """Messages, slots, people or the suppression list: told when the transaction commits."""
    await connection.execute(f"NOTIFY {CHANGED}")
