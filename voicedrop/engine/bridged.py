"""The ARI-bridged door: the agent's channel is ours from the dialplan on, we ring the callee and join them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable

import structlog

from dsp import Detection
from voicedrop.ari.events import (
    AriEvent,
    BridgeGone,
    ChannelDestroyed,
    ChannelState,
    DialProgress,
    DtmfReceived,
    LeftBridge,
    StasisEnd,
    StasisStart,
)
from voicedrop.call import commands as do
from voicedrop.call import events as ev
from voicedrop.call.commands import Command
from voicedrop.call.conversation import Conversation
from voicedrop.call.hearing import Hearing
from voicedrop.engine.drop import TAKEN_GRACE_S, DropRunner
from voicedrop.engine.loop import CallLoop
from voicedrop.engine.services import AGENT_APP, DROP_APP, Services
from voicedrop.engine.tap import Tap
from voicedrop.errors import AriError, JournalError, TapError
from voicedrop.model import Ids, new_id
from voicedrop.store.receipt import Particulars

log = structlog.get_logger(__name__)

NUMBER = re.compile(r"\+[0-9]{3,15}")
CREATE_TIMEOUT_S = 5.0
CALL_VARIABLE = "VOICEDROP_CALL"
FREE_TIMEOUT_S = 2.0
REPLACED_GRACE_S = 2.0
INVALID_NUMBER = 28  # Q.850
TONES = {"confirmation": "tone:1400/2000", "error": "tone:480+620/250,0/250"}

StartDrop = Callable[[DropRunner], Awaitable[None]]


class BridgedCall(CallLoop):
    """One agent's call. `start_drop` gives an accepted drop a task of its own."""

    def __init__(
        self,
        services: Services,
        *,
        agent_channel: str,
        agent: str,
        number: str,
        ref: str = "",
        start_drop: StartDrop,
        drop_allowed: Callable[[], str],
        call_id: str = "",
    ) -> None:
        self._services = services
        self.call_id = call_id or new_id()
        self._ids = Ids(services.settings.node, self.call_id)
        self.agent_channel = agent_channel
        self.callee_channel = self._ids("callee")
        self._bridge = self._ids("bridge")
        self._agent, self._number, self._ref = agent, number, ref
        self._start_drop = start_drop
        self._drop_allowed = drop_allowed
        self._hearing = Hearing(whole=False)
        self._tap: Tap | None = None
        self._opening: asyncio.Task[None] | None = None
        self._callee_started = asyncio.Event()
        self._agent_left = asyncio.Event()
        self._code: tuple[str, float] | None = None
        self._handed_over: DropRunner | None = None
        self._replacing: asyncio.Task[None] | None = None
        self._left_alone = False
        self._tones = 0
        self._tone = ""
        self.machine = Conversation(services.settings.conversation_settings())
        super().__init__(self.machine, services.now)

    # -- the life of the call -----------------------------------------------------------------------

    async def run(self, *, adopted: bool = False) -> None:
        """Until the agent is free or the call has ended; nothing is left behind."""
        services = self._services
        services.metrics.active_calls.inc()
        self._attach()
        try:
            if not adopted:
                await self._set_up()
            await self.loop()
        finally:
            services.metrics.active_calls.dec()
            for task in (self._opening, self._replacing):
                if task is not None:
                    task.cancel()
            if self._tap is not None and self._handed_over is None:
                await self._tap.close()
            for object_id in (self.agent_channel, self.callee_channel, self._bridge, self._tone):
                services.router.detach(object_id, self.on_event)
            if not self._left_alone:
                await self._end_quietly(services.ari.destroy_bridge(self._bridge))

    def let_be(self) -> None:
        """The engine stops: leave the two legs joined, for the next run to adopt."""
        self._left_alone = True
        self.post(ev.HandOver())

    def adopt(self, *, answered: bool) -> None:
        """The two legs are joined already, by an earlier run of this engine."""
        self._callee_started.set()
        self.post(ev.Answered() if answered else ev.EarlyMedia())

    def _attach(self) -> None:
        for object_id in (self.agent_channel, self.callee_channel, self._bridge):
            self._services.router.attach(object_id, self.on_event)

    async def _set_up(self) -> None:
        """Ring the callee and join the legs. A failure reaches the machine as Broken."""
        services, ari = self._services, self._services.ari
        dial = services.settings.dial
        if NUMBER.fullmatch(self._number) is None:
            log.warning("number_refused", agent=self._agent, number=self._number)
            self.post(ev.CalleeGone(INVALID_NUMBER))
            return
        try:
            await ari.create_channel(
                dial.endpoint.replace("{number}", self._number),
                app=AGENT_APP,
                channel_id=self.callee_channel,
                originator=self.agent_channel,
                app_args="callee",
            )
            async with asyncio.timeout(CREATE_TIMEOUT_S):
                await self._callee_started.wait()
            # Recovery reads from here whose call this is.
            whose = json.dumps({"agent": self._agent, "number": self._number, "ref": self._ref})
            await ari.set_variable(self.callee_channel, CALL_VARIABLE, whose)
            # dtmf_events: otherwise two SIP legs are bridged natively and no digit is reported.
            await ari.create_bridge(self._bridge, bridge_type="mixing,dtmf_events")
            await ari.add_to_bridge(self._bridge, self.agent_channel, absorb_dtmf=True)
            await ari.add_to_bridge(self._bridge, self.callee_channel)
            if dial.caller_id:
                # After the bridge, which would put the agent's own number there.
                await ari.set_variable(self.callee_channel, "CONNECTEDLINE(num)", dial.caller_id)
            caller = "" if dial.caller_id else self.agent_channel
            await ari.dial(self.callee_channel, timeout_s=dial.ring_timeout_s, caller=caller)
        except (AriError, TimeoutError) as error:
            self.post(ev.Broken(f"the call could not be set up: {error or 'Asterisk made no channel in time'}"))

    # -- commands -----------------------------------------------------------------------------------

    async def carry_out(self, command: Command) -> None:
        ari = self._services.ari
        match command:
            case do.Listen():
                self._listen()
            case do.RelayDigits(digits):
                await ari.send_dtmf(self.callee_channel, digits)
            case do.StartDrop(slot):
                await self._hand_over(slot)
            case do.ToneOn(name):
                self._tones += 1
                self._tone = self._ids(f"tone{self._tones}")
                await self._end_quietly(ari.play(self.agent_channel, TONES[name], playback_id=self._tone))
            case do.ToneOff():
                await self._end_quietly(ari.stop_playback(self._tone))
            case do.HangUpCallee(cause):
                await ari.hang_up(self.callee_channel, cause=cause)
            case do.FreeAgent():
                await self._free_agent()
            case do.EndAgent(cause):
                await ari.hang_up(self.agent_channel, cause=cause or None)
            case _:
                raise AssertionError(f"{command} is no command of an agent's call")

    async def finish(self, command: do.Finish) -> None:
        log.info("call_ended", call=self.call_id, reason=command.reason, agent=self._agent, number=self._number)

    def _listen(self) -> None:
        services = self._services
        if services.listener.live >= services.settings.tap.max:
            services.metrics.untapped.inc()
            log.warning("call_untapped", call=self.call_id, ceiling=services.settings.tap.max)
            return
        self._opening = asyncio.create_task(self._open_tap(), name=f"tap {self.call_id}")

    async def _open_tap(self) -> None:
        tap = Tap(self._services, self._ids, self.callee_channel)
        tap.on_heard, tap.on_lost = self._heard, self._tap_lost
        try:
            await tap.open()
        except TapError as error:
            log.warning("call_untapped", call=self.call_id, reason=str(error))
            return
        self._tap = tap
        self._hearing.whole = True

    async def _hand_over(self, slot: int) -> None:
        """The code was pressed: accept the drop, take the callee's leg out of the call, and let it go."""
        services, ari = self._services, self._services.ari
        refusal = self._drop_allowed()
        message = services.messages.get(slot)
        if message is None:
            refusal = f"slot {slot} has no message"
        if refusal or message is None:
            return self._refuse(refusal)
        stamp, pressed_at = self._code or ("", self._now())
        if self._opening is not None and not self._opening.done():
            await asyncio.wait({self._opening})
        what = Particulars(
            drop=self.call_id,
            node=services.settings.node,
            door="bridged",
            channel=self.callee_channel,
            slot=slot,
            agent=self._agent,
            number=self._number,
            ref=self._ref,
            caller_id=services.settings.dial.caller_id,
            code_at=pressed_at,
            asterisk_times={"code": stamp} if stamp else {},
        )
        drop = DropRunner(
            services,
            what,
            message,
            tap=self._tap,
            hearing=self._hearing,
            accepted_at=pressed_at,
            answered_at=self.machine.answered_at,
        )
        try:
            await drop.accept()
        except JournalError as error:
            log.error("drop_refused", call=self.call_id, error=str(error))
            return self._refuse(str(error))
        # From here on the leg is the drop's; whatever goes wrong ends in its receipt.
        self._handed_over = drop
        drop.take_over()
        await self._start_drop(drop)
        self.post(ev.DropTaken())
        try:
            await ari.remove_from_bridge(self._bridge, self.callee_channel)
            await drop.prepare_leg()
            await ari.move(self.callee_channel, app=DROP_APP, app_args=f"drop,{what.drop}")
        except AriError as error:
            drop.post(ev.Broken(f"the leg could not be moved to the drop app: {error}"))
        return None

    def _refuse(self, reason: str) -> None:
        self._services.metrics.refused.inc()
        log.warning("code_refused", call=self.call_id, agent=self._agent, reason=reason)
        self.post(ev.CodeRefused(reason))

    async def _free_agent(self) -> None:
        """Hang up, or send on in the dialplan; returns when Asterisk says that it is done."""
        ari, agent = self._services.ari, self._services.settings.agent
        self._agent_left.clear()
        if agent.after == "continue":
            await ari.continue_dialplan(
                self.agent_channel, context=agent.context, extension=agent.extension, priority=agent.priority
            )
        else:
            await ari.hang_up(self.agent_channel, cause=16)
        try:
            async with asyncio.timeout(FREE_TIMEOUT_S):
                await self._agent_left.wait()
        except TimeoutError:
            log.warning("agent_not_freed", call=self.call_id, agent=self._agent)

    async def _end_quietly(self, request: Awaitable[object]) -> None:
        """For what the call can do without."""
        try:
            await request
        except AriError as error:
            log.debug("not_done", call=self.call_id, error=str(error))

    # -- what happens -------------------------------------------------------------------------------

    def _heard(self, detection: Detection, now: float) -> None:
        self._hearing.note(detection, now)

    def _tap_lost(self, reason: str) -> None:
        # The call goes on; a drop will listen anew, and knows that something was missed.
        log.warning("tap_lost", call=self.call_id, reason=reason)
        self._hearing.whole = False
        tap, self._tap = self._tap, None
        if tap is not None:
            self._opening = asyncio.create_task(tap.close(), name=f"close tap {self.call_id}")

    def on_event(self, event: AriEvent) -> None:
        """One of Asterisk's events about either leg or the bridge."""
        match event:
            case StasisStart(replaces=old) if old and old == self.agent_channel:
                self._replace_agent(event.channel_id)
            case StasisStart():
                self._callee_started.set()
            case DialProgress(status="PROGRESS"):
                self.post(ev.EarlyMedia())
            case ChannelState(about=(channel, *_), state="Up") if channel == self.callee_channel:
                if self.machine.answered_at is None:
                    self._hearing.answered()
                self.post(ev.Answered())
            case DtmfReceived(about=(channel, *_), digit=digit) if channel == self.agent_channel:
                self._code = (event.stamp, self._now())
                self.post(ev.Digit(digit))
            case BridgeGone():
                self.post(ev.Broken("the bridge is gone"))
            case StasisEnd(about=(channel, *_)) if channel == self.agent_channel:
                self._agent_left.set()
                if self._handed_over is not None:
                    self._handed_over.what.agent_freed_at = self._now()
                    self._handed_over.what.asterisk_times["agent_free"] = event.stamp
                self.post(ev.AgentGone(16))
            case LeftBridge(about=(channel, *_), bridge_id=bridge) if channel == self.callee_channel:
                # A callee who hangs up leaves it as well; that event is right behind.
                reason = ev.Broken(f"the callee's leg left the bridge {bridge}")
                asyncio.get_running_loop().call_later(TAKEN_GRACE_S, self.post, reason)
            case StasisEnd(about=(channel, *_)) if channel == self.callee_channel:
                asyncio.get_running_loop().call_later(TAKEN_GRACE_S, self.post, ev.CalleeTaken())
            case ChannelDestroyed(about=(channel, *_), cause=cause, tech_cause=sip):
                gone = ev.AgentGone(cause) if channel == self.agent_channel else ev.CalleeGone(cause, sip)
                self.post(gone)

    def _replace_agent(self, channel: str) -> None:
        """A transfer: another telephone has the agent's place in the bridge."""
        log.info("agent_replaced", call=self.call_id, agent=self._agent)
        self._services.router.detach(self.agent_channel, self.on_event)
        self._replacing = asyncio.create_task(
            self._follow(self.agent_channel, channel), name=f"follow {self.call_id}"
        )
        self.agent_channel = channel
        self._services.router.attach(channel, self.on_event)
        self.post(ev.AgentReplaced(channel))

    async def _follow(self, old: str, new: str) -> None:
        """The new telephone's digits are ours to judge as well; the old one has nothing left to be here for."""
        ari = self._services.ari
        await self._end_quietly(ari.add_to_bridge(self._bridge, new, absorb_dtmf=True))
        try:
            # A telephone that transferred ends its own call, once it has been told that it worked.
            await asyncio.sleep(REPLACED_GRACE_S)
        finally:
            await self._end_quietly(ari.hang_up(old))

    async def reconcile(self, channels: frozenset[str]) -> None:
        """After the event connection was lost: find out what was missed."""
        if self._callee_started.is_set() and self.callee_channel not in channels:
            self.post(ev.CalleeGone(0))
        elif self.agent_channel not in channels:
            self.post(ev.AgentGone(0))
        elif self.machine.answered_at is None and self._callee_started.is_set():
            channel = await self._services.ari.channel(self.callee_channel)
            if channel.get("state") == "Up":
                self.post(ev.Answered())
