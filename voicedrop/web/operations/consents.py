"""Consents on record, and people who want no more calls."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from voicedrop.policy.settings import Basis
from voicedrop.store import consents, optouts
from voicedrop.store.consents import NewConsent
from voicedrop.web.fields import Given, Label, Line, Number, international
from voicedrop.web.operation import LEADERS, Ask, Operations
from voicedrop.web.problem import not_found

operations = Operations("consents", "Who agreed to be called, and who does not want to be.")


class Consent(BaseModel):
    id: UUID
    number: str
    basis: str
    source: str = Field(description="Where it came from: a form, a call, a contract.")
    evidence: str = Field(description="What proves it: a document's name, a recording's id.")
    given_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime
    created_by: str


class Consents(BaseModel):
    items: list[Consent]


class ConsentQuery(Given):
    number: Number


class ConsentIn(Given):
    number: Number
    basis: Basis
    source: Label
    evidence: Label
    given_at: AwareDatetime
    expires_at: AwareDatetime | None = None


class OptOutIn(Given):
    number: Number
    reason: Line = "opted out"


class OptOut(BaseModel):
    number: str
    revoked: int = Field(description="How many consents were revoked with it.")
    ended: int = Field(description="How many orders in the queue ended with it.")


@operations.add("GET", "/v1/consents", scope="suppression:read", roles=LEADERS)
async def list_consents(ask: Ask, query: ConsentQuery) -> Consents:
    """List the consents of a number, oldest first."""
    number = international("query.number", query.number, ask.services.default_region)
    async with ask.transaction() as connection:
        rows = await consents.of_number(connection, number)
    return Consents(items=[Consent(**row) for row in rows])


@operations.add("POST", "/v1/consents", scope="suppression:write", roles=LEADERS, status=201)
async def add_consent(ask: Ask, body: ConsentIn) -> Consent:
    """Put a consent on record.

    A later one counts again after an earlier one was revoked; whether its basis is enough, the policy says."""
    consent = NewConsent(
        number=international("body.number", body.number, ask.services.default_region),
        basis=str(body.basis),
        source=body.source,
        evidence=body.evidence,
        given_at=body.given_at,
        expires_at=body.expires_at,
    )
    async with ask.transaction() as connection:
        row = await consents.add(connection, consent, actor=ask.who.actor)
        await ask.note(connection, "create", "consent", row["id"])
    return Consent(**row)


@operations.add("POST", "/v1/consents/{consent_id}/revoke", scope="suppression:write", roles=LEADERS)
async def revoke_consent(ask: Ask, consent_id: UUID) -> Consent:
    """Revoke a consent.

    It stays on record, and does not count from now on, nor do those that were given before it."""
    async with ask.transaction() as connection:
        row = await consents.revoke(connection, consent_id)
        if row is None:
            raise not_found("consent")
        await ask.note(connection, "revoke", "consent", consent_id)
    return Consent(**row)


@operations.add("POST", "/v1/optouts", scope="suppression:write")
async def add_optout(ask: Ask, body: OptOutIn) -> OptOut:
    """Take a number out, for good.

    It goes on the suppression list, its consents are revoked, its orders in the queue end as `blocked`, and a call
    that is under way to it is ended."""
    number = international("body.number", body.number, ask.services.default_region)
    async with ask.transaction() as connection:
        await ask.note(connection, "create", "optout", number)
        taken = await optouts.take_out(connection, number, reason=body.reason, source="opt-out", actor=ask.who.actor)
    return OptOut(number=number, revoked=taken.revoked, ended=taken.ended)
