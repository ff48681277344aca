"""Runs one drop: the callee's leg is alone with us, in the drop app."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import structlog

from voicedrop.ari.events import (
    AriEvent,
    ChannelDestroyed,
    ChannelState,
    HangupRequest,
    MoveFailed,
    PlaybackState,
    StasisEnd,
    StasisStart,
)
from voicedrop.call import commands as do
from voicedrop.call import events as ev
from voicedrop.call.commands import Command
from voicedrop.call.drop import Drop
from voicedrop.call.hearing import Hearing
from voicedrop.call.states import S
from voicedrop.engine.echo import MessageEcho
from voicedrop.engine.evidence import DropEvidence
from voicedrop.engine.loop import CallLoop
from voicedrop.engine.playbacks import PlaybackClock
from voicedrop.engine.record import DropRecord
from voicedrop.engine.services import DROP_APP, Services, quietly
from voicedrop.engine.tap import Tap
from voicedrop.errors import AriError, Gone, TapError
from voicedrop.model import Ids, Message
from voicedrop.store.receipt import Particulars

log = structlog.get_logger(__name__)

TAP_ATTEMPTS = (1, 2)
TAKEN_GRACE_S = 0.5  # ChannelDestroyed follows a leg's StasisEnd within milliseconds, or never


class DropRunner(CallLoop):
    """One drop. `tap` is one that already listens to the leg, or None."""

    def __init__(
        self,
        services: Services,
        what: Particulars,
        message: Message,
        *,
        tap: Tap | None,
        hearing: Hearing,
        accepted_at: float,
        answered_at: float | None,
        vouched: bool = True,
        placed: bool = True,
    ) -> None:
        self.what = what
        self.message = message
        self._services = services
        self._ids = Ids(services.settings.node, what.drop)
        self._tap = tap
        self._record = DropRecord(services, what, message)
        self._evidence = DropEvidence(services, self._ids, what, message)
        self._echo = MessageEcho(message.file, services.now)
        self._opening: asyncio.Task[None] | None = None
        self._noting: asyncio.Task[None] | None = None
        self._playbacks: list[str] = []
        self._clock = PlaybackClock()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._leaving: asyncio.TimerHandle | None = None
        self.machine = Drop(
            settings=services.settings.drop_settings(vouched=vouched),
            message_s=message.duration_s,
            hearing=hearing,
            tapped=tap is not None,
            playback_id=self._new_playback,
            accepted_at=accepted_at,
            answered_at=answered_at,
            echo=self._echo,
            placed=placed,
        )
        super().__init__(self.machine, services.now)

    async def accept(self, *, actor: str = "") -> None:
        """Put the drop into the journal; from here on it ends in exactly one receipt. `actor` is who asked for it,
        if it was not the agent by his code.

        Raises:
            JournalError: it could not be written, so the drop must not be made.
        """
        await self._record.accepted(self.machine.facts, actor=actor)

    def take_over(self) -> None:
        """Events of the leg, and what its tap hears, come here from now on."""
        self._services.router.attach(self.what.channel, self.on_event)
        if self._tap is not None:
            self._hear_by(self._tap)

    def let_go(self) -> None:
        """The drop is not to be: the leg's events are somebody else's."""
        self._services.router.detach(self.what.channel, self.on_event)

    async def run(self) -> None:
        """Until the leg has ended and the receipt is written; nothing is left behind."""
        self._services.metrics.active_drops.inc()
        self.machine.begin(self._services.now())
        reading = asyncio.create_task(self._echo.read(), name=f"read {self.what.drop}")
        try:
            await self.loop()
        finally:
            self._services.metrics.active_drops.dec()
            reading.cancel()
            if self._noting is not None:
                await asyncio.wait({self._noting})
            if self._opening is not None:
                # Not cancelled: a request cut off in the middle may be carried out behind the clearing away.
                await asyncio.wait({self._opening})
            if self._tap is not None:
                await self._tap.close()
            await self._evidence.close(self.machine.facts)
            for object_id in (self.what.channel, *self._playbacks):
                self._services.router.detach(object_id, self.on_event)

    async def prepare_leg(self) -> None:
        """Tell Asterisk what holds without us: the leg's time limit, and what the dialplan would play."""
        ari, leg = self._services.ari, self.what.channel
        # However the leg came to us: this makes Asterisk tell how it ended.
        await quietly(ari.subscribe(DROP_APP, f"channel:{leg}"))
        await ari.set_variable(leg, "TIMEOUT(absolute)", str(self._services.settings.drop.limit_s))
        await ari.set_variable(leg, "VOICEDROP_MESSAGE", self.message.media)

    async def _identify_leg(self) -> None:
        """What the receipt tells of the leg beyond its id."""
        channel = await self._services.ari.channel(self.what.channel)
        self._look_for_answer(channel)  # one that came while the leg changed hands is seen by its state only
        self.what.sip_call_id = str(channel.get("protocol_id", ""))
        self.what.caller_id = self.what.caller_id or str(channel.get("connected", {}).get("number", ""))
        self.what.number = self.what.number or str(channel.get("caller", {}).get("number", ""))
        self.what.linkedid = await self._services.ari.get_variable(self.what.channel, "CHANNEL(linkedid)")

    # -- commands -----------------------------------------------------------------------------------

    async def carry_out(self, command: Command) -> None:
        ari, leg = self._services.ari, self.what.channel
        match command:
            case do.SendSilence():
                await ari.start_silence(leg)
            case do.Identify():
                self._evidence.begin()
                await self._identify_leg()
            case do.Listen():
                self._opening = asyncio.create_task(self._listen(), name=f"tap {self.what.drop}")
            case do.Play(playback):
                # On the disk before the first frame: after a crash a message is never begun twice.
                await self._record.step("playing", playback)
                await ari.play(leg, f"sound:{self.message.media}", playback_id=playback)
            case do.StopPlayback(playback):
                await ari.stop_playback(playback)
                await self._record.step("stopped", playback)
            case do.HangUpCallee(cause):
                await ari.hang_up(leg, cause=cause)
            case do.GiveToDialplan():
                await ari.continue_dialplan(leg, context="voicedrop-finish", extension="s", priority=1)
            case _:
                raise AssertionError(f"{command} is no command of a drop")

    async def resume(self, playback: str, began_at: float, *, started: bool) -> None:
        """Go on with a message that an earlier run had begun to play; `started`: Asterisk had said so."""
        self._playbacks.append(playback)
        self._services.router.attach(playback, self.on_event)
        try:
            await self._services.ari.playback(playback)
            over = False
        except AriError:
            over = True
        if over and not started:
            self.post(ev.Broken("the engine ended as the message began; whether it was played is not known"))
            return
        self._echo.begin(began_at)
        self.post(ev.Resumed(playback, began_at))
        if over:
            self.post(ev.PlaybackFinished(playback))

    async def write_off(self, reason: str) -> None:
        """A receipt for a drop whose end nobody saw."""
        if self.machine.state is not S.ENDED:
            await self.finish(self.machine.write_off(reason, self._services.now()))

    async def finish(self, command: do.Finish) -> None:
        await self._record.ended(self.machine.facts, command, evidence=self._evidence.name)

    def _new_playback(self, count: int) -> str:
        playback = self._ids(f"play{count}")
        self._playbacks.append(playback)
        self._services.router.attach(playback, self.on_event)
        return playback

    async def _listen(self) -> None:
        reason = ""
        for attempt in TAP_ATTEMPTS:
            if self.machine.state is S.ENDED:
                return
            tap = Tap(self._services, self._ids, self.what.channel)
            self._hear_by(tap)
            try:
                await tap.open()
            except TapError as error:
                reason = str(error)
                log.warning("tap_failed", drop=self.what.drop, attempt=attempt, reason=reason)
                continue
            self._tap = tap
            return
        self.post(ev.TapLost(reason))

    # -- what happens -------------------------------------------------------------------------------

    def _hear_by(self, tap: Tap) -> None:
        tap.on_samples = self._on_samples
        tap.on_heard = lambda detection, now: self.post(ev.Heard(detection), now)
        tap.on_lost = lambda reason: self.post(ev.TapLost(reason))

    def _on_samples(self, samples: npt.NDArray[np.int16]) -> None:
        self._echo.feed(samples)
        self._evidence.callee(samples)

    def on_event(self, event: AriEvent) -> None:
        """One of Asterisk's events about the leg or a playback on it."""
        match event:
            case StasisStart(app=app) if app == DROP_APP:
                self.post(ev.Arrived())
            case ChannelState(state="Up"):
                self.post(ev.Answered())
            case MoveFailed():
                self.post(ev.Broken("the leg could not move to the drop app"))
            case PlaybackState(about=(playback, *_), state="playing"):
                if not self._clock.started(playback, event.stamp):
                    return
                self.what.asterisk_times["message_start"] = event.stamp
                self._echo.begin(self._services.now())
                noting = self._record.step("started", playback)
                self._noting = asyncio.create_task(noting, name=f"journal {self.what.drop}")
                self.post(ev.PlaybackStarted(playback))
            case PlaybackState(about=(playback, *_), state=state):
                self.what.asterisk_times["message_end"] = event.stamp
                self.post(ev.PlaybackFinished(playback, state == "failed", self._clock.lasted_s(playback, event.stamp)))
            case HangupRequest():
                self.what.asterisk_times.setdefault("hang_up", event.stamp)
            case StasisEnd(app=app) if app == DROP_APP and self._leaving is None:
                self._leaving = asyncio.get_running_loop().call_later(TAKEN_GRACE_S, self.post, ev.CalleeTaken())
            case ChannelDestroyed(cause=cause, tech_cause=sip):
                if self._leaving is not None:
                    self._leaving.cancel()
                late = self._services.now() - self.machine.facts.accepted_at
                limited = late >= self._services.settings.drop.limit_s - 1
                self.post(ev.CalleeGone(cause, sip, by_callee=not limited))

    async def reconcile(self, channels: frozenset[str]) -> None:
        """After the event connection was lost: find out what was missed."""
        if self.what.channel not in channels:
            self.post(ev.CalleeGone(0, 0, seen=False))
            return
        self.post(ev.EventsBack())
        self._look_for_answer(await self._services.ari.channel(self.what.channel))
        for playback in self._playbacks[-1:]:
            try:
                await self._services.ari.playback(playback)
                self.post(ev.PlaybackStarted(playback))
            except Gone:
                self.post(ev.PlaybackFinished(playback))

    def _look_for_answer(self, channel: Mapping[str, Any]) -> None:
        if channel.get("state") == "Up" and self.machine.facts.answered_at is None:
            self.post(ev.Answered())
