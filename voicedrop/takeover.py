"""At a first start: the messages of the folder become everybody's, in a database that has none."""

from __future__ import annotations

from pathlib import Path

import structlog

from voicedrop.intake import Actor, Intake, NewMessage
from voicedrop.library.folder import INDEX
from voicedrop.library.importer import uploads
from voicedrop.library.shelf import Shelf
from voicedrop.store.database import Connection, Database

log = structlog.get_logger(__name__)

LOCK = 0x766F6966  # two nodes that start together: one of them takes the folder over
ACTOR = Actor(name="engine")


class _NotEmpty(Exception):
    """The database has messages."""


async def take_over_folder(database: Database, shelf: Shelf, folder: Path) -> int:
    """How many messages were taken over: none if the database has some, or if the folder has no index.

    Raises:
        MessageError: a message cannot be used; none is taken over.
        StoreError: the database does not answer.
    """
    if not (folder / INDEX).is_file():
        return 0
    try:
        async with database.transaction() as connection:
            await _only_if_empty(connection)
        new = [
            # They were in use before there was a limit to their length.
            (file, NewMessage(particulars=particulars, slot=slot, force=True))
            for slot, particulars, file in uploads(folder)
        ]
        added = await Intake(database, shelf).add_messages(new, ACTOR, _only_if_empty)
    except _NotEmpty:
        return 0
    log.info("folder_taken_over", folder=str(folder), messages=len(added))
    return len(added)


async def _only_if_empty(connection: Connection) -> None:
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
    cursor = await connection.execute("SELECT FROM message LIMIT 1")
    if await cursor.fetchone() is not None:
        raise _NotEmpty
