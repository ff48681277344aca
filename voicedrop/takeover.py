"""At a first start: the messages of the folder become everybody's, in a database that has none."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path

import structlog
from psycopg.types.json import Jsonb

from voicedrop.errors import MessageError
from voicedrop.library.folder import INDEX
from voicedrop.library.importer import uploads
from voicedrop.library.intake import Limits, Particulars, Prepared, prepare
from voicedrop.library.shelf import Shelf
from voicedrop.model import new_id
from voicedrop.store import audit
from voicedrop.store.changes import changed
from voicedrop.store.database import Connection, Database

log = structlog.get_logger(__name__)

LOCK = 0x766F6966  # two nodes that start together: one of them takes the folder over
ACTOR = "engine"


async def take_over_folder(database: Database, shelf: Shelf, folder: Path) -> int:
    """How many messages were taken over: none if the database has some, or if the folder has no index.

    Raises:
        MessageError: a message cannot be used; none is taken over.
        StoreError: the database does not answer.
    """
    if not (folder / INDEX).is_file():
        return 0
    async with database.transaction() as connection:
        if not await _is_empty(connection):
            return 0
    ready = await asyncio.to_thread(_prepare, shelf, folder)
    async with database.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        if not await _is_empty(connection):
            return 0
        for slot, particulars, prepared in ready:
            await _insert(connection, slot, particulars, prepared)
        await changed(connection)
    log.info("folder_taken_over", folder=str(folder), messages=len(ready))
    return len(ready)


def _prepare(shelf: Shelf, folder: Path) -> list[tuple[int, Particulars, Prepared]]:
    ready, faults = [], []
    for slot, particulars, file in uploads(folder):
        try:
            # They were in use before there was a limit to their length.
            ready.append((slot, particulars, prepare(file, shelf, particulars, Limits(), force=True)))
        except MessageError as error:
            faults.append(f"{file}: {error}")
    if faults:
        raise MessageError(f"{folder / INDEX}: {len(faults)} fault(s)\n  " + "\n  ".join(faults))
    return ready


async def _is_empty(connection: Connection) -> bool:
    cursor = await connection.execute("SELECT FROM message LIMIT 1")
    return await cursor.fetchone() is None


async def _insert(connection: Connection, slot: int, particulars: Particulars, prepared: Prepared) -> None:
    message = new_id()
    await connection.execute("INSERT INTO message (id, label) VALUES (%s, %s)", (message, particulars.label))
    await connection.execute(
        """
        INSERT INTO message_version (message_id, version, sha256, prepared_sha256, duration_s, checks, created_by)
        VALUES (%s, 1, %s, %s, %s, %s, %s)
        """,
        (
            message,
            prepared.sha256,
            prepared.prepared_sha256,
            prepared.duration_s,
            Jsonb([asdict(one) for one in prepared.checks]),
            ACTOR,
        ),
    )
    await connection.execute("INSERT INTO slot (slot, message_id) VALUES (%s, %s)", (slot, message))
    await audit.add(
        connection, actor=ACTOR, action="message.imported", thing="message", thing_id=message, detail={"slot": slot}
    )
