"""A tap: a snoop on the callee's leg, bridged with a websocket channel that brings the audio to us.

It stays on the leg through a move to another application, and hears while we play to that leg.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import structlog

from dsp import Detection
from dsp.holes import HoleFiller, is_zeros
from voicedrop.ari.events import AriEvent, ChannelDestroyed, StasisStart
from voicedrop.engine.bank import LiveEar
from voicedrop.engine.services import AGENT_APP, Services, quietly
from voicedrop.errors import AriError, TapError
from voicedrop.media.arrivals import Arrivals
from voicedrop.media.listener import FORMAT, Expected
from voicedrop.model import Ids

log = structlog.get_logger(__name__)

CLIENT = "voicedrop-tap"  # the section of websocket_client.conf
BEHIND_MS = 500.0  # a stream so far behind the clock: Asterisk's machine is too busy to be heard in time


class Tap:
    """Listens to one leg. `on_samples` gets all audio, before `on_heard` gets what the detector says of it, and when
    the audio came of which it is said. They and `on_lost` may be set anew when the leg changes its owner."""

    def __init__(self, services: Services, ids: Ids, leg: str, *, spy: Literal["in", "out"] = "in") -> None:
        """`spy`: "in" listens to what the leg's far end says; "out" to what it is sent, and no detector hears that."""
        self._services = services
        self._spy = spy
        self._leg = leg
        # Ids of its own each time: the end of an earlier tap's channels must not be taken for this one's.
        tag = secrets.token_hex(3)
        self._snoop, self._media, self._bridge = (ids(f"{role}-{tag}") for role in ("snoop", "media", "tap"))
        self._ear: LiveEar | None = None
        self._filler = HoleFiller()
        self._arrivals = Arrivals()
        self._expected: Expected | None = None
        self._started: dict[str, asyncio.Event] = {self._snoop: asyncio.Event(), self._media: asyncio.Event()}
        self._failed = asyncio.Event()
        self._failure = ""
        self._open = False
        self._closing = False
        self.on_samples: Callable[[npt.NDArray[np.int16]], None] | None = None
        self.on_heard: Callable[[Detection, float], None] | None = None
        self.on_lost: Callable[[str], None] | None = None

    async def open(self) -> None:
        """Set it up; audio flows when this returns.

        Raises:
            TapError: it could not be had within the configured time. Nothing is left behind.
        """
        try:
            async with asyncio.timeout(self._services.settings.tap.connect_timeout_s):
                await self._set_up()
        except (AriError, TimeoutError, TapError) as error:
            await self.close()
            raise TapError(str(error) or "Asterisk brought no audio in time") from error
        except asyncio.CancelledError:
            await self.close()
            raise
        self._open = True
        if self._spy == "in":
            self._services.metrics.taps.inc()

    async def _set_up(self) -> None:
        services, ari = self._services, self._services.ari
        for channel in self._started:
            services.router.attach(channel, self._on_event)
        self._ear = services.bank.open(self._heard) if self._spy == "in" else None
        self._expected = services.listener.expect(self._on_audio, self._on_lost)
        await ari.create_bridge(self._bridge, bridge_type="mixing")
        await ari.snoop(self._leg, app=AGENT_APP, snoop_id=self._snoop, app_args="tap", spy=self._spy)
        # One at a time: Asterisk 22 keeps a connection's parameters in the object that all connections of the
        # same section share, so that of two made at once both bring the token of one.
        async with services.listener.turn:
            await ari.external_media(
                channel_id=self._media, app=AGENT_APP, client=CLIENT, media_format=FORMAT, token=self._expected.token
            )
            await self._or_failed(self._expected.connected)
        for channel, started in self._started.items():
            await self._or_failed(started)
            await ari.add_to_bridge(self._bridge, channel)

    async def _or_failed(self, event: asyncio.Event) -> None:
        """Wait for it, but not when it can no longer come."""
        waiting = asyncio.create_task(event.wait())
        failing = asyncio.create_task(self._failed.wait())
        try:
            await asyncio.wait({waiting, failing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            failing.cancel()
        if self._failed.is_set():
            raise TapError(self._failure)

    async def close(self) -> None:
        """Take it down. Safe to call twice."""
        if self._closing:
            return
        self._closing = True
        if self._open:
            if self._spy == "in":
                self._services.metrics.taps.dec()
            self._tell()
        if self._ear is not None:
            self._ear.close()
        for channel in self._started:
            self._services.router.detach(channel, self._on_event)
        # Recovery ends what cannot be ended now.
        await quietly(self._services.ari.hang_up(self._snoop))
        await quietly(self._services.ari.hang_up(self._media))
        await quietly(self._services.ari.destroy_bridge(self._bridge))
        if self._expected is not None:
            await self._services.listener.forget(self._expected)

    def _on_event(self, event: AriEvent) -> None:
        if isinstance(event, StasisStart):
            self._started[event.channel_id].set()
        elif isinstance(event, ChannelDestroyed):
            where = self._services.settings.tap.reached_by()
            self._failure = f"Asterisk could not bring the audio to {where} (cause {event.cause})"
            self._failed.set()

    def _tell(self) -> None:
        heard = self._arrivals
        told = log.warning if heard.behind_ms >= BEHIND_MS else log.debug
        told(
            "tap_closed",
            leg=self._leg,
            frames=heard.frames,
            silent_frames=heard.silent_frames,
            longest_gap_ms=round(heard.longest_gap_ms, 1),
            behind_ms=round(heard.behind_ms, 1),
        )

    def _on_audio(self, samples: npt.NDArray[np.int16]) -> None:
        self._arrivals.note(len(samples), time.monotonic(), silent=is_zeros(samples))
        if self.on_samples is not None:
            self.on_samples(samples)
        if self._ear is None:
            return
        for frame in self._filler.feed(samples):
            self._ear.feed(frame)

    def _heard(self, detections: list[Detection], arrived_at: float) -> None:
        assert self._ear is not None
        for detection in detections:
            if self.on_heard is not None:
                # Frames that were held back come at once: what is said of the first of them was so some time ago.
                self.on_heard(detection, arrived_at - (self._ear.fed_ms - detection.at_ms) / 1000)

    def _on_lost(self, reason: str) -> None:
        if not self._closing and self.on_lost is not None:
            self.on_lost(reason)
