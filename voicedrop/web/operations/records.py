"""The audit trail, what is known of one number, and how the engine is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from voicedrop.store import audit, persons
from voicedrop.web import paging
from voicedrop.web.fields import NO_CONTROL, Number, Page, PageQuery
from voicedrop.web.operation import Ask, Operations

operations = Operations("records", "Who did what, what is known of a number, and how the engine is.")


class Act(BaseModel):
    id: UUID
    at: datetime
    actor: str = Field(description="token:LABEL, cli or engine.")
    token_id: UUID | None
    action: str
    object: str
    object_id: str
    detail: dict[str, Any]


class ActPage(Page[Act]):
    """Acts, newest first."""


class AuditQuery(PageQuery):
    object: Annotated[str, Field(max_length=50, pattern=r"^[a-z]*$")] = ""
    object_id: Annotated[str, Field(max_length=200, pattern=NO_CONTROL)] = ""


class Known(BaseModel):
    """Everything that is stored of a number."""

    number: str
    drops: list[dict[str, Any]]
    events: list[dict[str, Any]]
    suppression: list[dict[str, Any]]
    audit: list[dict[str, Any]]


class Erased(BaseModel):
    drops: int
    events: int
    opted_out: bool = Field(description="The number stays on the suppression list, as a keyed hash.")


class Health(BaseModel):
    ok: bool
    engine: dict[str, Any] = Field(description="What /healthz says.")


@operations.add("GET", "/v1/audit", scope="admin", roles=("admin",))
async def list_audit(ask: Ask, query: AuditQuery) -> ActPage:
    """Who did what, newest first."""
    async with ask.transaction() as connection:
        rows = await audit.listing(
            connection,
            thing=query.object,
            thing_id=query.object_id,
            before=paging.id_after(query),
            limit=query.limit + 1,
        )
    return ActPage(**paging.page(rows, query.limit))


@operations.add("GET", "/v1/numbers/{number}", scope="admin", roles=("admin",))
async def export_number(ask: Ask, number: Number) -> Known:
    """Export everything that is stored of a number."""
    async with ask.transaction() as connection:
        found = await persons.export(connection, number)
        await ask.note(connection, "export", "number")
    return Known(**found)


@operations.add("DELETE", "/v1/numbers/{number}", scope="admin", roles=("admin",), status=200)
async def erase_number(ask: Ask, number: Number) -> Erased:
    """Erase a number wherever it stands.

    What was counted stays counted. An opt-out stays as a keyed hash. Evidence and the engines' journals follow within
    the hour."""
    async with ask.transaction() as connection:
        erased = await persons.erase(connection, number)
        await ask.note(connection, "erase", "number")
    ask.services.wake_retention()
    return Erased(drops=erased.drops, events=erased.events, opted_out=erased.opted_out)


@operations.add("GET", "/v1/health")
async def get_health(ask: Ask) -> Health:
    """How the engine is."""
    engine = ask.services.control.health()
    return Health(ok=bool(engine.get("ok")), engine=engine)
