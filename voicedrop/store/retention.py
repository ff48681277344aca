"""What is kept for how long, and then deleted: evidence, personal data, events, audit trail, the journal's files."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import structlog

from voicedrop.errors import JournalError, StoreError
from voicedrop.store import numbers
from voicedrop.store.database import Database
from voicedrop.store.drops import first_id
from voicedrop.store.entries import blanked, moment_of
from voicedrop.store.journal import Entry, Journal, unfinished
from voicedrop.store.persons import BLANK, BLANK_DROP

log = structlog.get_logger(__name__)

SWEEP_S = 3600.0
BATCH = 500  # rows a transaction: a fraction of a second
IDEMPOTENCY_KEPT = timedelta(hours=24)
# A drop that was under way when its callee was erased ends within its time limit (at most 30 minutes), and its
# receipt still names him: the journal is gone over once more after that.
ERASURE_SETTLES = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Days. 0: kept for ever."""

    receipts_days: int = 365
    """Then numbers, caller ids and references in drops are blanked; what was counted stays."""
    evidence_days: int = 30
    events_days: int = 90
    audit_days: int = 730
    journal_days: int = 30


class Retention:
    """Of one node: its own evidence and journal, and, with every other node, the database."""

    def __init__(self, database: Database, journal: Journal, node: str, evidence: Path, limits: Limits) -> None:
        self._database = database
        self._journal = journal
        self._node = node
        self._evidence = evidence.absolute()
        self._limits = limits
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something is to be deleted now: a number was erased."""
        self._woken.set()

    async def run(self) -> None:
        """Until it is cancelled: at once, and every hour. What fails is tried again the next time."""
        while True:
            self._woken.clear()
            try:
                await self.sweep(datetime.now(UTC))
            except (StoreError, JournalError, OSError) as error:
                log.warning("retention_waits", reason=str(error))
            await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(SWEEP_S):
                await self._woken.wait()
        except TimeoutError:
            return

    async def sweep(self, now: datetime) -> None:
        """Delete whatever is due.

        Raises:
            StoreError, JournalError, OSError: the rest is left for the next time.
        """
        await self._blank_journal(now)
        await self._delete_evidence(now)
        await self._delete_strays(now)
        await self._blank_drops(now)
        await self._delete_rows(now)
        await self._delete_journal(now)

    async def _blank_journal(self, now: datetime) -> None:
        """What this node's journal holds of numbers that were erased."""
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                "SELECT hash, at FROM erasure WHERE NOT %s = ANY(done) ORDER BY at", (self._node,)
            )
            erased = {bytes(row["hash"]): row["at"] for row in await cursor.fetchall()}
            key = await numbers.key(connection)
        if not erased:
            return

        def change(entry: Entry) -> Entry | None:
            ended = entry.get("kind") == "ended"
            about = entry.get("receipt") if ended else entry
            number = about.get("number") if isinstance(about, dict) else None
            at = erased.get(numbers.hashed(number, key)) if isinstance(number, str) and number else None
            if at is None or not isinstance(about, dict):
                return None
            # A line that says no time is blanked: it cannot be shown to be of a later call.
            with contextlib.suppress(KeyError, TypeError, ValueError):
                if moment_of(about["accepted" if ended else "at"]) > at:
                    return None
            return {**entry, "receipt": blanked(about)} if ended else blanked(about)

        lines = await self._journal.blank(change)
        log.info("journal_blanked", lines=lines)
        settled = [one for one, at in erased.items() if at + ERASURE_SETTLES < now]
        async with self._database.transaction() as connection:
            await connection.execute(
                "UPDATE erasure SET done = done || %s::text WHERE hash = ANY(%s) AND NOT %s = ANY(done)",
                (self._node, settled, self._node),
            )

    async def _delete_evidence(self, now: datetime) -> None:
        while True:
            async with self._database.transaction() as connection:
                cursor = await connection.execute(
                    """
                    SELECT id, evidence FROM drops
                    WHERE node = %s AND evidence IS NOT NULL AND evidence_until <= %s
                    ORDER BY evidence_until LIMIT %s
                    """,
                    (self._node, now, BATCH),
                )
                due = await cursor.fetchall()
            for row in due:
                await asyncio.to_thread(self._remove, row["evidence"])
            async with self._database.transaction() as connection:
                await connection.execute(
                    "UPDATE drops SET evidence = NULL WHERE id = ANY(%s)", ([row["id"] for row in due],)
                )
            if len(due) < BATCH:
                return

    def _remove(self, name: str) -> None:
        folder = self._evidence / name
        # A name leads to one folder in ours and nowhere else.
        if folder.parent == self._evidence and folder.name not in ("", "..") and folder.exists():
            shutil.rmtree(folder)

    async def _delete_strays(self, now: datetime) -> None:
        """Evidence of drops that the database does not know: its engine or its disk died."""
        old = await asyncio.to_thread(self._folders, now)
        async with self._database.transaction() as connection:
            cursor = await connection.execute(
                "SELECT id FROM drops WHERE id = ANY(%s) AND evidence IS NOT NULL", (list(old),)
            )
            known = {row["id"] for row in await cursor.fetchall()}
        for drop in old.keys() - known:
            await asyncio.to_thread(self._remove, old[drop])

    def _folders(self, now: datetime) -> dict[UUID, str]:
        """Old folders by the drops that they are named after; one with another name is not ours."""
        found: dict[UUID, str] = {}
        if not self._limits.evidence_days or not self._evidence.is_dir():
            return found
        before = (now - timedelta(days=self._limits.evidence_days)).timestamp()
        for one in self._evidence.iterdir():
            if one.is_dir() and one.stat().st_mtime < before:
                with contextlib.suppress(ValueError):
                    found[UUID(one.name)] = one.name
        return found

    async def _blank_drops(self, now: datetime) -> None:
        if not self._limits.receipts_days:
            return
        before = now - timedelta(days=self._limits.receipts_days)
        given = {"before": before, "id": first_id(before), "batch": BATCH, "personal": list(numbers.PERSONAL)}
        rows = BATCH
        while rows == BATCH:
            async with self._database.transaction() as connection:
                cursor = await connection.execute(
                    f"""
                    WITH old AS (
                        SELECT id FROM drops WHERE erased_at IS NULL AND id < %(id)s AND accepted_at < %(before)s
                            AND (outcome IS NOT NULL OR node <> '')  -- an order in the queue has its number yet
                        ORDER BY id LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
                    , blanked AS (
                        UPDATE event SET body = {BLANK.format(column="body")} FROM old WHERE event.drop_id = old.id)
                    UPDATE drops SET {BLANK_DROP} FROM old WHERE drops.id = old.id
                    """,
                    given,
                )
                rows = cursor.rowcount

    async def _delete_rows(self, now: datetime) -> None:
        await self._delete("event", "id", "at", self._limits.events_days, now)
        await self._delete("audit", "id", "at", self._limits.audit_days, now)
        await self._delete("erasure", "hash", "at", self._limits.receipts_days, now)
        async with self._database.transaction() as connection:
            await connection.execute("DELETE FROM idempotency WHERE created_at < %s", (now - IDEMPOTENCY_KEPT,))

    async def _delete(self, table: str, key: str, at: str, days: int, now: datetime) -> None:
        rows = BATCH if days else 0
        while rows == BATCH:
            async with self._database.transaction() as connection:
                cursor = await connection.execute(
                    f"""
                    DELETE FROM {table} WHERE {key} IN (
                        SELECT {key} FROM {table} WHERE {at} < %s ORDER BY {at} LIMIT %s FOR UPDATE SKIP LOCKED)
                    """,
                    (now - timedelta(days=days), BATCH),
                )
                rows = cursor.rowcount

    async def _delete_journal(self, now: datetime) -> None:
        """Files of old days that are in the database as a whole, and that recovery has no need of."""
        if not self._limits.journal_days:
            return
        before = (now - timedelta(days=self._limits.journal_days)).date()
        files = (await asyncio.to_thread(self._journal.files))[:-1]
        old = [path for path in files if _day(path) < before]
        if not old:
            return
        needed = await asyncio.to_thread(self._first_needed, old[0].parent.parent)
        async with self._database.transaction() as connection:
            cursor = await connection.execute("SELECT file, bytes FROM shipped WHERE node = %s", (self._node,))
            places = {row["file"]: row["bytes"] for row in await cursor.fetchall()}
        for path in old:
            if _day(path) < needed and places.get(path.name, 0) >= path.stat().st_size:
                await self._journal.remove(path)
                log.info("journal_file_deleted", file=path.name)
                async with self._database.transaction() as connection:
                    await connection.execute(
                        "DELETE FROM shipped WHERE node = %s AND file = %s", (self._node, path.name)
                    )

    def _first_needed(self, state_dir: Path) -> date:
        """The day of the oldest drop that has not ended."""
        return min((date.fromisoformat(str(one["at"])[:10]) for one in unfinished(state_dir)), default=date.max)


def _day(path: Path) -> date:
    try:
        return date.fromisoformat(path.stem)
    except ValueError:  # somebody else's file
        return date.max
