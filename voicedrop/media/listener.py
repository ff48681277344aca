"""Where Asterisk brings the live audio of a tap: a websocket server, bounded in every direction.

Each expected connection has a token that works once. Frames are 16-bit linear PCM, 8 kHz, mono.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs

import numpy as np
import numpy.typing as npt
import picows
import structlog
from picows import WSCloseCode, WSMsgType

log = structlog.get_logger(__name__)

PATH: Final = b"/tap"
PROTOCOL: Final = "media"  # what Asterisk's media channel offers
BIGGEST_FRAME = 4096  # bytes; Asterisk sends 320 (20 ms)
HANDSHAKE_TIMEOUT_S: Final = 5.0  # a peer that has not asked for anything by then is put out
IDLE_S = 5.0  # a snoop gives a frame each 20 ms, silence included: this long without one is the end
CLOSE_TIMEOUT_S = 1.0  # a peer that does not answer a close has gone
FORMAT = "slin"

OnAudio = Callable[[npt.NDArray[np.int16]], None]
OnLost = Callable[[str], None]


@dataclass(eq=False)
class Expected:
    """A connection that is to come, or is there. What `on_audio` gets may be kept."""

    token: str
    on_audio: OnAudio
    on_lost: OnLost
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    connection: Connection | None = None


class Connection(picows.WSListener):
    """One that is there. picows calls it for each frame, from its reading of the socket: no task, no future."""

    def __init__(self, taps: TapListener, expected: Expected) -> None:
        self._taps, self._expected = taps, expected
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time  # looked up fifty times a second for each tap
        self._reason = ""

    async def close(self) -> None:
        """Say goodbye, and wait until it has ended: CLOSE_TIMEOUT_S at most."""
        self._end("the engine closed the connection")
        await self._transport.wait_disconnected()

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._transport = transport
        self._heard_at = self._now()
        self._timer = self._loop.call_later(IDLE_S, self._watch)
        self._taps.came(self._expected, self)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        kind = frame.msg_type
        if kind == WSMsgType.CLOSE:
            if not transport.is_close_frame_sent:
                self._end("Asterisk closed the connection")
            transport.disconnect()
        elif transport.is_close_frame_sent:
            pass  # it comes too late
        elif not frame.fin or kind == WSMsgType.CONTINUATION or frame.rsv1 or frame.rsv2 or frame.rsv3:
            raise picows.WSProtocolError(WSCloseCode.PROTOCOL_ERROR, "a frame is a message, and is not compressed")
        # Only audio counts: texts (MEDIA_START and the like) and pings do not keep a connection open.
        elif kind == WSMsgType.BINARY and frame.payload_size and frame.payload_size % 2 == 0:
            self._heard_at = self._now()
            # The frame's memory is picows' own, and holds other audio after this call.
            samples = np.frombuffer(frame.get_payload_as_bytes(), dtype="<i2")
            try:
                self._expected.on_audio(samples)
            except Exception:
                log.exception("tap_broken")
                self._end("the engine failed", WSCloseCode.INTERNAL_ERROR)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        self._timer.cancel()
        # What picows finds wrong with a frame it tells the peer, and us only here.
        sent = transport.close_handshake.sent if transport.close_handshake else None
        fault = f"protocol error: {sent.reason}" if sent else "Asterisk closed the connection"
        self._taps.went(self)
        self._expected.on_lost(self._reason or fault)

    def pause_writing(self) -> None:
        """Who sends pings and does not read the answers fills our memory."""
        self._reason = self._reason or "Asterisk does not read"
        self._transport.disconnect(graceful=False)

    def _watch(self) -> None:
        """The audio's deadline, which has moved on with each frame."""
        if self._now() - self._heard_at >= IDLE_S:
            self._end(f"no audio for {IDLE_S:.0f} s")
        else:
            self._timer = self._loop.call_at(self._heard_at + IDLE_S, self._watch)

    def _end(self, reason: str, code: WSCloseCode = WSCloseCode.OK) -> None:
        """Send a close and let the peer answer it. One that is being closed already is cut."""
        if self._transport.is_close_frame_sent:
            self._transport.disconnect(graceful=False)
            return
        self._reason = reason
        self._transport.send_close(code)
        self._timer.cancel()
        self._timer = self._loop.call_later(CLOSE_TIMEOUT_S, self._transport.disconnect, False)


class TapListener:
    """Listens on `host:port`, path /tap. At most `most` connections at a time."""

    def __init__(self, host: str, port: int, *, most: int) -> None:
        self._host, self._port, self._most = host, port, most
        self._expected: dict[str, Expected] = {}
        self._live: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self.turn = asyncio.Lock()
        """Held by the one who has asked Asterisk to connect, until it has."""

    async def start(self) -> None:
        """Open the port.

        Raises:
            OSError: it is taken.
        """
        self._server = await picows.ws_create_server(
            self._answer,
            self._host,
            self._port,
            websocket_handshake_timeout=HANDSHAKE_TIMEOUT_S,
            max_frame_size=BIGGEST_FRAME,
            read_buffer_init_size=BIGGEST_FRAME,
            use_aiofastnet=True,
        )

    async def stop(self) -> None:
        if self._server is None:
            return
        self._server.close()
        await asyncio.gather(*(one.close() for one in self._live))
        # Those who have asked for nothing yet. aiofastnet's server can do it, asyncio's own only from Python 3.13 on.
        self._server.abort_clients()  # type: ignore[attr-defined]
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._server.wait_closed()

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
        if expected.connection in self._live:
            await expected.connection.close()

    def came(self, expected: Expected, connection: Connection) -> None:
        """It is there: its token has worked."""
        del self._expected[expected.token]
        self._live.add(connection)
        expected.connection = connection
        expected.connected.set()

    def went(self, connection: Connection) -> None:
        self._live.discard(connection)

    def _answer(self, request: picows.WSUpgradeRequest) -> picows.WSUpgradeResponseWithListener:
        """Who may come.

        picows then looks whether it is a websocket at all (400 if not), and lets it in before anyone else is answered:
        the token and the place are taken there, in `came`.
        """
        path, _, query = request.path.partition(b"?")
        if path != PATH:
            return self._refusal(HTTPStatus.NOT_FOUND, "nothing is here but /tap")
        given = parse_qs(query.decode("latin-1")).get("token", [""])[0]
        token = next((t for t in self._expected if hmac.compare_digest(t.encode(), given.encode())), None)
        if token is None:
            return self._refusal(HTTPStatus.FORBIDDEN, "unknown or used token")
        if len(self._live) >= self._most:
            return self._refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too many taps")
        offered = ",".join(request.headers.getall("Sec-WebSocket-Protocol", []))
        agreed = {"Sec-WebSocket-Protocol": PROTOCOL} if PROTOCOL in map(str.strip, offered.split(",")) else {}
        response = picows.WSUpgradeResponse.create_101_response(agreed)
        return picows.WSUpgradeResponseWithListener(response, Connection(self, self._expected[token]))

    def _refusal(self, status: HTTPStatus, reason: str) -> picows.WSUpgradeResponseWithListener:
        log.warning("tap_refused", reason=reason, live=self.live, most=self._most)
        response = picows.WSUpgradeResponse.create_error_response(status, reason.encode())
        return picows.WSUpgradeResponseWithListener(response, None)
