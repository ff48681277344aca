"""One unattended drop: an ordinary drop whose leg we place ourselves, and nobody vouches for a mailbox."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import numpy as np
import numpy.typing as npt
import structlog

from dsp import AnswerListener
from voicedrop.ari.events import AriEvent, ChannelState, StasisStart
from voicedrop.call import commands as do
from voicedrop.call import events as ev
from voicedrop.call import pair
from voicedrop.call.hearing import Hearing
from voicedrop.call.pair import PairSettings
from voicedrop.call.states import S
from voicedrop.call.verdict import Answer, Verdict
from voicedrop.dialer.attempt import attempt
from voicedrop.dialer.order import Order
from voicedrop.dialer.pace import Pace
from voicedrop.dialer.place import Leg, place, told
from voicedrop.dialer.two_calls import TwoCalls
from voicedrop.engine.drop import DropRunner
from voicedrop.engine.services import AGENT_APP, DROP_APP, UNATTENDED, Services, quietly
from voicedrop.errors import AriError
from voicedrop.model import Ids, Message, Outcome
from voicedrop.policy.settings import Method
from voicedrop.store.receipt import Particulars

log = structlog.get_logger(__name__)

FIRST_SLACK_S = 5  # the first call's own limits lie so far behind the time at which it is given up


class UnattendedDrop(DropRunner):
    """`pace` is told of the second of two calls: the turn of the drop itself has come."""

    def __init__(self, services: Services, order: Order, message: Message, pace: Pace) -> None:
        settings = services.settings
        ids = Ids(settings.node, order.drop)
        caller_id = settings.unattended.caller_id or settings.dial.caller_id
        super().__init__(
            services,
            Particulars(
                drop=order.drop,
                node=settings.node,
                door=UNATTENDED,
                channel=ids("callee"),
                slot=0,
                agent=order.agent,
                number=order.number,
                caller_id=caller_id,
                ref=order.ref,
                method=str(order.method),
            ),
            message,
            tap=None,
            hearing=Hearing(whole=True),
            accepted_at=services.now(),
            answered_at=None,
            vouched=False,
            placed=False,
        )
        self._pace = pace
        self._started = asyncio.Event()
        self._leg = Leg(
            channel=self.what.channel,
            number=order.number,
            caller_id=caller_id,
            app=DROP_APP,
            ring_s=settings.unattended.ring_timeout_s,
            limit_s=settings.drop.limit_s,
        )
        self._alone = pair.Leg()  # the times of a call without a first one
        self._two: TwoCalls | None = None
        if order.method is Method.TWO_CALL:
            times = PairSettings(**settings.unattended.two_call.model_dump())
            most = int(times.gap_s + times.to_ring_s) + FIRST_SLACK_S
            first = Leg(
                channel=ids("first"),
                number=order.number,
                caller_id=caller_id,
                app=AGENT_APP,
                ring_s=most,
                limit_s=most + FIRST_SLACK_S,
            )
            self._two = TwoCalls(
                services,
                first,
                times,
                note_first=lambda: self._record.placed("first"),
                place_second=self._place_second,
                take_back=self._take_back,
            )
        self._answer_ear: AnswerListener | None = None
        self._starts_doubted = 0
        self._calling: list[asyncio.Task[None]] = []
        self._unwanted = False

    def block(self, reason: str) -> None:
        """The policy said no: no call is placed."""
        self.post(ev.Blocked(reason))

    async def run(self) -> None:
        self.post(ev.MayCall())  # behind all that came while the journal was written: a cancelled drop places no call
        try:
            await super().run()
        finally:
            if self._calling:
                for task in self._calling:
                    task.cancel()
                await asyncio.wait(self._calling)
                # A request that was under way when the drop ended may have made it yet.
                await quietly(self._services.ari.hang_up(self.what.channel))

    async def carry_out(self, command: do.Command) -> None:
        if isinstance(command, do.PlaceCall):
            self._spawn(self._place() if self._two is None else self._two.run())
            return
        await super().carry_out(command)

    def _spawn(self, calling: Coroutine[Any, Any, None]) -> None:
        self._calling.append(asyncio.create_task(calling, name=f"call {self.what.drop}"))

    def _place_second(self) -> None:
        # Beside the pair's events: a first leg that is answered meanwhile is hung up at once.
        self._spawn(self._place())

    async def _place(self) -> None:
        """Place the leg that is to be left the message."""
        if self.machine.state is not S.ORDERED:
            return
        if self._two is not None:
            self._pace.take()  # it must not wait: the line is held for it
        self.post(ev.Placed())
        try:
            await place(self._services, self._leg, self._started, self._dialling)
        except AriError as error:
            self.post(ev.Broken(f"the call could not be placed: {error}"))

    async def _dialling(self) -> bool:
        """The leg is to be dialled: is it wanted?"""
        await self._record.placed("first" if self._two is None else "second")
        wanted = self.machine.state <= S.RINGING and not self._unwanted
        self._alone.placed_at = self._services.now() if wanted else None
        return wanted

    def _take_back(self, reason: str) -> None:
        self.post(ev.TakenBack(reason))

    # -- what happens -------------------------------------------------------------------------------

    def post(self, event: ev.Event, at: float | None = None) -> None:
        # Known at once: the machine hears of it when a slow Asterisk has answered what it was asked.
        self._unwanted = self._unwanted or isinstance(event, ev.Cancelled | ev.TakenBack)
        super().post(event, at)

    def on_event(self, event: AriEvent) -> None:
        if isinstance(event, StasisStart):
            self._started.set()
        if isinstance(event, ChannelState) and event.state == "Up" and self._answer_ear is None:
            self._answer_ear = AnswerListener()
        if self._two is not None:
            self._two.on_second(event)
        else:
            self._note(told(event, first=False))
        super().on_event(event)

    def _on_samples(self, samples: npt.NDArray[np.int16]) -> None:
        super()._on_samples(samples)
        if self._answer_ear is None or self.machine.state is not S.WAITING:
            return
        if self.machine.facts.restarts != self._starts_doubted:
            # What was heard before the start led to a verdict that somebody has spoken over: it is asked anew.
            self._answer_ear, self._starts_doubted = AnswerListener(), self.machine.facts.restarts
        for said in self._answer_ear.feed(samples):
            now = self._services.now()
            verdict = Verdict(
                answer=Answer(said.kind), confidence=said.confidence, reason=said.tone or said.reason, at=now
            )
            self.post(ev.Judged(verdict), now)

    async def reconcile(self, channels: frozenset[str]) -> None:
        if self._two is not None:
            self._two.reconcile(channels)
        await super().reconcile(channels)

    def _note(self, news: pair.Event | None) -> None:
        now, leg = self._services.now(), self._alone
        match news:
            case pair.Ringing():
                leg.rang_at = now if leg.rang_at is None else leg.rang_at
            case pair.Answered():
                leg.answered_at = now
            case pair.Gone(_, cause):
                leg.ended_at, leg.cause = now, cause

    # -- the receipt --------------------------------------------------------------------------------

    async def finish(self, command: do.Finish) -> None:
        if self._two is not None:
            await self._two.settle()
        first, second = (self._alone, None) if self._two is None else self._two.legs
        outcome, utc = command.outcome or Outcome.FAILED, self._services.clock.utc
        self.what.attempt = attempt(self.what.method, first, second, self.machine.facts, outcome, utc)
        await super().finish(command)
