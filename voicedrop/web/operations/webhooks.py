"""Webhooks: what happens, told to other programs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from psycopg.errors import ForeignKeyViolation
from pydantic import BaseModel, Field

from voicedrop.errors import WebhookRefused
from voicedrop.model import EventKind
from voicedrop.notify.addresses import check_url
from voicedrop.store import webhooks
from voicedrop.store.database import Connection, Row
from voicedrop.web import paging
from voicedrop.web.fields import NO_CONTROL, Given, Page, PageQuery, invalid
from voicedrop.web.operation import LEADERS, Ask, Operations
from voicedrop.web.problem import CONFLICT, Problem, not_found

operations = Operations(
    "webhooks", "What happens, told to other programs: signed, in order for each drop, at least once."
)
Url = Annotated[str, Field(min_length=1, max_length=2000, pattern=NO_CONTROL)]
Kinds = Annotated[list[EventKind], Field(max_length=50, description="Which events; empty: all.")]


class Webhook(BaseModel):
    id: UUID
    url: str
    kinds: list[str]
    team_id: UUID | None = Field(description="Only what concerns this team; null: everything.")
    created_at: datetime
    active: bool
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None
    old_secret_until: datetime | None = Field(description="After a rotation the old secret signs as well until then.")


class Webhooks(BaseModel):
    items: list[Webhook]


class NewWebhook(Webhook):
    secret: str = Field(description="What the deliveries are signed with. It is told this once.")


class WebhookIn(Given):
    url: Url
    kinds: Kinds = Field(default=[])
    team_id: UUID | None = Field(default=None, description="A supervisor's is his own team's.")


class WebhookChange(Given):
    """What is left out or null stays as it is."""

    url: Url | None = None
    kinds: Kinds | None = None
    active: bool | None = Field(default=None, description="true takes up again one that was disabled.")


class Secret(BaseModel):
    secret: str = Field(description="It is told this once. The old one signs as well for 24 hours.")


class Delivery(BaseModel):
    id: UUID
    event_id: int
    kind: str
    drop_id: UUID | None
    state: str = Field(description="pending, delivered or dead.")
    attempts: int
    next_at: datetime
    created_at: datetime
    delivered_at: datetime | None
    last_status: int | None
    last_error: str


class DeliveryPage(Page[Delivery]):
    """Deliveries, newest first."""


class DeliveryQuery(PageQuery):
    state: Literal["pending", "delivered", "dead"] | None = None


@operations.add("GET", "/v1/webhooks", scope="webhooks:read", roles=LEADERS)
async def list_webhooks(ask: Ask) -> Webhooks:
    """List webhooks; a supervisor's are his team's."""
    async with ask.transaction() as connection:
        rows = await webhooks.listing(connection, team_id=ask.who.team_id)
    return Webhooks(items=[Webhook(**_active(row)) for row in rows])


@operations.add("POST", "/v1/webhooks", scope="webhooks:write", roles=LEADERS, status=201, located=True, secret=True)
async def add_webhook(ask: Ask, body: WebhookIn) -> NewWebhook:
    """Add a webhook.

    Only https, and never an address inside the operator's own network, unless he allows it."""
    team_id = body.team_id or ask.who.team_id
    if ask.who.team_id is not None and team_id != ask.who.team_id:
        raise invalid("body.team_id", "there is no such team")
    _check(ask, body.url)
    try:
        async with ask.transaction() as connection:
            webhook_id, secret = await webhooks.add(
                connection, url=body.url, kinds=[str(kind) for kind in body.kinds], team_id=team_id
            )
            await ask.note(connection, "create", "webhook", webhook_id, url=body.url)
            row = await _own(ask, connection, webhook_id)
    except ForeignKeyViolation:
        raise invalid("body.team_id", "there is no such team") from None
    return NewWebhook(**row, secret=secret)


@operations.add("GET", "/v1/webhooks/{webhook_id}", scope="webhooks:read", roles=LEADERS)
async def get_webhook(ask: Ask, webhook_id: UUID) -> Webhook:
    """One webhook, and why it is disabled if it is."""
    async with ask.transaction() as connection:
        return Webhook(**await _own(ask, connection, webhook_id))


@operations.add("PATCH", "/v1/webhooks/{webhook_id}", scope="webhooks:write", roles=LEADERS)
async def change_webhook(ask: Ask, webhook_id: UUID, body: WebhookChange) -> Webhook:
    """Change a webhook, or take it up again."""
    if body.url is not None:
        _check(ask, body.url)
    async with ask.transaction() as connection:
        row = await _own(ask, connection, webhook_id)
        await webhooks.change(
            connection,
            webhook_id,
            url=body.url or row["url"],
            kinds=row["kinds"] if body.kinds is None else [str(kind) for kind in body.kinds],
            active=row["active"] if body.active is None else body.active,
        )
        await ask.note(connection, "change", "webhook", webhook_id, **body.model_dump(mode="json", exclude_none=True))
        return Webhook(**await _own(ask, connection, webhook_id))


@operations.add("DELETE", "/v1/webhooks/{webhook_id}", scope="webhooks:write", roles=LEADERS)
async def remove_webhook(ask: Ask, webhook_id: UUID) -> None:
    """Remove a webhook with its deliveries."""
    async with ask.transaction() as connection:
        await _own(ask, connection, webhook_id)
        await webhooks.remove(connection, webhook_id)
        await ask.note(connection, "delete", "webhook", webhook_id)


@operations.add("POST", "/v1/webhooks/{webhook_id}/secret", scope="webhooks:write", roles=LEADERS, secret=True)
async def rotate_secret(ask: Ask, webhook_id: UUID) -> Secret:
    """Give a webhook a new secret."""
    async with ask.transaction() as connection:
        await _own(ask, connection, webhook_id)
        secret = await webhooks.rotate(connection, webhook_id)
        await ask.note(connection, "rotate", "webhook", webhook_id)
    assert secret is not None  # it was there in the same transaction
    return Secret(secret=secret)


@operations.add("GET", "/v1/webhooks/{webhook_id}/deliveries", scope="webhooks:read", roles=LEADERS)
async def list_deliveries(ask: Ask, webhook_id: UUID, query: DeliveryQuery) -> DeliveryPage:
    """List what was and is to be delivered."""
    async with ask.transaction() as connection:
        await _own(ask, connection, webhook_id)
        rows = await webhooks.deliveries(
            connection, webhook_id, state=query.state or "", before=paging.id_after(query), limit=query.limit + 1
        )
    return DeliveryPage(**paging.page(rows, query.limit))


@operations.add(
    "POST",
    "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver",
    scope="webhooks:write",
    roles=LEADERS,
    problems=(CONFLICT,),
)
async def redeliver(ask: Ask, webhook_id: UUID, delivery_id: UUID) -> None:
    """Deliver once more what was delivered or given up."""
    async with ask.transaction() as connection:
        await _own(ask, connection, webhook_id)
        if not await webhooks.redeliver(connection, webhook_id, delivery_id, now=datetime.now(UTC)):
            raise Problem(CONFLICT, "There is no such delivery that has been made or given up.")
        await ask.note(connection, "redeliver", "webhook", webhook_id, delivery=str(delivery_id))


def _check(ask: Ask, url: str) -> None:
    try:
        check_url(url, allow_private=ask.services.allow_private_webhooks)
    except WebhookRefused as error:
        raise invalid("body.url", str(error)) from None


def _active(row: Row) -> Row:
    return {**row, "active": row["disabled_at"] is None}


async def _own(ask: Ask, connection: Connection, webhook_id: UUID) -> Row:
    row = await webhooks.one(connection, webhook_id)
    if row is None or (ask.who.team_id is not None and row["team_id"] != ask.who.team_id):
        raise not_found("webhook")
    return _active(row)
