"""Feeds a call's state machine: a bounded inbox, deadlines, commands carried out in order."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Protocol

import structlog

from voicedrop.call.commands import Command, Finish, Play, StopPlayback
from voicedrop.call.events import Broken, Event, Tick
from voicedrop.errors import AriError, Gone, JournalError, NotInStasis

log = structlog.get_logger(__name__)

INBOX = 1000  # a call has a few events a second; this many waiting means that something is stuck
GONE_GRACE_S = 1.0


class Machine(Protocol):
    @property
    def due(self) -> float | None: ...

    def handle(self, event: Event, now: float) -> list[Command]: ...


class CallLoop(ABC):
    """Subclasses carry commands out and turn Asterisk's events into the machine's."""

    def __init__(self, machine: Machine, now: Callable[[], float]) -> None:
        self._machine = machine
        self._now = now
        self._inbox: asyncio.Queue[tuple[Event, float]] = asyncio.Queue(INBOX)
        self._to_do: deque[Command] = deque()
        self._finished = False

    def post(self, event: Event, at: float | None = None) -> None:
        """Tell the machine, at the next turn, that something happened (at `at`, by default now)."""
        try:
            self._inbox.put_nowait((event, self._now() if at is None else at))
        except asyncio.QueueFull:
            # The call is stuck; what it was to do cannot be trusted any more, so it ends.
            while not self._inbox.empty():
                self._inbox.get_nowait()
            self._inbox.put_nowait((Broken("the call's inbox overflowed"), self._now()))

    async def loop(self) -> None:
        """Until the machine says Finish."""
        while not self._finished:
            self._to_do += self._machine.handle(*await self._next())
            while self._to_do:
                command = self._to_do.popleft()
                if not (isinstance(command, Play) and self._taken_back(command)):
                    await self._do(command)

    def _taken_back(self, play: Play) -> bool:
        """Has what came in while other commands were carried out taken this start back? Then it is none.

        Where the machine is so busy that a request takes seconds, the beep that takes a start back has been heard
        before the start is on its way, and a scrap of the message would be all that became of it.
        """
        while not self._inbox.empty():
            self._to_do += self._machine.handle(*self._inbox.get_nowait())
        stop = StopPlayback(play.playback_id)
        if stop not in self._to_do:
            return False
        self._to_do.remove(stop)
        return True

    async def _do(self, command: Command) -> None:
        if isinstance(command, Finish):
            self._finished = True
            await self.finish(command)
            return
        try:
            await self.carry_out(command)
        except (Gone, NotInStasis) as error:
            # The leg is ending or leaving; the event that says how is on its way. If it is lost:
            reason = f"{type(command).__name__}: {error}"
            asyncio.get_running_loop().call_later(GONE_GRACE_S, self.post, Broken(reason))
        except (AriError, JournalError) as error:
            log.warning("command_failed", command=type(command).__name__, error=str(error))
            self.post(Broken(f"{type(command).__name__}: {error}"))

    async def _next(self) -> tuple[Event, float]:
        due = self._machine.due
        if due is None:
            return await self._inbox.get()
        try:
            # What has been posted counts before a deadline that has passed meanwhile.
            async with asyncio.timeout(max(0.0, due - self._now()) if self._inbox.empty() else None):
                return await self._inbox.get()
        except TimeoutError:
            return Tick(), self._now()

    @abstractmethod
    async def carry_out(self, command: Command) -> None:
        """Do what the machine asks for. An AriError or JournalError goes back to it as Broken."""

    @abstractmethod
    async def finish(self, command: Finish) -> None:
        """The machine has ended."""
