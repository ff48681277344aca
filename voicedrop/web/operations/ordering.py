"""Ordering an unattended drop."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from voicedrop.control import Refused
from voicedrop.store import messages
from voicedrop.store.database import Connection
from voicedrop.store.tokens import Principal
from voicedrop.web.fields import Given, Label, Number, Ref, Slot, invalid
from voicedrop.web.operation import Ask
from voicedrop.web.problem import REFUSED, Problem


class DropIn(Given):
    """On a live call: `call_id`, and exactly one of `slot` and `message_id`. Unattended: `to`, `method`, and exactly
    one of `message` and `message_id`."""

    call_id: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[!-~]*$")] | None = None
    to: Number | None = Field(default=None, description="The number to be called, with nobody on the line.")
    method: Literal["single", "two_call"] = Field(default="single", description="Unattended: how to call.")
    ref: Ref | None = Field(default=None, description="Unattended: the caller's own reference, kept in the receipt.")
    time_zone: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+/-]{1,64}$")] | None = Field(
        default=None, description="Unattended: the contact's own time zone, an IANA name."
    )
    slot: Slot | None = None
    message_id: UUID | None = None
    message: Label | None = Field(default=None, description="Unattended: its label, if only one has it.")


class StartedDrop(BaseModel):
    id: UUID


class OrderedDrop(StartedDrop):
    """It is in the queue."""


async def order(ask: Ask, to: str, body: DropIn) -> OrderedDrop:
    """The drop's id, once it is in the queue.

    Raises:
        Problem: it names no message that he may use, or several; the policy says no; or there are no unattended drops
            here.
    """
    message = body.message_id or body.message
    if message is None or body.slot is not None or (body.message_id and body.message):
        raise invalid("body", "an unattended drop is given its message by exactly one of message and message_id")
    if ask.services.ordering is None:
        raise Problem(REFUSED, "There are no unattended drops here.", rule="unattended_off")
    async with ask.transaction() as connection:
        message_id = str(await _message(connection, ask.who, message))
        await ask.note(connection, "order", "number", to, method=body.method, message_id=message_id)
    try:
        drop_id = await ask.services.ordering.order(
            number=to,
            message_id=message_id,
            method=body.method,
            actor=ask.who.actor,
            agent=ask.who.agent_name,
            agent_id=ask.who.agent_id,
            team_id=ask.who.team_id,
            ref=body.ref or "",
            contact_zone=body.time_zone or "",
        )
    except Refused as error:
        raise Problem(REFUSED, str(error), rule=error.rule) from None
    return OrderedDrop(id=UUID(drop_id))


async def _message(connection: Connection, who: Principal, wanted: UUID | str) -> UUID:
    if isinstance(wanted, UUID):
        if await messages.one(connection, who, wanted) is None:
            raise invalid("body.message_id", "there is no such message")
        return wanted
    found = await messages.labelled(connection, who, wanted)
    if not found:
        raise invalid("body.message", "there is no message of this label")
    if len(found) > 1:
        raise invalid("body.message", f"several have this label; give one as message_id: {', '.join(map(str, found))}")
    return found[0]
