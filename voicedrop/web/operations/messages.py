"""Messages: upload, look, change, replace."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from voicedrop.errors import UploadError
from voicedrop.intake import Actor, NewMessage, tell
from voicedrop.library.terms import Particulars
from voicedrop.model import EventKind
from voicedrop.store import messages, ownership
from voicedrop.store.database import Connection, Row
from voicedrop.web import paging
from voicedrop.web.fields import Given, Label, Language, Line, NumberOrNone, Page, PageQuery, Prose, Slot, Tag, invalid
from voicedrop.web.operation import Ask, Operations, Received
from voicedrop.web.problem import AUDIO, CONFLICT, FORBIDDEN, NO_ROOM, Problem, not_found

operations = Operations("messages", "What is dropped: an agent's own messages, his team's, and everybody's.")
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]
Tags = Annotated[list[Tag], Field(max_length=20)]
OF_PERSON = ("label", "language", "tags", "transcript", "call_to_action", "callback_number", "optout_number")


class Check(BaseModel):
    point: str
    verdict: str = Field(description="ok, warning or error.")
    measured: float | str | None
    unit: str
    text: str = Field(description="What it means, and what to do about it.")


class Message(BaseModel):
    id: UUID
    label: str
    agent_id: UUID | None
    team_id: UUID | None = Field(description="Both null: everybody's.")
    language: str
    tags: list[str]
    transcript: str
    call_to_action: str
    callback_number: str
    optout_number: str
    evidence: bool = Field(description="The audio of its drops is kept.")
    version: int = Field(description="The version that is played.")
    created_at: datetime
    sha256: str = Field(description="Of the uploaded file.")
    prepared_sha256: str = Field(description="Of what is played; a receipt names it.")
    duration_s: float
    checks: list[Check]
    drops: int = Field(description="That have ended, of all versions.")
    delivered: int
    delivery_rate: float | None = Field(description="Null: no drop yet.")


class MessagePage(Page[Message]):
    """Messages, oldest first."""


class MessageVersion(BaseModel):
    version: int
    sha256: str
    prepared_sha256: str
    duration_s: float
    checks: list[Check]
    created_at: datetime
    created_by: str
    deletable_at: datetime | None = Field(description="If no receipt names it. Null: it is the one that is played.")
    outcomes: dict[str, int] = Field(description="Its drops that have ended, by outcome.")


class MessageVersions(BaseModel):
    items: list[MessageVersion]


class MessageQuery(PageQuery):
    agent_id: UUID | None = Field(default=None, description="This agent's own.")
    team_id: UUID | None = Field(default=None, description="This team's.")
    tag: Tag | None = None
    search: Label | None = Field(default=None, description="Part of the label.")


class MessageIn(Given):
    label: Label
    agent_id: UUID | None = Field(default=None, description="It is this agent's.")
    team_id: UUID | None = Field(default=None, description="It is this team's.")
    everybody: bool = Field(
        default=False,
        description="It is everybody's. Without any of the three: an agent's is his own, a supervisor's his team's, an "
        "admin's everybody's.",
    )
    language: Language = ""
    tags: Tags = Field(default=[])
    transcript: Prose = ""
    call_to_action: Line = ""
    callback_number: NumberOrNone = ""
    optout_number: NumberOrNone = ""
    evidence: bool = False
    slot: Slot | None = Field(default=None, description="Put it into this slot of its owner at once.")
    force: bool = Field(default=False, description="Take it though it is longer than a minute.")


class MessageChange(Given):
    """What is left out or null stays as it is."""

    label: Label | None = None
    language: Language | None = None
    tags: Tags | None = None
    transcript: Prose | None = None
    call_to_action: Line | None = None
    callback_number: NumberOrNone | None = None
    optout_number: NumberOrNone | None = None
    evidence: bool | None = None
    version: Version | None = Field(default=None, description="Play this version.")


class VersionIn(Given):
    force: bool = Field(default=False, description="Take it though it is longer than a minute.")


@operations.add("GET", "/v1/messages", scope="messages:read")
async def list_messages(ask: Ask, query: MessageQuery) -> MessagePage:
    """List the messages that you may use."""
    async with ask.transaction() as connection:
        rows = await messages.listing(
            connection,
            ask.who,
            agent_id=query.agent_id,
            team_id=query.team_id,
            tag=query.tag,
            search=query.search,
            after=paging.id_after(query),
            limit=query.limit + 1,
        )
    return MessagePage(**paging.page([_rated(row) for row in rows], query.limit))


@operations.add(
    "POST", "/v1/messages", scope="messages:write", status=201, located=True, problems=(AUDIO, CONFLICT, NO_ROOM)
)
async def add_message(ask: Ask, file: Received, body: MessageIn) -> Message:
    """Upload a message.

    WAV, MP3, FLAC or OGG, judged by content. It is prepared for the telephone and checked; the answer has a verdict for
    each point. Warnings never block. `audio_refused` names the rule in `rule`."""
    owner = _owner(ask, body)

    async def allow(connection: Connection) -> None:
        if not await ownership.may_give_to(connection, ask.who, **owner):
            raise Problem(FORBIDDEN, "You cannot make messages for this agent, this team or everybody.")

    new = NewMessage(
        particulars=_particulars(body.model_dump()), slot=body.slot, evidence=body.evidence, force=body.force, **owner
    )
    try:
        message_id = await ask.services.intake.add_message(file.file, new, _actor(ask), allow)
    except UploadError as error:
        raise Problem(AUDIO, str(error), rule=error.code) from None
    return await get_message(ask, message_id)


@operations.add("GET", "/v1/messages/{message_id}", scope="messages:read")
async def get_message(ask: Ask, message_id: UUID) -> Message:
    """One message."""
    async with ask.transaction() as connection:
        return Message(**_rated(await _seen(ask, connection, message_id)))


@operations.add("PATCH", "/v1/messages/{message_id}", scope="messages:write")
async def change_message(ask: Ask, message_id: UUID, body: MessageChange) -> Message:
    """Change what is said about a message, or which version is played."""
    given = body.model_dump(exclude_none=True)
    number = given.pop("version", None)
    async with ask.transaction() as connection:
        row = await _own(ask, connection, message_id)
        if number is not None:
            if await messages.version(connection, message_id, number) is None:
                raise invalid("body.version", "there is no such version")
            await messages.play_version(connection, message_id, number)
        await messages.change(connection, message_id, given)
        found = await _seen(ask, connection, message_id)
        await tell(
            connection,
            EventKind.MESSAGE_UPDATED,
            message_id,
            number or row["version"],
            _actor(ask),
            changed=sorted(body.model_dump(exclude_none=True)),
        )
    return Message(**_rated(found))


@operations.add("DELETE", "/v1/messages/{message_id}", scope="messages:write", problems=(CONFLICT,))
async def remove_message(ask: Ask, message_id: UUID) -> None:
    """Remove a message from the list.

    One that is in a slot stays. Receipts go on to name its versions, and these are kept."""
    async with ask.transaction() as connection:
        row = await _own(ask, connection, message_id)
        if await messages.slots_of(connection, message_id):
            raise Problem(CONFLICT, "The message is in a slot: put another there, or empty it, first.")
        await messages.remove(connection, message_id)
        await tell(connection, EventKind.MESSAGE_DELETED, message_id, row["version"], _actor(ask))


@operations.add("GET", "/v1/messages/{message_id}/versions", scope="messages:read")
async def list_versions(ask: Ask, message_id: UUID) -> MessageVersions:
    """List a message's versions, newest first."""
    async with ask.transaction() as connection:
        await _seen(ask, connection, message_id)
        rows = await messages.versions(connection, message_id)
    return MessageVersions(items=[MessageVersion(**row) for row in rows])


@operations.add(
    "POST", "/v1/messages/{message_id}/versions", scope="messages:write", status=201, problems=(AUDIO, NO_ROOM)
)
async def add_version(ask: Ask, message_id: UUID, file: Received, body: VersionIn) -> Message:
    """Replace a message's audio.

    The new version is played from now on; those before it are kept."""

    async def allow(connection: Connection) -> None:
        await _own(ask, connection, message_id)

    async with ask.transaction() as connection:
        row = await _own(ask, connection, message_id)
    try:
        await ask.services.intake.add_version(
            file.file, message_id, _particulars(row), _actor(ask), force=body.force, allow=allow
        )
    except UploadError as error:
        raise Problem(AUDIO, str(error), rule=error.code) from None
    return await get_message(ask, message_id)


@operations.add("DELETE", "/v1/messages/{message_id}/versions/{version}", scope="messages:write", problems=(CONFLICT,))
async def remove_version(ask: Ask, message_id: UUID, version: Version) -> None:
    """Delete a version that is not in use.

    The one that is played stays, and so does one that a receipt names, and each for 7 days after it was replaced."""
    live = {(drop.message_id, drop.message_version) for drop in ask.services.control.drops()}
    async with ask.transaction() as connection:
        row = await _own(ask, connection, message_id)
        found = await messages.version(connection, message_id, version)
        if found is None:
            raise not_found("version")
        if row["version"] == version:
            raise Problem(CONFLICT, "This version is the one that is played.")
        if (str(message_id), version) in live or await messages.is_named(connection, message_id, version):
            raise Problem(CONFLICT, "A receipt names this version.")
        if not found["deletable"]:
            days = messages.REPLACED_KEPT.days
            raise Problem(
                CONFLICT, f"It was replaced less than {days} days ago: an engine may still hold a drop of it."
            )
        await messages.remove_version(connection, message_id, version)
        await ask.note(connection, "delete", "version", message_id, version=version)
    await ask.services.intake.clear(found["sha256"])


def _owner(ask: Ask, body: MessageIn) -> dict[str, UUID | None]:
    owner: dict[str, UUID | None] = {"agent_id": body.agent_id, "team_id": body.team_id}
    if sum((body.agent_id is not None, body.team_id is not None, body.everybody)) > 1:
        raise invalid("particulars", "give at most one of agent_id, team_id and everybody")
    if body.agent_id is None and body.team_id is None and not body.everybody:
        if ask.who.role == "agent":
            owner["agent_id"] = ask.who.agent_id
        elif ask.who.role == "supervisor":
            owner["team_id"] = ask.who.team_id
    return owner


def _particulars(said: dict[str, Any]) -> Particulars:
    return Particulars(**{name: said[name] for name in OF_PERSON} | {"tags": tuple(said["tags"])})


def _actor(ask: Ask) -> Actor:
    return Actor(name=ask.who.actor, token_id=ask.who.token_id)


def _rated(row: Row) -> Row:
    return {**row, "delivery_rate": row["delivered"] / row["drops"] if row["drops"] else None}


async def _seen(ask: Ask, connection: Connection, message_id: UUID) -> Row:
    row = await messages.one(connection, ask.who, message_id)
    if row is None:
        raise not_found("message")
    return row


async def _own(ask: Ask, connection: Connection, message_id: UUID) -> Row:
    row = await _seen(ask, connection, message_id)
    if not await messages.may_change(connection, ask.who, message_id):
        raise Problem(FORBIDDEN, "This message is not yours to change.")
    return row
