"""The ARI-bridged door: the engine rings the callee and joins the legs."""

from __future__ import annotations

import asyncio

import pytest

from tests.lab.conftest import Bench, BenchMaker, number_of, show
from voicedrop.lab import recordings, servers


async def test_a_beep_that_has_passed_starts_the_message_at_once(bench: Bench) -> None:
    number = number_of("quiet-beep")
    telephone = await bench.exchange.dial("1001", number)
    recording_since = await bench.mark(number, "record")
    await telephone.press("*92")
    delivery = await bench.delivery(number, "short")
    assert delivery.whole, delivery
    receipt = await bench.receipt(number)
    assert receipt["cue"] == "already_passed", show(receipt)
    assert receipt["beep"]["frequencies_hz"][0] > 800
    assert recording_since > 0
    await bench.nothing_left()


async def test_a_number_that_is_none_is_refused(bench: Bench) -> None:
    telephone = await bench.exchange.dial("1001", "+12")
    await asyncio.wait_for(telephone.ended.wait(), 10)
    assert not telephone.answered.is_set()
    assert telephone.cause == 28
    await bench.nothing_left()


async def test_above_the_ceiling_calls_go_on_untapped(make_bench: BenchMaker) -> None:
    bench = await make_bench(tap={"max": 1})
    first, second = number_of("human"), number_of("mailbox")
    one = await bench.exchange.dial("1001", first)
    await asyncio.wait_for(one.answered.wait(), 10)
    await bench.until(lambda: bench.engine.metric("voicedrop_taps") == 1, "the first tap")
    two = await bench.exchange.dial("1001", second)
    await asyncio.wait_for(two.answered.wait(), 10)
    await bench.until(lambda: bench.engine.metric("voicedrop_untapped_calls_total") == 1, "the ceiling")
    await two.press("*92")
    assert (await bench.delivery(second, "short")).whole
    assert (await bench.receipt(second))["outcome"] == "delivered"
    await one.hang_up()
    await bench.nothing_left()


async def test_without_an_engine_the_call_goes_out_by_dial(make_bench: BenchMaker) -> None:
    bench = await make_bench(start=False)
    number = number_of("human")
    telephone = await bench.exchange.dial("1001", number)
    await bench.mark(number, "play hello")
    await bench.until(telephone.answered.is_set, "the agent's answer")
    await telephone.hang_up()
    await bench.nothing_left()


async def test_a_blind_transfer_keeps_the_customer_in_the_call(bench: Bench) -> None:
    """REFER: Asterisk puts the transfer's target in the agent's place, and the engine follows."""
    number = number_of("human")
    telephone = await bench.exchange.dial("1001", number)
    await asyncio.wait_for(telephone.answered.wait(), 10)
    await telephone.transfer(f"sip:700@127.0.0.1:{bench.site.port('pbx_sip')}")
    await asyncio.wait_for(telephone.ended.wait(), 15)
    await bench.until(lambda: bench.logged("agent_replaced"), "the replacement")
    await bench.until(lambda: "Executing [700@agents-bridged" in bench.pbx_log(), "the transfer's target")
    assert not recordings.calls_to(bench.site, number)[-1].ended
    targets = [c for c in await bench.pbx.channels() if c["name"].startswith("Local/700@")]
    await bench.pbx.hang_up(str(targets[0]["id"]))
    await bench.call_to(number)
    await bench.nothing_left()


async def test_another_telephone_takes_the_agents_place(bench: Bench) -> None:
    """An attended transfer: INVITE with Replaces. The engine follows, and the code works there."""
    number = number_of("slow-beep")
    first = await bench.exchange.dial("1001", number)
    await asyncio.wait_for(first.answered.wait(), 10)
    second = await bench.exchange.replace(first, "1002")
    await asyncio.wait_for(first.ended.wait(), 10)
    await bench.until(lambda: bench.logged("agent_replaced"), "the replacement")
    await second.press("*92")
    await asyncio.wait_for(second.ended.wait(), 10)
    assert (await bench.delivery(number, "short")).whole
    await bench.nothing_left()


async def test_a_callee_whom_an_operator_takes_away_is_let_go(bench: Bench) -> None:
    number = number_of("human")
    telephone = await bench.exchange.dial("1001", number)
    await asyncio.wait_for(telephone.answered.wait(), 10)
    leg = next(c for c in await bench.pbx.channels() if str(c["id"]).endswith(".callee"))
    servers.command(bench.site, "pbx", f"channel redirect {leg['name']} lab-transfer,700,1")
    await asyncio.wait_for(telephone.ended.wait(), 10)
    await bench.until(lambda: bench.logged("taken out of the call"), "the end of the call for the engine")
    assert (await bench.pbx.channel(str(leg["id"])))["state"] == "Up"
    await bench.pbx.hang_up(str(leg["id"]))
    await bench.nothing_left()


@pytest.mark.parametrize("agent", ["1001", "2001"], ids=["bridged", "dial"])
async def test_a_number_cannot_speak_to_the_dialplan(bench: Bench, agent: str) -> None:
    """A telephone may send anything as a number; what is more than digits is refused."""
    telephone = await bench.exchange.dial(agent, "+12165550199%26Local%2F700%40lab-transfer")
    await asyncio.wait_for(telephone.ended.wait(), 10)
    assert telephone.cause == 28
    assert "Local/700@lab-transfer-0" not in bench.pbx_log()  # the name such a channel would have
    await bench.nothing_left()
