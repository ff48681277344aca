"""API tokens, and whom one's own speaks for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from psycopg.errors import ForeignKeyViolation
from pydantic import AwareDatetime, BaseModel, Field

from voicedrop.store import tokens
from voicedrop.store.tokens import SCOPES, Role
from voicedrop.web import paging
from voicedrop.web.fields import Given, Label, Page, PageQuery, invalid
from voicedrop.web.operation import Ask, Operations
from voicedrop.web.problem import not_found

operations = Operations("tokens", "Who may use the API. A token is shown once, when it is made.")
EVERY_SCOPE = SCOPES["admin"]
Scope = Annotated[str, Field(pattern="^(" + "|".join(EVERY_SCOPE) + ")$")]


class Me(BaseModel):
    id: UUID = Field(description="Of the token.")
    label: str
    role: Role
    scopes: list[str]
    agent_id: UUID | None
    agent: str = Field(description="The agent's name; empty when it is no agent's token.")
    team_id: UUID | None


class Token(BaseModel):
    id: UUID
    label: str
    role: Role
    agent_id: UUID | None
    team_id: UUID | None
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="To within a minute.")


class NewToken(Token):
    token: str = Field(description="The token itself. It is told this once.")


class TokenPage(Page[Token]):
    """Tokens, oldest first."""


class TokenIn(Given):
    label: Label
    role: Role
    agent_id: UUID | None = Field(default=None, description="Of an agent's token, and of no other.")
    team_id: UUID | None = Field(default=None, description="Of a supervisor's token, and of no other.")
    scopes: list[Scope] | None = Field(default=None, max_length=20, description="Null: all that the role allows.")
    expires_at: AwareDatetime | None = None


@operations.add("GET", "/v1/me")
async def get_me(ask: Ask) -> Me:
    """Whom this token speaks for."""
    who = ask.who
    return Me(
        id=who.token_id,
        label=who.label,
        role=who.role,
        scopes=sorted(who.scopes),
        agent_id=who.agent_id,
        agent=who.agent_name,
        team_id=who.team_id,
    )


@operations.add("GET", "/v1/tokens", scope="admin", roles=("admin",))
async def list_tokens(ask: Ask, query: PageQuery) -> TokenPage:
    """List tokens, also those revoked."""
    async with ask.transaction() as connection:
        rows = await tokens.listing(connection, after=paging.id_after(query), limit=query.limit + 1)
    return TokenPage(**paging.page(rows, query.limit))


@operations.add("POST", "/v1/tokens", scope="admin", roles=("admin",), status=201, located=True, secret=True)
async def add_token(ask: Ask, body: TokenIn) -> NewToken:
    """Make a token."""
    if (body.agent_id is not None) != (body.role == "agent"):
        raise invalid("body.agent_id", "an agent's token names its agent, and no other does")
    if (body.team_id is not None) != (body.role == "supervisor"):
        raise invalid("body.team_id", "a supervisor's token names its team, and no other does")
    if strange := set(body.scopes or ()) - set(SCOPES[body.role]):
        raise invalid("body.scopes", f"not for this role: {', '.join(sorted(strange))}")
    if body.expires_at is not None and body.expires_at <= datetime.now(UTC):
        raise invalid("body.expires_at", "this has passed")
    try:
        async with ask.transaction() as connection:
            token_id, token = await tokens.add(
                connection,
                label=body.label,
                role=body.role,
                agent_id=body.agent_id,
                team_id=body.team_id,
                scopes=None if body.scopes is None else tuple(dict.fromkeys(body.scopes)),
                expires_at=body.expires_at,
                created_by=ask.who.token_id,
            )
            await ask.note(connection, "create", "token", token_id, label=body.label, role=body.role)
            row = await tokens.one(connection, token_id)
    except ForeignKeyViolation:
        raise invalid("body", "there is no such agent or team") from None
    assert row is not None
    return NewToken(**row, token=token)


@operations.add("GET", "/v1/tokens/{token_id}", scope="admin", roles=("admin",))
async def get_token(ask: Ask, token_id: UUID) -> Token:
    """One token."""
    async with ask.transaction() as connection:
        row = await tokens.one(connection, token_id)
    if row is None:
        raise not_found("token")
    return Token(**row)


@operations.add("DELETE", "/v1/tokens/{token_id}", scope="admin", roles=("admin",))
async def revoke_token(ask: Ask, token_id: UUID) -> None:
    """Revoke a token.

    From the next request on it opens nothing. It stays in the list."""
    async with ask.transaction() as connection:
        if await tokens.one(connection, token_id) is None:
            raise not_found("token")
        if await tokens.revoke(connection, token_id):
            await ask.note(connection, "revoke", "token", token_id)
