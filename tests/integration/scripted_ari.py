"""Asterisk's REST and event interface by script: a real HTTP server that answers what a test tells it to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSCloseCode, web

from voicedrop.ari.client import login_header

USERNAME, PASSWORD = "voicedrop", "s3cret"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    body: Any


@dataclass
class ScriptedAri:
    """`answers` by "METHOD path" (without /ari/); anything else is a 204. Each request is noted."""

    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    """What gets no answer at all, until the server ends."""
    refuse_events_with: list[int] = field(default_factory=list)
    """The next event connections are refused with these."""
    connected: asyncio.Queue[web.WebSocketResponse] = field(default_factory=asyncio.Queue)
    event_queries: list[dict[str, str]] = field(default_factory=list)
    transport: asyncio.Transport | None = None
    """Of the latest event connection."""
    url: str = ""
    _ending: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != login_header(USERNAME, PASSWORD)["Authorization"]:
            return web.json_response({"message": "Authentication required"}, status=401)
        path = request.match_info["path"]
        if path == "events":
            return await self._events(request)
        text = await request.text()
        self.requests.append(Request(request.method, path, dict(request.query), json.loads(text) if text else None))
        key = f"{request.method} {path}"
        if key in self.silent:
            await self._ending.wait()
        status, body = self.answers.get(key, (204, None))
        if isinstance(body, bytes):
            return web.Response(status=status, body=body, content_type="application/json")
        if isinstance(body, str):
            return web.Response(status=status, text=body, content_type="text/html")
        return web.Response(status=204) if body is None and status == 204 else web.json_response(body, status=status)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if self.refuse_events_with:
            return web.Response(status=self.refuse_events_with.pop(0))
        socket = web.WebSocketResponse(timeout=1.0)
        await socket.prepare(request)
        self.transport = request.transport
        self.event_queries.append(dict(request.query))
        self.connected.put_nowait(socket)
        async for _ in socket:
            pass
        return socket


@asynccontextmanager
async def scripted_ari(port: int = 0) -> AsyncIterator[ScriptedAri]:
    """A server on 127.0.0.1, by default on a free port."""
    script = ScriptedAri()
    app = web.Application()
    app.router.add_route("*", "/ari/{path:.*}", script.serve)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    script.url = "http://{}:{}".format(*runner.addresses[0])
    try:
        yield script
    finally:
        script._ending.set()
        while not script.connected.empty():
            await script.connected.get_nowait().close(code=WSCloseCode.GOING_AWAY)
        await runner.cleanup()
