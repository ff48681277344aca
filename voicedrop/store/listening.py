"""Hears the database's notifications: one connection for one process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping

import psycopg
import structlog

log = structlog.get_logger(__name__)

CONNECT_S = 5.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0
ALIVE_S = 15.0  # a connection that says nothing for so long is asked whether it is there


class NotificationListener:
    """Calls what belongs to a channel: at each notification, and whenever some may have been missed."""

    def __init__(self, url: str, channels: Mapping[str, Callable[[], None]]) -> None:
        self._url = url
        self._channels = dict(channels)

    async def run(self) -> None:
        """Until it is cancelled; connects anew when the database comes back."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                async with contextlib.AsyncExitStack() as stack:
                    async with asyncio.timeout(CONNECT_S):
                        connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
                    await stack.enter_async_context(connection)
                    pause_s = FIRST_PAUSE_S
                    await self._listen(connection)
            except (psycopg.Error, TimeoutError, OSError) as error:
                log.debug("notifications_lost", error=str(error))
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _listen(self, connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
        for channel in self._channels:
            await connection.execute(f"LISTEN {channel}".encode())
        for call in self._channels.values():
            call()
        while True:
            async for notice in connection.notifies(timeout=ALIVE_S):
                self._channels[notice.channel]()
            async with asyncio.timeout(CONNECT_S):
                await connection.execute("SELECT 1")
