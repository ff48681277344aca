"""The loop that feeds a call's machine: what is overtaken by events is not done."""

from __future__ import annotations

import asyncio

from voicedrop.call.commands import Command, Finish, Identify, Play, SendSilence, StopPlayback
from voicedrop.call.events import Answered, Arrived, Event, EventsBack, EventsLost
from voicedrop.engine.loop import CallLoop
from voicedrop.model import Outcome

PATIENCE_S = 5.0


class Scripted:
    """Each event leads to its commands."""

    due = None

    def __init__(self, script: dict[type, list[Command]]) -> None:
        self._script = script

    def handle(self, event: Event, now: float) -> list[Command]:
        del now
        return self._script[type(event)]


class Recorded(CallLoop):
    """Notes what is carried out; an Identify takes until `answer` is set."""

    def __init__(self, script: dict[type, list[Command]]) -> None:
        super().__init__(Scripted(script), now=lambda: 0.0)
        self.done: list[Command] = []
        self.asked, self.answer = asyncio.Event(), asyncio.Event()

    async def carry_out(self, command: Command) -> None:
        self.done.append(command)
        if isinstance(command, Identify):
            self.asked.set()
            await self.answer.wait()

    async def finish(self, command: Finish) -> None:
        self.done.append(command)


END = Finish(Outcome.DELIVERED, "")
FIRST, SECOND = Play("p1"), Play("p2")


async def carried_out(script: dict[type, list[Command]], *while_busy: Event) -> list[Command]:
    """The first event asks Asterisk something, which takes until the others have come."""
    loop = Recorded({Arrived: [Identify()], **script})
    loop.post(Arrived())
    running = asyncio.create_task(loop.loop())
    async with asyncio.timeout(PATIENCE_S):
        await loop.asked.wait()
        for event in while_busy:
            loop.post(event)
        loop.answer.set()
        await running
    return loop.done[1:]


async def test_commands_are_carried_out_in_order() -> None:
    script: dict[type, list[Command]] = {Answered: [FIRST, SendSilence()], EventsLost: [StopPlayback("p0"), END]}
    done = await carried_out(script, Answered(), EventsLost())
    assert done == [FIRST, SendSilence(), StopPlayback("p0"), END]


async def test_a_start_that_was_taken_back_meanwhile_is_none() -> None:
    script: dict[type, list[Command]] = {
        Answered: [FIRST, SendSilence()],
        EventsLost: [StopPlayback("p1"), SendSilence()],
        EventsBack: [SECOND, END],
    }
    done = await carried_out(script, Answered(), EventsLost(), EventsBack())
    assert done == [SendSilence(), SendSilence(), SECOND, END]


async def test_what_was_begun_is_stopped() -> None:
    """A taking back that comes when the start is on its way is carried out."""
    script: dict[type, list[Command]] = {Answered: [FIRST, Identify()], EventsLost: [StopPlayback("p1"), END]}
    loop = Recorded(script)
    loop.post(Answered())
    running = asyncio.create_task(loop.loop())
    async with asyncio.timeout(PATIENCE_S):
        await loop.asked.wait()
        loop.post(EventsLost())
        loop.answer.set()
        await running
    assert loop.done == [FIRST, Identify(), StopPlayback("p1"), END]
