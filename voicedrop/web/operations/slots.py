"""Slots: which message an agent's digit means."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, Field

from voicedrop.store import ownership, people, slots
from voicedrop.web.fields import Given, invalid
from voicedrop.web.fields import Slot as SlotNumber
from voicedrop.web.operation import Ask, Operations
from voicedrop.web.problem import CONFLICT, FORBIDDEN, Problem, not_found

operations = Operations(
    "slots", "Which message a digit means: an agent's own slot goes before his team's, and that before everybody's."
)


class Slot(BaseModel):
    slot: int
    agent_id: UUID | None
    team_id: UUID | None = Field(description="Both null: everybody's.")
    message_id: UUID
    label: str


class Slots(BaseModel):
    items: list[Slot]


class SlotsQuery(Given):
    agent_id: UUID | None = Field(
        default=None, description="What each of this agent's digits means, fall-back included."
    )


class SlotOwner(Given):
    """At most one of them; neither: everybody's."""

    agent_id: UUID | None = None
    team_id: UUID | None = None


class SlotIn(SlotOwner):
    message_id: UUID


@operations.add("GET", "/v1/slots", scope="messages:read")
async def list_slots(ask: Ask, query: SlotsQuery) -> Slots:
    """List slots.

    All that you may see, or with `agent_id` what his digits mean."""
    async with ask.transaction() as connection:
        if query.agent_id is None:
            rows = await slots.listing(connection, ask.who)
        elif await people.agent(connection, ask.who, query.agent_id) is None:
            raise invalid("query.agent_id", "there is no such agent")
        else:
            rows = await slots.of_agent(connection, query.agent_id)
    return Slots(items=[Slot(**row) for row in rows])


@operations.add("PUT", "/v1/slots/{slot}", scope="messages:write", problems=(CONFLICT,))
async def fill_slot(ask: Ask, slot: SlotNumber, body: SlotIn) -> Slot:
    """Put a message into a slot.

    The message must be the owner's, his team's or everybody's."""
    owner = _owner(body)
    async with ask.transaction() as connection:
        if not await ownership.may_give_to(connection, ask.who, **owner):
            raise Problem(FORBIDDEN, "This slot is not yours to fill.")
        if not await slots.fits(connection, body.message_id, **owner):
            raise Problem(CONFLICT, "There is no such message for the owner of this slot.")
        await slots.fill(connection, slot, body.message_id, **owner)
        await ask.note(connection, "fill", "slot", slot, **body.model_dump(mode="json"))
        rows = await slots.listing(connection, ask.who)
    return next(Slot(**row) for row in rows if row["slot"] == slot and {k: row[k] for k in owner} == owner)


@operations.add("DELETE", "/v1/slots/{slot}", scope="messages:write")
async def empty_slot(ask: Ask, slot: SlotNumber, query: SlotOwner) -> None:
    """Empty a slot."""
    owner = _owner(query)
    async with ask.transaction() as connection:
        if not await ownership.may_give_to(connection, ask.who, **owner):
            raise Problem(FORBIDDEN, "This slot is not yours to empty.")
        if not await slots.empty(connection, slot, **owner):
            raise not_found("slot")
        await ask.note(connection, "empty", "slot", slot, **query.model_dump(mode="json"))


def _owner(given: SlotOwner) -> dict[str, UUID | None]:
    if given.agent_id is not None and given.team_id is not None:
        raise invalid("team_id", "a slot is an agent's or a team's, not both's")
    return {"agent_id": given.agent_id, "team_id": given.team_id}
