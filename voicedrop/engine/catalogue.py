"""What a code needs to know at once: whose message is in which slot, and which numbers get none.

It is held in memory, read anew when the database tells of a change and every half minute, and kept on the disk, so that
an engine starts and drops while the database is away.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from voicedrop.engine.snapshot import Place, Snapshot
from voicedrop.errors import StoreError
from voicedrop.model import Message
from voicedrop.policy.suppression import HASH, Entry, SuppressionSet
from voicedrop.store import catalogue as store
from voicedrop.store.database import Database, Row
from voicedrop.store.numbers import hashed

log = structlog.get_logger(__name__)

LOOK_S = 30.0  # whether or not a notification came
AGAIN_S = 1.0  # after a database that did not answer
FILE = "catalogue.json"
LIST = "suppression.jsonl"
UNREAD = "it stops nobody: SELECT * FROM suppression WHERE ctid = '…', and write it anew as + and digits"


class Catalogue:
    """`place` says where the shelf has a message."""

    def __init__(self, database: Database, state_dir: Path, place: Place) -> None:
        self._database = database
        self._folder = state_dir
        self._place = place
        self._snapshot = Snapshot()
        self._content: dict[str, Any] = {}
        self._numbers = SuppressionSet()
        self.list_known = False
        """The suppression list has been read, from the database or as an earlier run left it."""
        self._mark = ""
        self._woken = asyncio.Event()
        self._read = asyncio.Condition()
        self._reads = 0

    # -- what is asked of it ------------------------------------------------------------------------

    def message(self, slot: int, agent: str) -> Message | None:
        """What the agent of this name has in this slot: his own, else his team's, else everybody's."""
        return self._snapshot.message(slot, agent)

    def by_id(self, message_id: str, agent: str) -> Message | None:
        """A message that the agent of this name may drop."""
        return self._snapshot.by_id(message_id, agent)

    def any_message(self, message_id: str) -> Message | None:
        """A message, whoever may drop it."""
        kept = self._snapshot.messages.get(message_id)
        return kept.message if kept is not None else None

    def suppressed(self, number: str) -> Entry | None:
        """Why this number (+ and digits; empty: it could not be read) gets no message; None: it may."""
        entry = self._numbers.find(number, datetime.now(UTC))
        snapshot = self._snapshot
        if entry is None and snapshot.erased and (found := hashed(number, snapshot.key)) in snapshot.erased:
            return Entry(pattern=f"{HASH}{found.hex()}", reason="opted out", source="erasure")
        return entry

    @property
    def suppresses(self) -> bool:
        """Whether the list holds anything."""
        return len(self._numbers) > 0 or bool(self._snapshot.erased)

    @property
    def size(self) -> int:
        """How many messages there are."""
        return len(self._snapshot.messages)

    # -- how it stays true --------------------------------------------------------------------------

    def wake(self) -> None:
        """Something may have changed."""
        self._woken.set()

    def recall(self) -> None:
        """What an earlier run left on the disk. Blocks. A file that cannot be used is passed over."""
        try:
            content = json.loads((self._folder / FILE).read_text(encoding="utf-8"))
            self._snapshot = Snapshot.of(content, self._place)
            lines = (self._folder / LIST).read_text(encoding="utf-8").splitlines()
            self._numbers = SuppressionSet(_entry(json.loads(line)) for line in lines)
            self.list_known = True
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("catalogue_not_recalled", folder=str(self._folder), error=str(error))

    async def run(self) -> None:
        """Until it is cancelled. With the database away, what is known holds."""
        while True:
            self._woken.clear()
            pause = LOOK_S
            try:
                await self.read()
            except StoreError as error:
                log.debug("catalogue_not_read", reason=str(error))
                pause = AGAIN_S
            try:
                async with asyncio.timeout(pause):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def read(self) -> None:
        """Take in what the database has now.

        Raises:
            StoreError: it does not answer.
        """
        rows: list[Row] = []
        async with self._database.transaction() as connection:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            content = await store.people_and_messages(connection)
            mark = await store.suppression_mark(connection)
            if mark != self._mark:
                async for part in store.suppression(connection):
                    rows += part
        if mark != self._mark:
            self._numbers = await asyncio.to_thread(self._take_list, rows)
            self._mark = mark
            self.list_known = True
        if content != self._content:
            self._snapshot = Snapshot.of(content, self._place)
            self._content = content
            log.info("catalogue_read", messages=self.size, suppressed=len(self._numbers))
            await asyncio.to_thread(self._keep, FILE, [json.dumps(content)])
        async with self._read:
            self._reads += 1
            self._read.notify_all()

    async def read_again(self, timeout_s: float) -> None:
        """Return when what was committed before this call is known, or the time is over."""
        async with self._read:
            wanted = self._reads + 2  # the one under way may have begun before
            try:
                async with asyncio.timeout(timeout_s):
                    while self._reads < wanted:
                        self._woken.set()
                        await self._read.wait()
            except TimeoutError:
                return

    def _take_list(self, rows: list[Row]) -> SuppressionSet:
        """An entry that cannot be read must not cost the others. Blocks."""
        found, entries = [], []
        for row in rows:
            expires = row["expires_at"] and row["expires_at"].isoformat()
            one = [row["pattern"], row["reason"], row["source"], expires]
            try:
                entries.append(_entry(one))
            except ValueError as error:
                log.error("suppression_entry_not_read", ctid=row["ctid"], error=str(error), hint=UNREAD)
                continue
            found.append(one)
        self._keep(LIST, map(json.dumps, found))
        return SuppressionSet(entries)

    def _keep(self, name: str, lines: Iterable[str]) -> None:
        """Write a file whole or not at all. A full disk costs only what the next run would have had of it."""
        new = self._folder / f"{name}.new"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in lines)
                file.flush()
                os.fsync(handle)
            new.replace(self._folder / name)
        except OSError as error:
            with contextlib.suppress(OSError):
                new.unlink()
            log.warning("catalogue_not_kept", file=name, error=str(error))


def _entry(row: list[str | None]) -> Entry:
    pattern, reason, source, expires = row
    return Entry(
        pattern=pattern or "",
        reason=reason or "",
        source=source or "",
        expires_at=datetime.fromisoformat(expires) if expires else None,
    )
