"""Runs a pair of calls beside the drop that the second one is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from voicedrop.ari.events import AriEvent, StasisStart
from voicedrop.call import pair
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
    """`note_first` writes down that the first leg is going to be dialled; `place_second` begins to make the second, and
    does not wait for it; `take_back` ends the drop with a reason."""

    def __init__(
        self,
        services: Services,
        first: Leg,
        settings: PairSettings,
        *,
        note_first: Callable[[], Awaitable[None]],
        place_second: Callable[[], None],
        take_back: Callable[[str], None],
    ) -> None:
        self._pair: Pair | None = None  # until the first leg is dialled
        self._settings = settings
        self._services = services
        self._first = first
        self._note_first = note_first
        self._place_second = place_second
        self._take_back = take_back
        self._started = asyncio.Event()
        self._inbox: asyncio.Queue[Event] = asyncio.Queue(INBOX)
        self._begun = False
        self._unwanted = False
        self._over = asyncio.Event()

    @property
    def legs(self) -> tuple[pair.Leg, pair.Leg]:
        """What is known of the two."""
        return (pair.Leg(), pair.Leg()) if self._pair is None else (self._pair.first, self._pair.second)

    async def run(self) -> None:
        """Place the first leg, and follow both until the second is alone or neither is wanted."""
        if self._unwanted:
            return
        self._begun = True
        services, channel = self._services, self._first.channel
        services.router.attach(channel, self._on_first)
        try:
            both = await self._place_first()
            while both is not None and not both.over:
                for command in both.handle(await self._next(both.due), services.now()):
                    await self._carry_out(command)
        finally:
            services.router.detach(channel, self._on_first)
            # Always: where events were lost nobody knows whether it has gone.
            await quietly(services.ari.hang_up(channel))
            self._over.set()

    async def _place_first(self) -> Pair | None:
        """None: the drop was over before it was dialled."""
        try:
            await place(self._services, self._first, self._started, self._dialling)
        except AriError as error:
            log.warning("first_call_failed", channel=self._first.channel, error=str(error))
            await quietly(self._services.ari.hang_up(self._first.channel))
            self._pair = self._pair or Pair(self._settings, self._services.now())
            self.tell(Gone(True, NO_CAUSE))
        return self._pair

    async def _dialling(self) -> bool:
        """The first leg is to be dialled: is it wanted? The pair's times count from here."""
        await self._note_first()
        if self._unwanted:
            return False
        self._pair = Pair(self._settings, self._services.now())
        return True

    def tell(self, event: Event) -> None:
        """Something happened to a leg."""
        try:
            self._inbox.put_nowait(event)
        except asyncio.QueueFull:
            log.error("pair_inbox_full", channel=self._first.channel)

    async def settle(self) -> None:
        """The drop is over, so the first leg is not needed: return when it is gone, or will not go."""
        self._unwanted = True
        if not self._begun:
            return
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
        if self.legs[0].up and self._first.channel not in channels:
            self.tell(Gone(True, NO_CAUSE))

    def _on_first(self, event: AriEvent) -> None:
        if isinstance(event, StasisStart):
            self._started.set()
        news = told(event, first=True)
        if news is not None:
            self.tell(news)

    async def _next(self, due: float | None) -> Event:
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
                self._place_second()
            case HangUpFirst():
                await quietly(self._services.ari.hang_up(self._first.channel))
            case TakeBackSecond(reason):
                self._take_back(reason)
