"""From a sound file to a message that can be dropped: the shelf and the database together, for the API and the
command line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from voicedrop.errors import StorageError, StoreUnreachable, UploadError
from voicedrop.library.intake import prepare
from voicedrop.library.shelf import Shelf
from voicedrop.library.terms import Limits, Particulars, Prepared
from voicedrop.model import EventKind
from voicedrop.store import audit, events, messages, slots
from voicedrop.store.database import Connection, Database
from voicedrop.store.messages import NewVersion

AT_ONCE = 2  # files prepared at the same time: each takes a core, and calls need theirs
TRIES = 3  # a file that somebody takes off the shelf meanwhile is prepared anew

T = TypeVar("T")
Allow = Callable[[Connection], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who does it, for the audit trail."""

    name: str
    token_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class NewMessage:
    """A message as it is asked for. Neither agent nor team: it is everybody's."""

    particulars: Particulars
    agent_id: UUID | None = None
    team_id: UUID | None = None
    slot: int | None = None
    """Put it there at once, in the slot of the same owner."""
    evidence: bool = False
    force: bool = False
    """Take it though it is longer than recommended at most."""


@dataclass(frozen=True)
class _File:
    source: Path
    particulars: Particulars
    force: bool


async def _anybody(_: Connection) -> None:
    """The command line's user may do everything."""


@dataclass(frozen=True)
class Intake:
    """`allow` arguments are asked in the transaction that writes, and raise what is to be raised."""

    database: Database
    shelf: Shelf
    limits: Limits = field(default_factory=Limits)
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def add_message(self, source: Path, new: NewMessage, actor: Actor, allow: Allow = _anybody) -> UUID:
        """
        Raises:
            UploadError: the file cannot be used; nothing is left of it.
            StorageError: the shelf cannot be written.
            StoreError: the database does not answer.
        """
        (message_id,) = await self.add_messages([(source, new)], actor, allow)
        return message_id

    async def add_messages(
        self, many: list[tuple[Path, NewMessage]], actor: Actor, allow: Allow = _anybody
    ) -> list[UUID]:
        """All of them or none.

        Raises:
            UploadError, StorageError, StoreError: as `add_message`.
        """

        async def write(connection: Connection, versions: list[NewVersion]) -> list[UUID]:
            return [
                await _write(connection, version, new, actor) for version, (_, new) in zip(versions, many, strict=True)
            ]

        files = [_File(source, new.particulars, new.force) for source, new in many]
        return await self._take(files, actor, allow, write)

    async def add_version(
        self, source: Path, message_id: UUID, particulars: Particulars, actor: Actor, *, force: bool, allow: Allow
    ) -> int:
        """The new version's number; it is played from now on.

        Raises:
            UploadError, StorageError, StoreError: as `add_message`.
        """

        async def write(connection: Connection, versions: list[NewVersion]) -> int:
            (version,) = versions
            number = await messages.add_version(connection, message_id, version)
            await tell(connection, EventKind.MESSAGE_UPDATED, message_id, number, actor)
            return number

        return await self._take([_File(source, particulars, force)], actor, allow, write)

    async def _take(
        self,
        files: list[_File],
        actor: Actor,
        allow: Allow,
        write: Callable[[Connection, list[NewVersion]], Awaitable[T]],
    ) -> T:
        async with self.database.transaction() as connection:
            await allow(connection)  # before the work, and again when it is written
        for _ in range(TRIES):
            ready: list[Prepared] = []
            try:
                for file in files:
                    ready.append(await self._prepare(file, named=len(files) > 1))
                async with self.database.transaction() as connection:
                    for sha256 in sorted({one.sha256 for one in ready}):  # in one order: nobody waits for each other
                        await messages.lock_shelf(connection, sha256)
                    if not await asyncio.to_thread(self._all_there, ready):
                        continue
                    await allow(connection)
                    return await write(connection, [_version(one, actor) for one in ready])
            except StoreUnreachable:
                raise  # perhaps it was written: the files stay, and the same upload finds them
            except BaseException:
                for one in ready:
                    await self.clear(one.sha256)
                raise
        raise StorageError("The file was removed from the shelf while it was being added. Upload it again")

    async def _prepare(self, file: _File, *, named: bool) -> Prepared:
        async with self._room:
            try:
                return await asyncio.to_thread(
                    prepare, file.source, self.shelf, file.particulars, self.limits, force=file.force
                )
            except UploadError as error:
                if not named:
                    raise
                raise UploadError(error.code, f"{file.source}: {error}") from error

    def _all_there(self, ready: list[Prepared]) -> bool:
        return all(self.shelf.find(one.sha256) is not None for one in ready)

    async def clear(self, sha256: str) -> None:
        """Take a file off the shelf if no version needs it.

        Raises:
            StorageError, StoreError: it stays.
        """
        async with self.database.transaction() as connection:
            await messages.lock_shelf(connection, sha256)
            if not await messages.is_wanted(connection, sha256):
                await asyncio.to_thread(self.shelf.remove, sha256)


async def _write(connection: Connection, version: NewVersion, new: NewMessage, actor: Actor) -> UUID:
    texts = texts_of(new.particulars) | {"evidence": new.evidence}
    message_id = await messages.add(connection, version, texts, agent_id=new.agent_id, team_id=new.team_id)
    if new.slot is not None:
        await slots.fill(connection, new.slot, message_id, agent_id=new.agent_id, team_id=new.team_id)
    await tell(connection, EventKind.MESSAGE_CREATED, message_id, 1, actor, label=new.particulars.label)
    return message_id


def texts_of(particulars: Particulars) -> dict[str, Any]:
    """As the columns of a message have them."""
    return {**asdict(particulars), "tags": list(particulars.tags)}


def _version(prepared: Prepared, actor: Actor) -> NewVersion:
    return NewVersion(
        sha256=prepared.sha256,
        prepared_sha256=prepared.prepared_sha256,
        duration_s=prepared.duration_s,
        checks=[asdict(one) for one in prepared.checks],
        created_by=actor.name,
    )


async def tell(
    connection: Connection, kind: EventKind, message_id: UUID, version: int, actor: Actor, **detail: object
) -> None:
    """Write a change of a message into the audit trail and the feed; last in its transaction."""
    await audit.add(
        connection,
        actor=actor.name,
        token_id=actor.token_id,
        action=kind.rpartition(".")[2],
        thing="message",
        thing_id=str(message_id),
        detail={"version": version, **detail},
    )
    agent_id, team_id = await messages.team_of(connection, message_id)
    body = {"message": str(message_id), "version": version}
    await events.add(connection, str(kind), body, agent_id=agent_id, team_id=team_id)
