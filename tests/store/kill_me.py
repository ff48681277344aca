"""Ships a journal in small batches, says so after each, and expects to be killed: STATE_DIR URL."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from voicedrop.store import shipping
from voicedrop.store.database import Connection, Database
from voicedrop.store.journal import Journal
from voicedrop.store.shipping import Line, Shipper


class Telling(Shipper):
    """Says each step, so that the kill may fall between any two."""

    async def _take_over(self, connection: Connection, lines: list[Line]) -> None:
        print("writing", flush=True)
        await super()._take_over(connection, lines)
        print("written", flush=True)

    async def _move(self, connection: Connection, file: str, place: int) -> None:
        await super()._move(connection, file, place)
        print("moved", flush=True)


async def main(state_dir: Path, url: str) -> None:
    shipping.BATCH_LINES = 3
    database, journal = Database(url, pool=1), Journal(state_dir)
    journal.open()
    await database.open()
    await Telling(database, journal, "n1").ship_all()
    print("done", flush=True)
    await database.close()
    journal.close()


asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
