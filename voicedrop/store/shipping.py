"""Takes the journal over into the database: every entry once, in order, whatever goes away in between."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import psycopg
import structlog

from voicedrop.errors import StoreError
from voicedrop.store.database import Connection, Database
from voicedrop.store.entries import BadEntry, Checked, check
from voicedrop.store.journal import Journal, parse
from voicedrop.store.takeover import Writer

log = structlog.get_logger(__name__)

LOOK_S = 5.0  # the journal is looked at this often, whether or not an entry woke us
BATCH_BYTES = 256 * 1024  # a receipt has about 2 KB; a line longer than this is none of ours
BATCH_LINES = 200  # a transaction of about 100 ms, in which other writers of events wait
BACKOFF_S = (0.5, 15.0)  # first and longest wait for a database that is away
EVIDENCE_KEPT = timedelta(days=30)
# The database's word that a value cannot be stored. Anything else it refuses is waited out: nothing may be lost to a
# full disk or a missing right.
UNSTORABLE = (psycopg.DataError, psycopg.IntegrityError)


@dataclass(frozen=True)
class Line:
    """A line of the journal: where it ends in its file, and its entry if it is one that goes into the database."""

    end: int
    entry: Checked | None


class _Moved(Exception):
    """The database is at another place in the file than we thought."""


class Shipper:
    """Ships the journal of one node. How far it is stands in the database alone, written with what was shipped."""

    def __init__(
        self, database: Database, journal: Journal, node: str, *, evidence_kept: timedelta = EVIDENCE_KEPT
    ) -> None:
        self._database = database
        self._journal = journal
        self._node = node
        self._evidence_kept = evidence_kept
        self._places: dict[str, int] | None = None  # as the database last told; None: it must be asked
        self._why: type[Exception] | None = None
        self.up = True
        """The last attempt reached the database."""
        self.skipped = 0
        """Lines that could not be understood or stored, since the start."""

    async def run(self) -> None:
        """Until it is cancelled."""
        wait_s = BACKOFF_S[0]
        while True:
            self._journal.written.clear()
            try:
                await self.ship_all()
            except (StoreError, OSError) as error:
                self._down(error)
                await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))
                wait_s = min(wait_s * 2, BACKOFF_S[1])
                continue
            wait_s = BACKOFF_S[0]
            await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(LOOK_S):
                await self._journal.written.wait()
        except TimeoutError:
            return

    def _down(self, error: Exception) -> None:
        self._places = None
        if type(error) is not self._why:  # told once; away and refusing are two things
            log.warning("shipping_waits", reason=str(error))
        self._why = type(error)
        self.up = False

    async def ship_all(self) -> None:
        """Take over whatever is on the disk by now.

        Raises:
            StoreError: the database is away, or refuses. What it has not committed is shipped the next time.
            OSError: the journal cannot be read.
        """
        while await self._ship_some():
            pass
        if not self.up:
            log.info("shipping_again")
        self.up, self._why = True, None

    async def _ship_some(self) -> bool:
        """One batch; False when nothing is left."""
        if self._places is None:
            self._places = await self._ask()
        files = await asyncio.to_thread(self._journal.files)
        for path in files:
            place = self._places.get(path.name, 0)
            size = await asyncio.to_thread(self._journal.safe_size, path)
            if size < place:
                await self._begin_again(path, place, size)
                return True
            if size == place:
                continue
            lines = await asyncio.to_thread(self._read, path, place, size, path is not files[-1])
            if lines:
                try:
                    await self._ship(path.name, place, lines)
                except _Moved:
                    self._places = None
                return True
        return False

    async def behind(self) -> int:
        """How many bytes of the journal are not shipped, by what is known of the database."""
        places = self._places or {}
        files = await asyncio.to_thread(self._journal.files)
        return sum(max(0, path.stat().st_size - places.get(path.name, 0)) for path in files)

    async def _ask(self) -> dict[str, int]:
        async with self._database.transaction() as connection:
            cursor = await connection.execute("SELECT file, bytes FROM shipped WHERE node = %s", (self._node,))
            return {row["file"]: row["bytes"] for row in await cursor.fetchall()}

    async def _begin_again(self, path: Path, place: int, size: int) -> None:
        """A file that has become shorter is another one: the state directory was emptied or restored."""
        log.error("journal_shorter_than_shipped", file=path.name, shipped=place, size=size)
        async with self._database.transaction() as connection:
            await connection.execute(
                "UPDATE shipped SET bytes = 0 WHERE node = %s AND file = %s", (self._node, path.name)
            )
        self._places = None

    def _read(self, path: Path, place: int, size: int, complete: bool) -> list[Line]:
        """Whole lines from `place` on. The end of a `complete` file, which grows no more, ends its last line."""
        with path.open("rb") as file:
            file.seek(place)
            text = file.read(min(BATCH_BYTES, size - place))
        lines, end = [], place
        *whole, rest = text.split(b"\n", BATCH_LINES)
        for line in whole:
            end += len(line) + 1
            lines.append(Line(end, self._checked(line, path.name, end)))
        if not lines and (len(text) == BATCH_BYTES or (complete and place + len(text) == size)):
            end = place + len(rest)
            lines.append(Line(end, self._checked(rest, path.name, end)))
        return lines

    def _checked(self, line: bytes, file: str, end: int) -> Checked | None:
        if not line.strip():
            return None
        entry = parse(line)
        try:
            if entry is None:
                raise BadEntry("it is no JSON object")
            return check(entry)
        except BadEntry as error:
            self._skip(file, end, error)
            return None

    def _skip(self, file: str, end: int, reason: Exception) -> None:
        self.skipped += 1
        # Not the line itself: it may hold a number.
        log.error("journal_line_skipped", file=file, ends_at=end, reason=str(reason))

    async def _ship(self, file: str, place: int, lines: list[Line]) -> None:
        """Everything that these lines say, and that they were shipped, in one transaction."""
        try:
            async with self._database.transaction() as connection:
                await self._lock(connection, file, place)
                await self._take_over(connection, lines)
                await self._move(connection, file, lines[-1].end)
        except (StoreError, psycopg.Error) as error:
            await self._split(file, place, lines, error)
            return
        if self._places is not None:
            self._places[file] = lines[-1].end

    async def _take_over(self, connection: Connection, lines: list[Line]) -> None:
        writer = Writer(connection=connection, node=self._node, evidence_kept=self._evidence_kept)
        await writer.write(line.entry for line in lines if line.entry is not None)

    async def _split(self, file: str, place: int, lines: list[Line], error: Exception) -> None:
        """Find the one line that cannot be stored, and pass it over."""
        cause = error.__cause__ if isinstance(error, StoreError) else error
        if not isinstance(cause, UNSTORABLE):
            _again(error)
        if len(lines) > 1:
            half = len(lines) // 2
            await self._ship(file, place, lines[:half])
            await self._ship(file, lines[half - 1].end, lines[half:])
        elif lines[0].entry is None:
            _again(error)
        else:
            self._skip(file, lines[0].end, cause)
            await self._ship(file, place, [Line(lines[0].end, None)])

    async def _lock(self, connection: Connection, file: str, place: int) -> None:
        """One at a time ships a file, from where it was left."""
        await connection.execute(
            "INSERT INTO shipped (node, file, bytes) VALUES (%s, %s, 0) ON CONFLICT DO NOTHING", (self._node, file)
        )
        cursor = await connection.execute(
            "SELECT bytes FROM shipped WHERE node = %s AND file = %s FOR UPDATE", (self._node, file)
        )
        row = await cursor.fetchone()
        if row is None or row["bytes"] != place:
            raise _Moved

    async def _move(self, connection: Connection, file: str, place: int) -> None:
        await connection.execute(
            "UPDATE shipped SET bytes = %s WHERE node = %s AND file = %s", (place, self._node, file)
        )


def _again(error: Exception) -> NoReturn:
    raise error if isinstance(error, StoreError) else StoreError(str(error)) from error
