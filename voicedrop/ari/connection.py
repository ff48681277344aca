"""The event connection: one websocket for all our applications, kept up for the life of the engine."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable

import aiohttp
import structlog

from voicedrop.ari.client import AriClient
from voicedrop.ari.events import AriEvent, parse
from voicedrop.errors import AriError, AriRefused

log = structlog.get_logger(__name__)

FIRST_DELAY_S = 0.25
LAST_DELAY_S = 10.0
CONNECT_TIMEOUT_S = 5.0
HEARTBEAT_S = 10.0  # a ping; a dead peer is noticed within this and a half
BIGGEST_EVENT = 1 << 20


class EventConnection:
    """Reads events and hands each to `on_event`, in order, until it is cancelled.

    `on_up` runs after each connect, before the first event is handed on, so that whatever was missed
    can be reconciled; `on_down` after each loss.
    """

    def __init__(
        self,
        ari: AriClient,
        apps: tuple[str, ...],
        *,
        on_event: Callable[[AriEvent], None],
        on_up: Callable[[], Awaitable[None]],
        on_down: Callable[[str], None],
    ) -> None:
        self._ari = ari
        self._apps = apps
        self._on_event = on_event
        self._on_up = on_up
        self._on_down = on_down
        self.up = False

    async def run(self) -> None:
        """Connect, read, and connect again with growing delay.

        Raises:
            AriRefused: the login is wrong; trying again would not help.
        """
        delay = FIRST_DELAY_S
        while True:
            try:
                await self._read_until_lost()
                reason = "Asterisk closed the event connection"
                delay = FIRST_DELAY_S
            except AriRefused:
                raise
            except (TimeoutError, aiohttp.ClientError, OSError, AriError) as error:
                # An Asterisk that has just started says 404 or 503 until its modules are loaded.
                reason = f"no event connection to Asterisk at {self._ari.url}: {error or type(error).__name__}"
            if self.up:
                self.up = False
                delay = FIRST_DELAY_S
                self._on_down(reason)
            log.warning("ari_down", reason=reason, again_in_s=round(delay, 2))
            await asyncio.sleep(delay * random.uniform(0.8, 1.2))
            delay = min(delay * 2, LAST_DELAY_S)

    async def _read_until_lost(self) -> None:
        url = f"{self._ari.url}/ari/events"
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                socket = await self._ari.session.ws_connect(
                    url,
                    params={"app": ",".join(self._apps)},
                    heartbeat=HEARTBEAT_S,
                    max_msg_size=BIGGEST_EVENT,
                )
        except aiohttp.WSServerHandshakeError as error:
            if error.status in (401, 403):
                raise AriRefused(
                    f"Asterisk refuses the login {self._ari.username!r}: compare ari.username and ari.password "
                    "with its ari.conf",
                    status=error.status,
                ) from error
            raise
        async with socket:
            await self._on_up()
            self.up = True
            log.info("ari_up", url=self._ari.url, apps=list(self._apps))
            async for frame in socket:
                if frame.type is not aiohttp.WSMsgType.TEXT:
                    continue
                try:
                    event = parse(json.loads(frame.data))
                    if event is not None:
                        self._on_event(event)
                except Exception:  # one event that cannot be taken in must not end every call
                    log.exception("event_failed")
