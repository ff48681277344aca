"""Drops that the API asks for: each is answered once, also when the call ends first."""

from __future__ import annotations

import asyncio

import pytest

from voicedrop.call.events import DropWanted
from voicedrop.control import Refused
from voicedrop.engine import requests as module
from voicedrop.engine.requests import DropRequests


class Call:
    """What the call's machine would be told."""

    def __init__(self) -> None:
        self.wanted: asyncio.Queue[DropWanted] = asyncio.Queue()
        self.requests = DropRequests(self.wanted.put_nowait)

    def ask(self, *, slot: int = 1, message_id: str = "") -> asyncio.Task[str]:
        return asyncio.create_task(self.requests.ask(slot=slot, message_id=message_id, actor="token:desk"))


async def refused(asked: asyncio.Task[str]) -> str:
    with pytest.raises(Refused) as caught:
        async with asyncio.timeout(10):
            await asked
    return caught.value.rule


async def test_accepted_the_drop_is_told() -> None:
    call = Call()
    asked = call.ask(slot=0, message_id="m1")
    wanted = await call.wanted.get()
    assert (wanted.slot, wanted.message_id) == (0, "m1")
    assert call.requests.actor(wanted.request) == "token:desk"
    call.requests.accept(wanted.request, "d1")
    call.requests.refuse(wanted.request, Refused("busy", "too late"))
    assert await asked == "d1"
    assert call.requests.actor(wanted.request) == ""


async def test_refused_the_rule_is_told() -> None:
    call = Call()
    asked = call.ask()
    call.requests.refuse((await call.wanted.get()).request, Refused("suppressed", "on the list"))
    assert await refused(asked) == "suppressed"


async def test_a_call_that_ends_answers_all_and_takes_no_more() -> None:
    call = Call()
    asked = [call.ask(), call.ask()]
    for _ in asked:
        await call.wanted.get()
    call.requests.close()
    assert [await refused(one) for one in asked] == ["not_connected"] * 2
    assert await refused(call.ask()) == "not_connected"


async def test_a_call_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 0.01)
    call = Call()
    assert await refused(call.ask()) == "busy"
    late = await call.wanted.get()
    call.requests.accept(late.request, "d1")  # nobody waits any more


async def test_more_than_a_few_at_once_are_refused() -> None:
    call = Call()
    asked = [call.ask() for _ in range(module.MOST)]
    for _ in asked:
        await call.wanted.get()
    assert await refused(call.ask()) == "busy"
    call.requests.close()
    await asyncio.gather(*asked, return_exceptions=True)


async def test_the_agents_own_code_has_no_request() -> None:
    call = Call()
    assert call.requests.actor("") == ""
    call.requests.accept("", "d1")
    call.requests.refuse("", Refused("busy", ""))
