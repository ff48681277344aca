"""The ARI-bridged door: the agent's channel is ours from the dialplan on, we ring the callee and join them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

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
from voicedrop.control import Refused
from voicedrop.engine.agent import AgentLeg
from voicedrop.engine.asking import Asker, Wish
from voicedrop.engine.drop import TAKEN_GRACE_S, DropRunner
from voicedrop.engine.ear import Ear
from voicedrop.engine.loop import CallLoop
from voicedrop.engine.requests import DropRequests
from voicedrop.engine.ringing import INVALID_NUMBER, Whose, is_number, ring
from voicedrop.engine.services import DROP_APP, Services, quietly
from voicedrop.errors import AriError, Gone, JournalError
from voicedrop.model import Ids, new_id
from voicedrop.store.receipt import Particulars

log = structlog.get_logger(__name__)


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
        asker: Asker,
        call_id: str = "",
    ) -> None:
        self._services = services
        self.call_id = call_id or new_id()
        self._ids = Ids(services.settings.node, self.call_id)
        self.agent = AgentLeg(services, self._ids, agent_channel)
        self.callee_channel = self._ids("callee")
        self._bridge = self._ids("bridge")
        self.whose = Whose(agent, number, ref)
        self._start_drop = start_drop
        self._asker = asker
        self._ear = Ear(services, self._ids, self.callee_channel)
        self._looking: asyncio.Task[None] | None = None
        self._callee_started = asyncio.Event()
        self._code: tuple[str, float] | None = None
        self._handed_over: DropRunner | None = None
        self._left_alone = False
        self.requests = DropRequests(self.post)
        self.since = services.clock.utc_of(services.now())
        self.machine = Conversation(services.settings.conversation_settings())
        super().__init__(self.machine, services.now)

    @property
    def tapped(self) -> bool:
        """Whether the callee's leg is listened to."""
        return self._ear.tap is not None

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
            self.requests.close()
            self.agent.close()
            if self._looking is not None:
                self._looking.cancel()
            await self._ear.close(keep_tap=self._handed_over is not None)
            for object_id in (self.agent.channel, self.callee_channel, self._bridge):
                services.router.detach(object_id, self.on_event)
            if not self._left_alone:
                await quietly(services.ari.destroy_bridge(self._bridge))

    def let_be(self) -> None:
        """The engine stops: leave the two legs joined, for the next run to adopt."""
        self._left_alone = True
        self.post(ev.HandOver())

    def adopt(self, *, answered: bool) -> None:
        """The two legs are joined already, by an earlier run of this engine."""
        self._callee_started.set()
        self.post(ev.Answered() if answered else ev.EarlyMedia())

    def _attach(self) -> None:
        for object_id in (self.agent.channel, self.callee_channel, self._bridge):
            self._services.router.attach(object_id, self.on_event)

    async def _set_up(self) -> None:
        """Ring the callee and join the legs. A failure reaches the machine as an event."""
        if not is_number(self.whose.number):
            log.warning("number_refused", agent=self.whose.agent, number=self.whose.number)
            self.post(ev.CalleeGone(INVALID_NUMBER))
            return
        try:
            await ring(
                self._services,
                agent=self.agent.channel,
                callee=self.callee_channel,
                bridge=self._bridge,
                whose=self.whose,
                started=self._callee_started,
            )
        except (AriError, TimeoutError) as error:
            self.post(ev.Broken(f"the call could not be set up: {error or 'Asterisk made no channel in time'}"))

    # -- commands -----------------------------------------------------------------------------------

    async def carry_out(self, command: Command) -> None:
        ari = self._services.ari
        match command:
            case do.Listen():
                self._ear.listen()
            case do.RelayDigits(digits):
                # Before the answer Asterisk refuses them; the call goes on.
                await quietly(ari.send_dtmf(self.callee_channel, digits))
            case do.StartDrop():
                await self._hand_over(command)
            case do.RefuseRequest(request):
                self.requests.refuse(request, Refused("not_connected", "nobody is on the line yet"))
            case do.ToneOn(name):
                await self.agent.tone_on(name)
            case do.ToneOff():
                await self.agent.tone_off()
            case do.HangUpCallee(cause):
                await ari.hang_up(self.callee_channel, cause=cause)
            case do.FreeAgent():
                await self.agent.free()
            case do.EndAgent(cause):
                await ari.hang_up(self.agent.channel, cause=cause or None)
            case _:
                raise AssertionError(f"{command} is no command of an agent's call")

    async def finish(self, command: do.Finish) -> None:
        whose = self.whose
        log.info("call_ended", call=self.call_id, reason=command.reason, agent=whose.agent, number=whose.number)

    async def _hand_over(self, asked: do.StartDrop) -> None:
        """The code was pressed: accept the drop, take the callee's leg out of the call, and let it go."""
        services, ari = self._services, self._services.ari
        agent, number, shown = self.whose.agent, self.whose.number, services.settings.dial.caller_id
        wish = Wish(
            agent=agent, number=number, door="bridged", slot=asked.slot, message_id=asked.message_id, caller_id=shown
        )
        stamp, pressed_at = self._code or ("", self._now())
        if asked.request:
            stamp, pressed_at = "", self._now()
        try:
            granted = await self._asker.ask(wish)
        except Refused as refusal:
            return await self._refuse(asked, wish, refusal)
        await self._ear.settled()
        what = Particulars(
            drop=self.call_id,
            node=services.settings.node,
            door="bridged",
            channel=self.callee_channel,
            slot=asked.slot,
            agent=agent,
            number=number,
            ref=self.whose.ref,
            caller_id=wish.caller_id,
            code_at=pressed_at,
            asterisk_times={"code": stamp} if stamp else {},
            policy=granted.policy,
        )
        drop = DropRunner(
            services,
            what,
            granted.message,
            tap=self._ear.tap,
            hearing=self._ear.hearing,
            accepted_at=pressed_at,
            answered_at=self.machine.answered_at,
        )
        # The drop hears of the leg from now on: a callee who hangs up meanwhile must not be missed.
        drop.take_over()
        try:
            await drop.accept(actor=self.requests.actor(asked.request))
        except JournalError as error:
            self._take_back()
            return await self._refuse(asked, wish, Refused("journal", str(error)))
        # From here on whatever goes wrong ends in the drop's receipt.
        self._handed_over = drop
        await self._start_drop(drop)
        self.post(ev.DropTaken())
        self.requests.accept(asked.request, what.drop)
        try:
            await ari.remove_from_bridge(self._bridge, self.callee_channel)
            await drop.prepare_leg()
            await ari.move(self.callee_channel, app=DROP_APP, app_args=f"drop,{what.drop}")
        except AriError as error:
            drop.post(ev.Broken(f"the leg could not be moved to the drop app: {error}"))
        return None

    def _take_back(self) -> None:
        """The drop could not be accepted: the leg is ours again, unless it ended meanwhile."""
        self._attach()
        self._ear.take_back()
        self._looking = asyncio.create_task(self._still_there(), name=f"look {self.call_id}")

    async def _still_there(self) -> None:
        try:
            await self._services.ari.channel(self.callee_channel)
        except AriError as error:
            self.post(ev.CalleeGone(0) if isinstance(error, Gone) else ev.Broken(str(error)))

    async def _refuse(self, asked: do.StartDrop, wish: Wish, refusal: Refused) -> None:
        self.post(ev.CodeRefused(str(refusal), audible=not asked.request))
        self.requests.refuse(asked.request, refusal)
        await self._asker.note(wish, refusal)

    # -- what happens -------------------------------------------------------------------------------

    def on_event(self, event: AriEvent) -> None:
        """One of Asterisk's events about either leg or the bridge."""
        match event:
            case StasisStart(replaces=old) if old and old == self.agent.channel:
                self._replace_agent(event.channel_id)
            case StasisStart():
                self._callee_started.set()
            case DialProgress(status="PROGRESS"):
                self.post(ev.EarlyMedia())
            case ChannelState(about=(channel, *_), state="Up") if channel == self.callee_channel:
                if self.machine.answered_at is None:
                    self._ear.hearing.answered()
                self.post(ev.Answered())
            case DtmfReceived(about=(channel, *_), digit=digit) if channel == self.agent.channel:
                self._code = (event.stamp, self._now())
                self.post(ev.Digit(digit))
            case BridgeGone():
                self.post(ev.Broken("the bridge is gone"))
            case StasisEnd(about=(channel, *_)) if channel == self.agent.channel:
                self.agent.left.set()
                if self._handed_over is not None:
                    self._handed_over.what.agent_freed_at = self._now()
                    self._handed_over.what.asterisk_times["agent_free"] = event.stamp
                self.post(ev.AgentGone(16))
            case LeftBridge(about=(channel, *_), bridge_id=bridge) if channel == self.callee_channel:
                # A callee who hangs up leaves it as well; that event is right behind.
                reason = ev.Broken(f"the callee's leg left the bridge {bridge}")
                asyncio.get_running_loop().call_later(2 * TAKEN_GRACE_S, self.post, reason)
            case StasisEnd(about=(channel, *_)) if channel == self.callee_channel:
                asyncio.get_running_loop().call_later(TAKEN_GRACE_S, self.post, ev.CalleeTaken())
            case ChannelDestroyed(about=(channel, *_), cause=cause, tech_cause=sip):
                gone = ev.AgentGone(cause) if channel == self.agent.channel else ev.CalleeGone(cause, sip)
                self.post(gone)

    def _replace_agent(self, channel: str) -> None:
        """A transfer: another telephone has the agent's place in the bridge."""
        log.info("agent_replaced", call=self.call_id, agent=self.whose.agent)
        self._services.router.detach(self.agent.channel, self.on_event)
        self.agent.follow(channel, self._bridge)
        self._services.router.attach(channel, self.on_event)
        self.post(ev.AgentReplaced(channel))

    async def reconcile(self, channels: frozenset[str]) -> None:
        """After the event connection was lost: find out what was missed."""
        if self._callee_started.is_set() and self.callee_channel not in channels:
            self.post(ev.CalleeGone(0))
        elif self.agent.channel not in channels:
            self.post(ev.AgentGone(0))
        elif self.machine.answered_at is None and self._callee_started.is_set():
            channel = await self._services.ari.channel(self.callee_channel)
            if channel.get("state") == "Up":
                self.post(ev.Answered())
