"""Joins the API: its operations, their document, and the page to read it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from voicedrop.web import dispatch, openapi, page, receive
from voicedrop.web.access import Access
from voicedrop.web.operation import JSON
from voicedrop.web.operations import (
    consents,
    drops,
    feed,
    messages,
    people,
    records,
    slots,
    sound,
    suppression,
    tokens,
    webhooks,
)
from voicedrop.web.problem import PAGE
from voicedrop.web.services import ApiServices

ROOMS = (messages, sound, slots, drops, feed, people, tokens, suppression, consents, webhooks, records)
GROUPS = tuple(room.operations for room in ROOMS)


def document() -> dict[str, Any]:
    """The OpenAPI document."""
    return openapi.document(GROUPS, feed.Event)


def application(services: ApiServices, *, now: Callable[[], float] = time.monotonic) -> web.Application:
    """The API as an application of its own; `now` is the clock of the rate limits. Empties the folder of uploads."""
    receive.sweep(services.uploads)
    app = web.Application(middlewares=[dispatch.problems], client_max_size=receive.BODY_BYTES)
    access = Access(services.database, services.settings, now)
    for group in GROUPS:
        for operation in group:
            handler = dispatch.endpoint(operation, services, access)
            app.router.add_route(operation.method, operation.path, handler)
    described = document()
    text, shown = web.json_response(described).text, page.html(described)

    async def get_document(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type=JSON)

    async def get_page(_: web.Request) -> web.Response:
        return web.Response(text=shown, content_type="text/html", headers={"Content-Security-Policy": page.POLICY})

    app.router.add_get("/v1/openapi.json", get_document, allow_head=False)
    app.router.add_get(PAGE, get_page, allow_head=False)

    async def let_go(_: web.Application) -> None:
        for task in services.followers:
            task.cancel()

    app.on_shutdown.append(let_go)
    return app
