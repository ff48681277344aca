"""What happens, as it happens: server-sent events."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Any
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from voicedrop.errors import StoreError
from voicedrop.model import EventKind
from voicedrop.notify.envelope import envelope
from voicedrop.store import tokens
from voicedrop.store.events import Event as StoredEvent
from voicedrop.store.ownership import scope_of
from voicedrop.web.fields import EventId, Given, invalid
from voicedrop.web.operation import Ask, Operations
from voicedrop.web.problem import TOO_MANY, Problem

operations = Operations("events", "What happens, as it happens.")
STREAM = "text/event-stream"
HEARTBEAT_S = 15.0  # proxies close what is silent for 30 s or more
WRITE_S = 30.0  # a follower that takes nothing for so long is let go
AGAIN_MS = 2000  # when a client connects again
ALIVE = ": alive\n\n"
LAST_EVENT_ID = "Last-Event-ID"


class Event(BaseModel):
    """What happened: the JSON of a webhook's post, and of `data` in the stream of events."""

    model_config = ConfigDict(extra="forbid")

    id: int = Field(description="It only grows. The order of ids is the order of what happened; there are gaps.")
    kind: EventKind
    at: datetime = Field(description="When it was written, UTC.")
    drop: UUID | None = Field(description="The drop that it tells of.")
    data: dict[str, Any] = Field(description="What it tells; each kind has its own.")


class EventsQuery(Given):
    after: EventId | None = Field(
        default=None,
        description="Begin behind this event; the header Last-Event-ID goes before it. 0: all that is kept.",
    )


@operations.add("GET", "/v1/events", scope="events:read", media=STREAM)
async def follow_events(ask: Ask, query: EventsQuery) -> web.StreamResponse:
    """Follow what happens.

    A stream of server-sent events, each with its id, its kind as `event`, and an `Event` as `data`; a client that
    comes back with `Last-Event-ID` misses nothing and gets nothing twice. Without it, the stream begins now. Every 15
    seconds at least a comment comes."""
    last = _last(ask, query)
    followers = ask.services.followers
    if len(followers) >= ask.services.settings.followers:
        raise Problem(TOO_MANY, "Too many follow the events already.", headers={"Retry-After": "60"})
    task = asyncio.current_task()
    assert task is not None
    followers.add(task)
    try:
        return await _stream(ask, last)
    finally:
        followers.discard(task)


async def _stream(ask: Ask, last: int | None) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={"Content-Type": STREAM, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    await response.prepare(ask.request)
    try:
        await _write(response, f"retry: {AGAIN_MS}\n\n")
        events = ask.services.feed.follow(last, scope_of(ask.who))
        async with aclosing(events), aclosing(_with_heartbeats(events)) as texts:
            async for text in texts:
                if text == ALIVE and not await _still_the_same(ask):
                    await _write(response, ": the token or its rights have changed, connect again\n\n")
                    break
                await _write(response, text)
    except (ConnectionError, TimeoutError):
        return response
    except StoreError:
        await _write(response, ": the database does not answer, connect again\n\n")
    return response


async def _with_heartbeats(events: AsyncIterator[StoredEvent]) -> AsyncGenerator[str, None]:
    coming = asyncio.ensure_future(anext(events))
    try:
        while True:
            done, _ = await asyncio.wait([coming], timeout=HEARTBEAT_S)
            if not done:
                yield ALIVE
                continue
            yield _text(coming.result())
            coming = asyncio.ensure_future(anext(events))
    finally:
        coming.cancel()
        await asyncio.wait([coming])


def _text(event: StoredEvent) -> str:
    data = envelope(event=event.id, kind=event.kind, at=event.at, drop=event.drop_id, data=event.body)
    return f"id: {event.id}\nevent: {event.kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


async def _write(response: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(WRITE_S):
        await response.write(text.encode())


async def _still_the_same(ask: Ask) -> bool:
    """A stream lasts longer than a token may: looked at with each heartbeat."""
    async with ask.transaction() as connection:
        who = await tokens.again(connection, ask.who.token_id)
    return who == ask.who


def _last(ask: Ask, query: EventsQuery) -> int | None:
    header = ask.request.headers.get(LAST_EVENT_ID)
    if header is None:
        return query.after
    if not re.fullmatch(r"[0-9]{1,18}", header):
        raise invalid(f"header.{LAST_EVENT_ID}", "the id of an event is a number")
    return int(header)
