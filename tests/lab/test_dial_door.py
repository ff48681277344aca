"""The Dial() door: the operator's own Dial(), Asterisk's own feature code."""

from __future__ import annotations

import asyncio

import pytest

from tests.lab.conftest import Bench, BenchMaker, number_of, show
from voicedrop.lab import recordings


@pytest.mark.parametrize("agent", ["2001", "2002"], ids=["ulaw", "alaw"])
async def test_the_code_takes_the_callee_to_the_drop(bench: Bench, agent: str) -> None:
    number = number_of("mailbox")
    telephone = await bench.exchange.dial(agent, number)
    await bench.mark(number, "voicemail")
    await telephone.talk()
    await telephone.press("*92")
    await asyncio.wait_for(telephone.ended.wait(), 10)
    delivery = await bench.delivery(number, "short")
    assert delivery.whole, delivery
    receipt = await bench.receipt(number)
    assert receipt["outcome"] == "delivered", show(receipt)
    assert receipt["agent"] == agent
    assert receipt["door"] == "dial"
    call = await bench.call_to(number)
    assert recordings.digits_heard(bench.site, call) == ""
    assert receipt["sip_call_id"] == call.sip_call_id
    await bench.nothing_left()


async def test_a_customer_who_presses_the_code_changes_nothing(bench: Bench) -> None:
    number = number_of("presser")
    telephone = await bench.exchange.dial("2001", number)
    await bench.mark(number, "play hello-again")  # two seconds behind his last digit
    assert not telephone.ended.is_set()
    assert bench.receipts() == []
    assert {str(c["dialplan"]["app_name"]) for c in await bench.pbx.channels()} == {"Dial", "AppDial"}
    await telephone.hang_up()
    await bench.nothing_left()


async def test_other_digits_reach_the_callee(bench: Bench) -> None:
    number = number_of("human")
    telephone = await bench.exchange.dial("2001", number)
    await bench.mark(number, "play hello")
    await telephone.press("12#")
    call = recordings.calls_to(bench.site, number)[-1]
    await bench.until(lambda: recordings.digits_heard(bench.site, call) == "12#", "the digits 12#")
    await telephone.hang_up()
    await bench.nothing_left()


async def test_a_slot_without_a_message_leaves_the_call_alone(bench: Bench) -> None:
    number = number_of("human")
    telephone = await bench.exchange.dial("2001", number)
    await bench.mark(number, "play hello")
    await telephone.press("*97")
    await bench.mark(number, "play hello-again")
    assert not telephone.ended.is_set()
    assert bench.receipts() == []
    await telephone.hang_up()
    await bench.nothing_left()


async def test_an_engine_started_after_the_call_began(make_bench: BenchMaker) -> None:
    bench = await make_bench(start=False)
    number = number_of("mailbox")
    telephone = await bench.exchange.dial("2001", number)
    await bench.mark(number, "answer")
    await asyncio.to_thread(bench.engine.start)
    await telephone.press("*92")
    delivery = await bench.delivery(number, "short")
    assert delivery.whole, delivery
    assert (await bench.receipt(number))["outcome"] == "delivered"
    await bench.nothing_left()


async def test_a_code_behind_the_beep_starts_after_a_silence(make_bench: BenchMaker) -> None:
    """Untapped, nobody knows that the beep has passed; the agent's code vouches for the mailbox."""
    bench = await make_bench(cue={"silence_unheard_s": 2})
    number = number_of("quiet-beep")
    telephone = await bench.exchange.dial("2001", number)
    await bench.mark(number, "record")
    await telephone.press("*92")
    delivery = await bench.delivery(number, "short")
    assert delivery.whole, delivery
    receipt = await bench.receipt(number)
    assert receipt["cue"] == "silence", show(receipt)
    await bench.nothing_left()
