"""Runs a pair of calls beside the drop that the second one is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from voicedrop.ari.events import AriEvent, StasisStart
from voicedrop.call.pair import (
    Cancel,
    Command,
    Event,
    Gone,
    HangUpFirst,
    Pair,
    PairSettings,
    PlaceSecond,
    TakeBackSecond,
    Tick,
)
from voicedrop.dialer.place import Leg, place, told
from voicedrop.engine.services import Services, quietly
from voicedrop.errors import AriError

log = structlog.get_logger(__name__)

INBOX = 100  # a pair has a dozen events in all
DOWN_S = 5.0  # a leg that was hung up is gone within milliseconds, or Asterisk does not answer
NO_CAUSE = 0


class TwoCalls:
    """`place_second` makes the second leg; `take_back` ends the drop with a reason."""

    def __init__(
        self,
        services: Services,
        first: Leg,
        settings: PairSettings,
        *,
        place_second: Callable[[], Awaitable[None]],
        take_back: Callable[[str], None],
    ) -> None:
        self.pair = Pair(settings, services.now())
        self._services = services
        self._first = first
        self._place_second = place_second
        self._take_back = take_back
        self._started = asyncio.Event()
        self._inbox: asyncio.Queue[Event] = asyncio.Queue(INBOX)
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Place the first leg, and follow both until the second is alone or neither is wanted."""
        services, channel = self._services, self._first.channel
        services.router.attach(channel, self._on_first)
        try:
            try:
                await place(services, self._first, self._started)
            except AriError as error:
                log.warning("first_call_failed", channel=channel, error=str(error))
                await quietly(services.ari.hang_up(channel))
                self.tell(Gone(True, NO_CAUSE))
            while not self.pair.over:
                for command in self.pair.handle(await self._next(), services.now()):
                    await self._carry_out(command)
        finally:
            self._over.set()
            services.router.detach(channel, self._on_first)
            if self.pair.first.up:
                await quietly(services.ari.hang_up(channel))

    def tell(self, event: Event) -> None:
        """Something happened to a leg."""
        try:
            self._inbox.put_nowait(event)
        except asyncio.QueueFull:
            log.error("pair_inbox_full", channel=self._first.channel)

    async def settle(self) -> None:
        """The drop is over, so the first leg is not needed: return when it is gone, or will not go."""
        self.tell(Cancel("the drop is over"))
        try:
            async with asyncio.timeout(DOWN_S):
                await self._over.wait()
        except TimeoutError:
            log.warning("first_call_stays", channel=self._first.channel)

    def on_second(self, event: AriEvent) -> None:
        """One of Asterisk's events about the second leg."""
        news = told(event, first=False)
        if news is not None:
            self.tell(news)

    def reconcile(self, channels: frozenset[str]) -> None:
        """After events were lost: is the first leg still there?"""
        if self.pair.first.up and self._first.channel not in channels:
            self.tell(Gone(True, NO_CAUSE))

    def _on_first(self, event: AriEvent) -> None:
        if isinstance(event, StasisStart):
            self._started.set()
        news = told(event, first=True)
        if news is not None:
            self.tell(news)

    async def _next(self) -> Event:
        due = self.pair.due
        if due is None:
            return await self._inbox.get()
        try:
            async with asyncio.timeout(max(0.0, due - self._services.now()) if self._inbox.empty() else None):
                return await self._inbox.get()
        except TimeoutError:
            return Tick()

    async def _carry_out(self, command: Command) -> None:
        match command:
            case PlaceSecond():
                await self._place_second()
            case HangUpFirst():
                await quietly(self._services.ari.hang_up(self._first.channel))
            case TakeBackSecond(reason):
                self._take_back(reason)
