"""What the API asks of the engine, on real calls. The engine runs in this process."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator

import pytest

from tests.lab.conftest import Bench, BenchMaker, number_of, show
from voicedrop.config import Settings
from voicedrop.control import EngineControl, LiveCall, LiveDrop, NoSuchCall, NoSuchDrop, Refused
from voicedrop.run import run

ACTOR = "token:desk"


@pytest.fixture
async def idle(make_bench: BenchMaker) -> Bench:
    """A bench whose engine process is never started."""
    made: Bench = await make_bench(start=False)
    return made


@pytest.fixture
async def control(idle: Bench) -> AsyncIterator[EngineControl]:
    loop = asyncio.get_running_loop()
    started: asyncio.Future[EngineControl] = loop.create_future()
    running = asyncio.create_task(run(Settings(**idle.engine.settings), started=started.set_result))
    await asyncio.wait({running, started}, timeout=60, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    engine = started.result()
    await idle.until(lambda: engine.health()["ok"], "the engine's connection")
    yield engine
    signal.raise_signal(signal.SIGTERM)
    async with asyncio.timeout(60):
        await running


async def _the_call(bench: Bench, control: EngineControl, number: str) -> LiveCall:
    def found() -> LiveCall | None:
        return next((one for one in control.calls() if one.number == number and one.state == "connected"), None)

    call: LiveCall = await bench.until(found, f"the call to {number}")
    return call


async def test_a_drop_on_a_live_call(idle: Bench, control: EngineControl) -> None:
    number = number_of("mailbox")
    telephone = await idle.exchange.dial("1001", number)
    await idle.mark(number, "voicemail")
    call = await _the_call(idle, control, number)
    assert (call.agent, call.ref) == ("1001", "")
    drop = await control.drop_on_call(call.call_id, slot=2, actor=ACTOR)
    [accepted] = idle.entries("accepted")
    assert (accepted["drop"], accepted["actor"]) == (drop, ACTOR)
    [live] = control.drops()
    assert (live.drop_id, live.door, live.slot, live.number) == (drop, "bridged", 2, number)
    assert control.calls() == []
    await asyncio.wait_for(telephone.ended.wait(), 10)
    receipt = await idle.receipt(number, wait_s=60)
    assert receipt["outcome"] == "delivered", show(receipt)
    assert (await idle.delivery(number, "short")).whole
    await idle.nothing_left()


async def test_a_message_by_its_id_and_cancelled(idle: Bench, control: EngineControl) -> None:
    number = number_of("slow-beep")
    telephone = await idle.exchange.dial("1001", number)
    call = await _the_call(idle, control, number)
    content = json.loads((idle.engine.state_dir / "catalogue.json").read_text())
    message = next(one["id"] for one in content["messages"] if one["label"] == "short")
    drop = await control.drop_on_call(call.call_id, message_id=message, actor=ACTOR)
    await asyncio.wait_for(telephone.ended.wait(), 10)

    def waiting() -> LiveDrop | None:
        return next((one for one in control.drops() if one.drop_id == drop and one.state == "waiting"), None)

    live = await idle.until(waiting, "the wait for the cue")
    assert (live.message_id, live.message_version, live.slot) == (message, 1, None)
    await control.cancel(drop, actor=ACTOR)
    receipt = await idle.receipt(number)
    assert receipt["outcome"] == "failed", show(receipt)
    assert receipt["reason"] == f"cancelled by {ACTOR}"
    assert receipt["message"]["id"] == message
    with pytest.raises(NoSuchDrop):
        await control.cancel(drop, actor=ACTOR)
    await idle.nothing_left()


async def test_what_cannot_be_is_refused_and_the_call_goes_on(idle: Bench, control: EngineControl) -> None:
    number = number_of("human")
    telephone = await idle.exchange.dial("1001", number)
    call = await _the_call(idle, control, number)
    for wish, rule in (({"slot": 9}, "no_message"), ({"message_id": "none"}, "no_message"), ({}, "no_message")):
        with pytest.raises(Refused) as refused:
            await control.drop_on_call(call.call_id, actor=ACTOR, **wish)
        assert refused.value.rule == rule
    with pytest.raises(NoSuchCall):
        await control.drop_on_call("none", slot=1, actor=ACTOR)
    await idle.mark(number, "play hello-again")
    assert not telephone.ended.is_set()
    await telephone.hang_up()
    await idle.nothing_left()


async def test_while_it_rings_nothing_can_be_dropped(idle: Bench, control: EngineControl) -> None:
    number = number_of("no-answer")
    telephone = await idle.exchange.dial("1001", number)
    call = await idle.until(lambda: next(iter(control.calls()), None), "the call")
    assert call.state == "ringing"
    with pytest.raises(Refused) as refused:
        await control.drop_on_call(call.call_id, slot=1, actor=ACTOR)
    assert refused.value.rule == "not_connected"
    await telephone.hang_up()
    await idle.nothing_left()
