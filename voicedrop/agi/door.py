"""A small FastAGI server: the Dial() door asks here whether a drop may be made, before it takes the callee away.

    AGI(agi://HOST:PORT/drop,SLOT,AGENT,NUMBER,CALLER_ID)

sets VOICEDROP_ANSWER to "yes" and VOICEDROP_MEDIA to the message, or VOICEDROP_ANSWER to the rule that refused it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import structlog

from voicedrop.agi.session import Request, Session
from voicedrop.errors import AgiError

log = structlog.get_logger(__name__)

AT_ONCE = 16  # connections; an answer takes a few milliseconds
DEADLINE_S = 2.0  # for each line that Asterisk is to send; an agent is waiting
BACKLOG = 64

Answer = Callable[[Request], Awaitable[Mapping[str, str]]]


class AgiDoor:
    """Listens on `host:port`. `answer` gives the variables to set for a request; it runs on the event
    loop, and answers in time."""

    def __init__(self, host: str, port: int, answer: Answer) -> None:
        self._host, self._port = host, port
        self._answer = answer
        self._socket: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._open: set[socket.socket] = set()
        self._threads = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="agi")

    @property
    def port(self) -> int:
        """Where it listens, once it does."""
        assert self._socket is not None
        return int(self._socket.getsockname()[1])

    async def start(self) -> None:
        """
        Raises:
            OSError: the port is taken.
        """
        found = await asyncio.get_running_loop().getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        self._socket = socket.socket(family, kind, protocol)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.setblocking(False)
            self._socket.bind(address)
            self._socket.listen(BACKLOG)
        except OSError:
            self._socket.close()
            raise
        self._accepting = asyncio.create_task(self._accept(self._socket), name="agi")

    async def stop(self) -> None:
        """Take no more; whoever is asking gets no answer, which is a refusal."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.wait({self._accepting})
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        if self._serving:
            await asyncio.wait(self._serving)
        if self._socket is not None:
            self._socket.close()
        self._threads.shutdown(wait=False)

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listening)
            except OSError as error:  # no file descriptor is left, or the peer has gone already
                log.warning("agi_not_accepted", error=str(error))
                await asyncio.sleep(DEADLINE_S / 10)
                continue
            if len(self._serving) >= AT_ONCE:
                log.warning("agi_refused", reason="too many at once", most=AT_ONCE)
                connection.close()
                continue
            connection.settimeout(DEADLINE_S)
            self._open.add(connection)
            task = asyncio.create_task(self._serve(connection), name="agi call")
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)

    async def _serve(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            session = await loop.run_in_executor(self._threads, Session, connection)
            answer = await self._answer(session.request)
            await loop.run_in_executor(self._threads, session.answer_with, answer)
        except AgiError as error:
            log.warning("agi_failed", reason=str(error))
        except Exception:  # one call's fault must not close the door
            log.exception("agi_broken")
        finally:
            self._open.discard(connection)
            with contextlib.suppress(OSError):  # the files made of it would keep it open
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
