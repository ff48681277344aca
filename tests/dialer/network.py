"""Two Asterisks and the network behind them, as far as an unattended call needs them that is never answered."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

BUSY = 17  # Q.850
WAIT_S = 90.0  # two engines start, perhaps on a machine with other work


@dataclass
class Network:
    """What reached it: each call, and whether two of one number were there at once. Calls ring until `let_go`."""

    placed: list[tuple[str, str]] = field(default_factory=list)
    """Each call: the node that placed it, and the drop."""
    live: dict[str, str] = field(default_factory=dict)
    """Drops whose call rings now, with its number."""
    doubled: list[str] = field(default_factory=list)
    """Numbers that were called while another call to them was there."""
    free: asyncio.Event = field(default_factory=asyncio.Event)
    """Calls end at once."""
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def times(self) -> Counter[str]:
        """How often each drop was called."""
        return Counter(drop for _, drop in self.placed)

    def nodes(self) -> set[str]:
        return {node for node, _ in self.placed}

    async def until(self, count: int) -> None:
        """So many calls ring at the same time."""
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(lambda: len(self.live) >= count), WAIT_S)

    async def called(self, node: str, drop: str, number: str) -> None:
        async with self.changed:
            if number in self.live.values():
                self.doubled.append(number)
            self.placed.append((node, drop))
            self.live[drop] = number
            self.changed.notify_all()

    async def over(self, drop: str) -> None:
        async with self.changed:
            self.live.pop(drop, None)
            self.changed.notify_all()


@dataclass
class Asterisk:
    """One Asterisk: channels are made, dialled, and end as busy when the network lets go."""

    network: Network
    url: str = ""
    _channels: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Application and endpoint by id."""
    _sockets: set[web.WebSocketResponse] = field(default_factory=set)
    _gone: dict[str, asyncio.Event] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        match request.method, request.match_info["path"].split("/"):
            case _, ["events"]:
                return await self._events(request)
            case "GET", ["channels"]:
                return web.json_response([_channel(one) for one in self._channels])
            case "GET", ["bridges"] | ["asterisk", "modules"]:
                return web.json_response([])
            case "POST", ["channels", "create"]:
                channel, app = request.query["channelId"], request.query["app"]
                self._channels[channel] = (app, request.query["endpoint"])
                self._gone[channel] = asyncio.Event()
                await self._tell("StasisStart", channel, application=app, args=["unattended"])
                return web.json_response(_channel(channel))
            case "POST", ["channels", channel, "dial"]:
                task = asyncio.create_task(self._ring(channel), name=f"ring {channel}")
                self._tasks.add(task)
                await self._until_placed(channel)
            case "POST", ["channels", channel, "snoop"] if channel in self._gone:
                await self._gone[channel].wait()  # a call that is not answered has nothing to be heard
                return web.json_response({"message": "Channel not found"}, status=404)
            case "DELETE", ["channels", channel]:
                if channel not in self._channels:
                    return web.json_response({"message": "Channel not found"}, status=404)
                await self._end(channel)
            case "GET", ["channels", channel]:
                if channel not in self._channels:
                    return web.json_response({"message": "Channel not found"}, status=404)
                return web.json_response(_channel(channel))
            case "GET", [*_]:
                return web.json_response({"value": ""})
            case "POST", ["bridges", _]:
                return web.json_response({})
        return web.Response(status=204)

    async def _until_placed(self, channel: str) -> None:
        drop = _drop(channel)
        async with self.network.changed:
            await self.network.changed.wait_for(lambda: self.network.times()[drop] > 0)

    async def _ring(self, channel: str) -> None:
        _, endpoint = self._channels[channel]
        await self.network.called(channel.split(".")[1], _drop(channel), endpoint)
        free = asyncio.create_task(self.network.free.wait())
        gone = asyncio.create_task(self._gone[channel].wait())
        await asyncio.wait({free, gone}, return_when=asyncio.FIRST_COMPLETED)
        free.cancel()
        gone.cancel()
        if channel in self._channels:
            await self._end(channel)

    async def _end(self, channel: str) -> None:
        del self._channels[channel]
        self._gone[channel].set()
        await self.network.over(_drop(channel))
        await self._tell("ChannelDestroyed", channel, cause=BUSY)

    async def _tell(self, kind: str, channel: str, **more: Any) -> None:
        for socket in self._sockets:
            event = {"type": kind, "timestamp": "", "channel": _channel(channel), **more}
            await socket.send_str(json.dumps(event))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(timeout=1.0)
        await socket.prepare(request)
        self._sockets.add(socket)
        async for frame in socket:
            assert frame.type is not WSMsgType.TEXT
        self._sockets.discard(socket)
        return socket


@asynccontextmanager
async def asterisk(network: Network) -> AsyncIterator[Asterisk]:
    """One on a free port of 127.0.0.1."""
    one = Asterisk(network)
    app = web.Application()
    app.router.add_route("*", "/ari/{path:.*}", one.serve)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one.url = "http://{}:{}".format(*runner.addresses[0])
    try:
        yield one
    finally:
        for task in one._tasks:
            task.cancel()
        await asyncio.gather(*one._tasks, return_exceptions=True)
        await runner.cleanup()


def _channel(channel: str) -> dict[str, Any]:
    return {"id": channel, "name": channel, "state": "Down", "protocol_id": "", "caller": {}, "connected": {}}


def _drop(channel: str) -> str:
    return channel.split(".")[2]
