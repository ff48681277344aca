"""Where Asterisk brings the live audio of a tap: a websocket server, bounded in every direction.

Each expected connection has a token that works once. Frames are 16-bit linear PCM, 8 kHz, mono.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp
import numpy as np
import numpy.typing as npt
import structlog
from aiohttp import web

log = structlog.get_logger(__name__)

BIGGEST_FRAME = 4096  # bytes; Asterisk sends 320 (20 ms)
IDLE_S = 5.0  # a snoop gives a frame each 20 ms, silence included: this long without one is the end
CLOSE_TIMEOUT_S = 1.0  # a peer that does not answer a close has gone
FORMAT = "slin"

OnAudio = Callable[[npt.NDArray[np.int16]], None]
OnLost = Callable[[str], None]


@dataclass(eq=False)
class Expected:
    """A connection that is to come, or is there."""

    token: str
    on_audio: OnAudio
    on_lost: OnLost
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    socket: web.WebSocketResponse | None = None


class TapListener:
    """Listens on `host:port`, path /tap. At most `most` connections at a time."""

    def __init__(self, host: str, port: int, *, most: int) -> None:
        self._host, self._port, self._most = host, port, most
        self._expected: dict[str, Expected] = {}
        self._live: set[Expected] = set()
        self._runner: web.AppRunner | None = None
        self.turn = asyncio.Lock()
        """Held by the one who has asked Asterisk to connect, until it has."""

    async def start(self) -> None:
        """Open the port.

        Raises:
            OSError: it is taken.
        """
        app = web.Application()
        app.router.add_get("/tap", self._serve)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()

    async def stop(self) -> None:
        for one in list(self._live):
            if one.socket is not None:
                await one.socket.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def live(self) -> int:
        return len(self._live)

    @property
    def taken(self) -> int:
        """Those that are there and those that are to come."""
        return len(self._live) + len(self._expected)

    def expect(self, on_audio: OnAudio, on_lost: OnLost) -> Expected:
        """A connection to come. Hand its token to Asterisk; end it with `forget`."""
        expected = Expected(secrets.token_urlsafe(18), on_audio, on_lost)
        self._expected[expected.token] = expected
        return expected

    async def forget(self, expected: Expected) -> None:
        """Neither wait for this connection nor keep it."""
        self._expected.pop(expected.token, None)
        if expected.socket is not None and not expected.socket.closed:
            await expected.socket.close()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        given = request.query.get("token", "")
        token = next((t for t in self._expected if hmac.compare_digest(t.encode(), given.encode())), None)
        if token is None:
            log.warning("tap_refused", reason="unknown or used token", peer=request.remote)
            raise web.HTTPForbidden(text="unknown or used token")
        if len(self._live) >= self._most:
            log.warning("tap_refused", reason="too many taps", most=self._most)
            raise web.HTTPServiceUnavailable(text="too many taps")
        expected = self._expected.pop(token)  # it works once
        socket = web.WebSocketResponse(
            protocols=("media",), max_msg_size=BIGGEST_FRAME, compress=False, timeout=CLOSE_TIMEOUT_S
        )
        self._live.add(expected)  # before the first await: the ceiling holds for those that come together
        reason = "Asterisk closed the connection"
        try:
            await socket.prepare(request)
            expected.socket = socket
            expected.connected.set()
            reason = await self._read(socket, expected)
        finally:
            self._live.discard(expected)
            if expected.connected.is_set():
                expected.on_lost(reason)
        return socket

    async def _read(self, socket: web.WebSocketResponse, expected: Expected) -> str:
        loop = asyncio.get_running_loop()
        heard_at = loop.time()
        try:
            async with asyncio.timeout_at(heard_at + IDLE_S) as patience:
                async for frame in socket:
                    # Only audio counts: texts (MEDIA_START and the like) and pings do not keep a connection open.
                    if frame.type is aiohttp.WSMsgType.BINARY and frame.data and len(frame.data) % 2 == 0:
                        # Fifty times a second for each tap: the deadline moves on only now and then.
                        now = loop.time()
                        if now - heard_at > IDLE_S / 10:
                            heard_at = now
                            patience.reschedule(now + IDLE_S)
                        expected.on_audio(np.frombuffer(frame.data, dtype="<i2"))
                    elif frame.type is aiohttp.WSMsgType.ERROR:
                        return f"protocol error: {socket.exception()}"
        except TimeoutError:
            await socket.close()
            return f"no audio for {IDLE_S:.0f} s"
        return "Asterisk closed the connection"
