"""Live calls, and drops: those under way and those that have ended."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, Field

from voicedrop.control import EngineControl, LiveDrop, NoSuchCall, NoSuchDrop, Refused
from voicedrop.model import Outcome
from voicedrop.store import drops, messages, orders, people
from voicedrop.store.ownership import scope_of
from voicedrop.web.fields import Number, Page, PageQuery, Ref, bad_cursor, invalid
from voicedrop.web.operation import Ask, Operations
from voicedrop.web.operations.ordering import DropIn, OrderedDrop, StartedDrop, order
from voicedrop.web.problem import CONFLICT, REFUSED, Problem, not_found

operations = Operations("drops", "Calls under way, drops on them, and the receipts of those that have ended.")
EVIDENCE_FILE = re.compile(r"audio(-[0-9]{1,3})?\.wav|marks\.json")
"""What `engine/recording.py` writes: one sound, and one more for each time the engine was started anew meanwhile."""


class LiveCall(BaseModel):
    id: str
    agent: str
    number: str
    ref: str
    state: str = Field(description="ringing, early_media or connected.")
    tapped: bool = Field(description="The callee's leg is listened to already.")
    started_at: datetime


class LiveCalls(BaseModel):
    items: list[LiveCall]


class Drop(BaseModel):
    id: UUID
    state: Literal["queued", "under_way", "ended"] = Field(description="queued: an order that no engine has taken up.")
    due_at: datetime | None = Field(description="Queued: when an engine is to take it up, at the earliest.")
    node: str = Field(description="The engine's; empty while it is queued.")
    door: str = Field(description="bridged, dial or unattended.")
    outcome: str | None = Field(description="Null until it has ended.")
    reason: str
    agent: str
    agent_id: UUID | None
    team_id: UUID | None
    number: str
    caller_id: str
    ref: str
    slot: int | None
    message_id: UUID | None
    message_version: int | None
    cue: str | None
    accepted_at: datetime
    ended_at: datetime | None
    played_fraction: float | None
    has_evidence: bool
    erased_at: datetime | None = Field(description="Since then it names no person any more.")


class DropPage(Page[Drop]):
    """Drops, newest first."""


class EvidenceFile(BaseModel):
    name: str
    href: str
    bytes: int


class Evidence(BaseModel):
    until: datetime | None = Field(description="Then it is deleted.")
    files: list[EvidenceFile]


class Receipt(Drop):
    """A drop with all that is known of it."""

    receipt: dict[str, Any] | None = Field(description="Every step; null until it has ended.")
    evidence: Evidence | None = Field(description="The audio from the move to the drop on, where it is kept.")


class DropQuery(PageQuery):
    outcome: Outcome | None = None
    agent_id: UUID | None = None
    team_id: UUID | None = None
    number: Number | None = None
    message_id: UUID | None = None
    message_version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    ref: Ref | None = None
    since: AwareDatetime | None = Field(default=None, description="Accepted then or later.")
    until: AwareDatetime | None = Field(default=None, description="Accepted before.")


@operations.add("GET", "/v1/calls", scope="calls:read")
async def list_calls(ask: Ask) -> LiveCalls:
    """List the calls under way.

    An agent sees his own, a supervisor his team's. Calls through the Dial() door are the operator's own: the engine
    learns of them when the code has been pressed."""
    calls = ask.services.control.calls()
    seen = await _agents_seen(ask, [call.agent for call in calls])
    return LiveCalls(
        items=[
            LiveCall(
                id=call.call_id,
                agent=call.agent,
                number=call.number,
                ref=call.ref,
                state=call.state,
                tapped=call.tapped,
                started_at=call.started_at,
            )
            for call in calls
            if seen is None or call.agent in seen
        ]
    )


@operations.add(
    "POST", "/v1/drops", scope="drops:write", status=201, located=True, later=OrderedDrop, problems=(REFUSED,)
)
async def add_drop(ask: Ask, body: DropIn) -> StartedDrop:
    """Start a drop on a live call, or order an unattended one.

    On a call it does what the feature code does: the callee's leg moves to the drop, the agent is free. Answered when
    the drop is on disk: from then on it ends in exactly one outcome. Send an Idempotency-Key: a repeated request then
    starts nothing. `refused` names its `rule`; the callee stays with the agent.

    Unattended, it is answered with 202 when the order is in the queue; an engine makes the call when it has room, and
    asks the policy once more. The drop can be read at once; its `state` is `queued` until an engine takes it up."""
    if (body.call_id is None) == (body.to is None):
        raise invalid("body", "give exactly one of call_id and to")
    if body.to is not None:
        return await order(ask, body.to, body)
    assert body.call_id is not None
    if (body.slot is None) == (body.message_id is None) or body.message is not None:
        raise invalid("body", "give exactly one of slot and message_id")
    control = ask.services.control
    call = next((one for one in control.calls() if one.call_id == body.call_id), None)
    if call is None or not await _sees_agent(ask, call.agent):
        raise not_found("call under way")
    async with ask.transaction() as connection:
        if body.message_id is not None and await messages.one(connection, ask.who, body.message_id) is None:
            raise invalid("body.message_id", "there is no such message")
        # Written before, not behind: what is done by a token is in the trail even if we die in the middle.
        await ask.note(connection, "drop", "call", body.call_id, slot=body.slot, message_id=str(body.message_id or ""))
    try:
        drop_id = await control.drop_on_call(
            body.call_id,
            slot=body.slot,
            message_id=None if body.message_id is None else str(body.message_id),
            actor=ask.who.actor,
        )
    except NoSuchCall:
        raise not_found("call under way") from None
    except Refused as error:
        raise Problem(REFUSED, str(error), rule=error.rule) from None
    return StartedDrop(id=UUID(drop_id))


@operations.add("GET", "/v1/drops", scope="drops:read")
async def list_drops(ask: Ask, query: DropQuery) -> DropPage:
    """List drops, newest first.

    An agent sees his own, a supervisor those of his team, each as it was at the time."""
    filters = drops.Filters(
        outcome=None if query.outcome is None else str(query.outcome),
        agent_id=query.agent_id,
        team_id=query.team_id,
        number=query.number,
        message_id=query.message_id,
        message_version=query.message_version,
        ref=query.ref,
        since=query.since,
        until=query.until,
    )
    try:
        async with ask.transaction() as connection:
            page = await drops.listing(
                connection, scope=scope_of(ask.who), filters=filters, cursor=query.cursor or None, limit=query.limit
            )
    except drops.BadCursor:
        raise bad_cursor() from None
    return DropPage.model_validate({"items": page.rows, "next": page.cursor})


@operations.add("GET", "/v1/drops/{drop_id}", scope="drops:read")
async def get_drop(ask: Ask, drop_id: UUID) -> Receipt:
    """One drop with its receipt."""
    async with ask.transaction() as connection:
        row = await drops.one(connection, drop_id, scope=scope_of(ask.who))
    if row is None:
        raise not_found("drop")
    folder, until = row.pop("evidence"), row.pop("evidence_until")
    evidence = None
    if folder is not None:
        files = await asyncio.to_thread(_evidence, ask.services.evidence / folder, drop_id)
        evidence = Evidence(until=until, files=files)
    return Receipt(**row, evidence=evidence)


@operations.add("GET", "/v1/drops/{drop_id}/evidence/{name}", scope="drops:read", media="application/octet-stream")
async def get_evidence(ask: Ask, drop_id: UUID, name: str) -> web.FileResponse:
    """A file of a drop's evidence.

    The WAV has the callee's side on the left and ours on the right."""
    async with ask.transaction() as connection:
        row = await drops.one(connection, drop_id, scope=scope_of(ask.who))
        if row is None or row["evidence"] is None or EVIDENCE_FILE.fullmatch(name) is None:
            raise not_found("evidence")
        await ask.note(connection, "read", "evidence", drop_id, file=name)
    file: Path = ask.services.evidence / row["evidence"] / name
    if not await asyncio.to_thread(file.is_file):
        raise not_found("evidence")
    return web.FileResponse(file, headers={"Content-Type": "application/octet-stream"})


@operations.add("POST", "/v1/drops/{drop_id}/cancel", scope="drops:write", problems=(CONFLICT,))
async def cancel_drop(ask: Ask, drop_id: UUID) -> None:
    """Cancel a drop under way, or an order in the queue.

    What plays is stopped and the leg is hung up. An order in the queue is never placed: its outcome is `blocked`. A
    drop that has ended stays as it is: `conflict`."""
    control = ask.services.control
    live = _under_way(control, drop_id)
    async with ask.transaction() as connection:
        row = await drops.one(connection, drop_id, scope=scope_of(ask.who))
        if live is None:
            if row is None:
                raise not_found("drop")
            if await orders.end(connection, drop_id, orders.CANCELLED):
                await ask.note(connection, "cancel", "drop", drop_id)
                return
    live = live or _under_way(control, drop_id)  # the engine may have taken the order up meanwhile
    if live is None:
        raise Problem(CONFLICT, "The drop is not under way here.")
    # One on a call may not be in the database yet; an order of a supervisor has no agent.
    if row is None and not await _sees_agent(ask, live.agent):
        raise not_found("drop")
    async with ask.transaction() as connection:
        await ask.note(connection, "cancel", "drop", drop_id)
    try:
        await control.cancel(str(drop_id), actor=ask.who.actor)
    except NoSuchDrop:
        raise Problem(CONFLICT, "The drop has ended meanwhile.") from None


def _under_way(control: EngineControl, drop_id: UUID) -> LiveDrop | None:
    return next((one for one in control.drops() if one.drop_id == str(drop_id)), None)


def _evidence(folder: Path, drop_id: UUID) -> list[EvidenceFile]:
    return [
        EvidenceFile(name=file.name, href=f"/v1/drops/{drop_id}/evidence/{file.name}", bytes=file.stat().st_size)
        for file in (sorted(folder.iterdir()) if folder.is_dir() else [])
        if EVIDENCE_FILE.fullmatch(file.name) and file.is_file()
    ]


async def _agents_seen(ask: Ask, names: list[str]) -> set[str] | None:
    """Of these agents those whose calls he sees; None: of all of them, known or not."""
    if ask.who.role == "admin":
        return None
    if ask.who.role == "agent":
        return {ask.who.agent_name}
    async with ask.transaction() as connection:
        return await people.visible_names(connection, ask.who, names)


async def _sees_agent(ask: Ask, name: str) -> bool:
    seen = await _agents_seen(ask, [name])
    return seen is None or name in seen
