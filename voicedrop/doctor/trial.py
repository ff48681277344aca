"""A throw-away leg in Asterisk, in an application of the doctor's own, on which things are tried.

The engine's applications are never touched: a second event connection would take them over. Ids begin
with ``voicedrop-doctor.``, which no engine's recovery takes for its own. Everything ends with the trial;
should the doctor be killed, the leg's own limit ends it, and the next doctor removes an empty bridge.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import aiohttp
import numpy as np
import numpy.typing as npt

from voicedrop.ari.events import AriEvent, ChannelDestroyed, ChannelState, PlaybackState, StasisStart, parse
from voicedrop.doctor.questions import Questions
from voicedrop.errors import AriError, AriUnreachable, TapError
from voicedrop.media.listener import FORMAT, TapListener

T = TypeVar("T")

PREFIX = "voicedrop-doctor."
PLACE = "Local/s@voicedrop-doctor/n"
CLIENT = "voicedrop-tap"  # the section of websocket_client.conf
LIMIT_S = 60  # Asterisk itself ends the leg then
CLEAN_UP_S = 5.0
LOOK_S = 0.02  # so often it is looked what is left
FRAMES = 10  # 200 ms of audio
LAST_PART_MS = 200  # of a message, which is played


class Trial:
    """``async with Trial(ari, wait_s=5) as trial``: events flow; then `leg`, `answer`, and what is to be tried."""

    def __init__(self, ari: Questions, *, wait_s: float) -> None:
        self._ari = ari
        self._wait_s = wait_s
        run = secrets.token_hex(4)
        self.app = f"voicedrop-doctor-{run}"
        self._prefix = f"{PREFIX}{run}."
        self.leg_id = self._prefix + "leg"
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._events: list[tuple[float, AriEvent]] = []
        self._arrived = asyncio.Event()
        self._lost = False
        self._making: set[asyncio.Task[Any]] = set()
        self._channels: list[str] = []
        self._bridges: list[str] = []
        self.left: list[str] = []
        """What could not be ended, once the trial is over."""

    async def __aenter__(self) -> Trial:
        """
        Raises:
            aiohttp.WSServerHandshakeError: Asterisk has no events for us.
            AriUnreachable: it does not answer.
        """
        try:
            async with asyncio.timeout(self._wait_s):
                self._socket = await self._ari.session.ws_connect(
                    f"{self._ari.url}/ari/events",
                    params={"app": self.app},
                    timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                )
        except aiohttp.WSServerHandshakeError:
            raise
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise AriUnreachable(f"no event connection to {self._ari.url}: {error or 'no answer in time'}") from error
        self._reader = asyncio.create_task(self._read(self._socket), name="doctor events")
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            # A request that is still under way has its own deadline, which is no longer than `wait_s`.
            async with asyncio.timeout(self._wait_s + CLEAN_UP_S):
                await self._clean_up()
        except TimeoutError:
            pass  # `left` tells
        finally:
            await self._end_events()

    async def leg(self) -> None:
        """Make the leg. It rings nobody yet, but dialplan functions can be read on it."""
        await self._make_channel(self.leg_id, self._ari.create_channel(PLACE, app=self.app, channel_id=self.leg_id))
        await self._until(self.leg_id, lambda event: isinstance(event, StasisStart))
        await self._ari.set_variable(self.leg_id, "TIMEOUT(absolute)", str(LIMIT_S))

    async def answer(self) -> None:
        """Let the dialplan's [voicedrop-doctor] answer it.

        Raises:
            AriError, TimeoutError: it does not.
        """
        await self._ari.dial(self.leg_id, timeout_s=5)
        await self._until(self.leg_id, lambda event: isinstance(event, ChannelState) and event.state == "Up")

    async def play(self, media: str, duration_s: float) -> int | None:
        """Play the end of a sound: how many ms of it there were, or None if Asterisk cannot play it.

        Less than about LAST_PART_MS says that Asterisk's file is shorter than `duration_s`.

        Raises:
            AriError, TimeoutError: it goes on and on, or the leg has gone.
        """
        playback = f"{self._prefix}play{len(self._events)}"
        offset = max(0, round(duration_s * 1000) - LAST_PART_MS)
        await self._ari.play_from(self.leg_id, f"sound:{media}", playback_id=playback, offset_ms=offset)
        begun = await self._until(playback, lambda event: isinstance(event, PlaybackState))
        try:
            ended = await self._until(
                playback, lambda e: isinstance(e, PlaybackState) and e.state in ("done", "failed")
            )
        except TimeoutError:
            await self._ari.stop_playback(playback)
            raise
        if isinstance(ended[1], PlaybackState) and ended[1].state == "failed":
            return None
        return round((ended[0] - begun[0]) * 1000)

    async def hear(self, listener: TapListener) -> None:
        """A tap on the leg, as the engine makes it, until live audio has come to `listener`.

        Raises:
            TapError: Asterisk does not connect, or no audio comes.
            AriError: it refuses a part of the tap.
        """
        snoop, media, bridge = (self._prefix + role for role in ("snoop", "media", "tap"))
        heard = asyncio.Event()
        frames = 0

        def on_audio(_: npt.NDArray[np.int16]) -> None:
            nonlocal frames
            frames += 1
            if frames >= FRAMES:
                heard.set()

        expected = listener.expect(on_audio, lambda _: None)
        try:
            await self._make_channel(
                media,
                self._ari.external_media(
                    channel_id=media, app=self.app, client=CLIENT, media_format=FORMAT, token=expected.token
                ),
            )
            try:
                await self._until(media, lambda event: isinstance(event, StasisStart))
                async with asyncio.timeout(self._wait_s):
                    await expected.connected.wait()
            except (TimeoutError, AriError) as error:
                raise TapError("Asterisk does not connect") from error
            await self._make_channel(snoop, self._ari.snoop(self.leg_id, app=self.app, snoop_id=snoop))
            await self._until(snoop, lambda event: isinstance(event, StasisStart))
            self._bridges.append(bridge)
            await self._make(self._ari.create_bridge(bridge, bridge_type="mixing"))
            await self._ari.add_to_bridge(bridge, snoop)
            await self._ari.add_to_bridge(bridge, media)
            try:
                async with asyncio.timeout(self._wait_s):
                    await heard.wait()
            except TimeoutError:
                raise TapError(f"Asterisk connects, but brought only {frames} frames of audio") from None
        finally:
            await listener.forget(expected)

    # -- below: events, and the end of everything -------------------------------------------------

    async def _make(self, call: Coroutine[Any, Any, T]) -> T:
        """Make something in Asterisk. Interrupted, it is still waited for at the end, so that it can be ended."""
        task = asyncio.create_task(call, name="doctor makes")
        self._making.add(task)
        return await asyncio.shield(task)

    async def _make_channel(self, channel_id: str, call: Coroutine[Any, Any, T]) -> T:
        self._channels.append(channel_id)
        return await self._make(call)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        try:
            async for frame in socket:
                if frame.type is aiohttp.WSMsgType.TEXT:
                    event = parse(json.loads(frame.data))
                    if event is not None:
                        self._events.append((asyncio.get_running_loop().time(), event))
                        self._arrived.set()
        finally:
            self._lost = True
            self._arrived.set()

    async def _until(self, about: str, wanted: Callable[[AriEvent], bool]) -> tuple[float, AriEvent]:
        """The first event about an object that is `wanted`, come or to come, with its time.

        Raises:
            TimeoutError: it does not come in time.
            AriError: it cannot come any more.
        """
        async with asyncio.timeout(self._wait_s):
            while True:
                self._arrived.clear()
                for at, event in self._events:
                    if about in event.about and wanted(event):
                        return at, event
                for _, event in self._events:
                    if isinstance(event, ChannelDestroyed) and (about in event.about or self.leg_id in event.about):
                        raise AriError(f"the channel {event.about[0]} has ended (cause {event.cause})")
                if self._lost:
                    raise AriUnreachable("Asterisk closed the event connection")
                await self._arrived.wait()

    async def _end_events(self) -> None:
        """Close the event connection, and wait until Asterisk has forgotten the application: a thread of its own does
        that when it sees the end, some milliseconds later."""
        if self._reader is not None:
            self._reader.cancel()
        if self._socket is not None:
            await self._socket.close()
        try:
            async with asyncio.timeout(CLEAN_UP_S):
                while True:
                    if self.app not in await self._ari.applications():
                        return
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            self.left.append(self.app)
        except AriError:  # an Asterisk that is gone has kept nothing
            return

    async def _clean_up(self) -> None:
        await asyncio.gather(*self._making, return_exceptions=True)
        for channel in reversed(self._channels):
            with contextlib.suppress(AriError):
                await self._ari.hang_up(channel)
        for bridge in self._bridges:
            with contextlib.suppress(AriError):
                await self._ari.destroy_bridge(bridge)
        while self._channels or self._bridges:
            try:
                channels, bridges = await self._ari.channels(), await self._ari.bridges()
            except AriError:  # an Asterisk that is gone has kept nothing
                return
            for one in bridges:
                # Also the bridge that an earlier doctor left when it was killed.
                if str(one["id"]).startswith(PREFIX) and not one.get("channels"):
                    with contextlib.suppress(AriError):
                        await self._ari.destroy_bridge(str(one["id"]))
            ids = [str(one["id"]) for one in (*channels, *bridges)]
            self.left = [one for one in ids if one.startswith(self._prefix)]
            if not self.left:
                return
            await asyncio.sleep(LOOK_S)
