"""Ordering an unattended drop."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from voicedrop.control import Refused
from voicedrop.store import messages
from voicedrop.web.fields import invalid
from voicedrop.web.operation import Ask
from voicedrop.web.problem import REFUSED, Problem


@dataclass(frozen=True)
class Wanted:
    """Which message is to be left where, and how; `ref` and `time_zone` may be empty."""

    number: str
    message_id: UUID
    method: str
    ref: str
    time_zone: str


async def order(ask: Ask, wanted: Wanted) -> UUID:
    """The drop's id, once it is in the queue.

    Raises:
        Problem: he may not use the message, the policy says no, or there are no unattended drops here.
    """
    if ask.services.ordering is None:
        raise Problem(REFUSED, "There are no unattended drops here.", rule="unattended_off")
    async with ask.transaction() as connection:
        if await messages.one(connection, ask.who, wanted.message_id) is None:
            raise invalid("body.message_id", "there is no such message")
        await ask.note(
            connection, "order", "number", wanted.number, method=wanted.method, message_id=str(wanted.message_id)
        )
    try:
        drop_id = await ask.services.ordering.order(
            number=wanted.number,
            message_id=str(wanted.message_id),
            method=wanted.method,
            actor=ask.who.actor,
            agent=ask.who.agent_name,
            agent_id=ask.who.agent_id,
            team_id=ask.who.team_id,
            ref=wanted.ref,
            contact_zone=wanted.time_zone,
        )
    except Refused as error:
        raise Problem(REFUSED, str(error), rule=error.rule) from None
    return UUID(drop_id)
