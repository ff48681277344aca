"""Either side may hang up at any stage; nothing stays behind, and one receipt says what happened."""

from __future__ import annotations

import asyncio

from tests.lab.conftest import Bench, BenchMaker, number_of, show


async def test_the_agent_hangs_up_while_it_rings(bench: Bench) -> None:
    number = number_of("no-answer")
    telephone = await bench.exchange.dial("1001", number)
    await bench.mark(number, "ring")
    await telephone.hang_up()
    await bench.call_to(number)
    assert bench.receipts() == []
    await bench.nothing_left()


async def test_the_agent_hangs_up_in_the_call(bench: Bench) -> None:
    number = number_of("human")
    telephone = await bench.exchange.dial("1001", number)
    await asyncio.wait_for(telephone.answered.wait(), 10)
    await telephone.hang_up()
    await bench.call_to(number)
    assert bench.receipts() == []
    await bench.nothing_left()


async def test_the_callee_hangs_up_in_the_call(bench: Bench) -> None:
    telephone = await bench.exchange.dial("1001", number_of("full"))
    await asyncio.wait_for(telephone.ended.wait(), 30)
    assert telephone.cause == 16
    assert bench.receipts() == []
    await bench.nothing_left()


async def test_the_agent_hangs_up_right_behind_the_code(bench: Bench) -> None:
    number = number_of("mailbox")
    telephone = await bench.exchange.dial("1001", number)
    await asyncio.wait_for(telephone.answered.wait(), 10)
    await telephone.press("*92")
    await bench.until(lambda: bench.logged("-> ASKING"), "the code's arrival")
    await telephone.hang_up()
    delivery = await bench.delivery(number, "short")
    assert delivery.whole, delivery
    assert (await bench.receipt(number))["outcome"] == "delivered"
    await bench.nothing_left()


async def test_the_callee_hangs_up_while_the_message_plays(bench: Bench) -> None:
    number = number_of("no-beep")
    telephone = await bench.exchange.dial("1001", number)
    await asyncio.wait_for(telephone.answered.wait(), 10)
    await telephone.press("*91")
    await bench.until(lambda: "-> PLAYING" in bench.log_tail(500), "the message to start")
    await bench.heard(number, sound_s=1.0)
    await _carrier_hangs_up(bench, number)
    receipt = await bench.receipt(number)
    assert receipt["outcome"] == "partly_delivered", show(receipt)
    assert 0 < receipt["played_fraction"] < 0.9
    assert receipt["hung_up_by"] == "callee"
    await bench.nothing_left()


async def test_the_callee_hangs_up_while_we_wait(bench: Bench) -> None:
    number = number_of("slow-beep")
    telephone = await bench.exchange.dial("1001", number)
    await asyncio.wait_for(telephone.answered.wait(), 10)
    await telephone.press("*91")
    await asyncio.wait_for(telephone.ended.wait(), 10)
    await _carrier_hangs_up(bench, number)
    receipt = await bench.receipt(number)
    assert receipt["outcome"] == "callee_hung_up", show(receipt)
    assert receipt["played_fraction"] == 0
    await bench.nothing_left()


async def test_a_drop_in_which_nobody_ever_speaks_gives_up(make_bench: BenchMaker) -> None:
    bench = await make_bench(cue={"give_up_s": 3, "silence_s": 30})
    number = number_of("human")
    telephone = await bench.exchange.dial("1001", number)
    await asyncio.wait_for(telephone.answered.wait(), 10)
    await telephone.press("*91")
    receipt = await bench.receipt(number)
    assert receipt["outcome"] == "no_cue", show(receipt)
    assert receipt["hung_up_by"] == "engine"
    await bench.nothing_left()


async def test_ten_drops_of_one_agent_at_once(bench: Bench) -> None:
    numbers = [number_of("mailbox") for _ in range(10)]

    async def one(number: str) -> None:
        telephone = await bench.exchange.dial("1001", number)
        await asyncio.wait_for(telephone.answered.wait(), 20)
        await telephone.press("*92")
        await asyncio.wait_for(telephone.ended.wait(), 20)

    await asyncio.gather(*map(one, numbers))
    for number in numbers:
        delivery = await bench.delivery(number, "short")
        assert delivery.whole, (number, delivery)
    assert sorted(r["number"] for r in bench.receipts()) == sorted(numbers)
    assert {r["outcome"] for r in bench.receipts()} == {"delivered"}
    await bench.nothing_left()


async def test_an_agent_who_stays_dials_the_next_number(make_bench: BenchMaker) -> None:
    bench = await make_bench(agent={"after": "continue"})
    first, second = number_of("mailbox"), number_of("mailbox")
    telephone = await bench.exchange.dial("1001", first)
    await asyncio.wait_for(telephone.answered.wait(), 10)
    await telephone.press("*92")
    await bench.until(lambda: bench.logged("the agent is free"), "the agent's freedom")
    await telephone.press(second[1:])
    await bench.mark(second, "voicemail", wait_s=40)
    assert not telephone.ended.is_set()
    await telephone.press("*92")
    for number in (first, second):
        assert (await bench.delivery(number, "short")).whole
    await telephone.hang_up()
    await bench.nothing_left()


async def _carrier_hangs_up(bench: Bench, number: str) -> None:
    from voicedrop.lab import recordings

    call = recordings.calls_to(bench.site, number)[-1]
    for channel in await bench.exchange.ari.channels():
        if channel["name"] == call.channel:
            await bench.exchange.ari.hang_up(str(channel["id"]))


async def test_taps_that_open_at_the_same_moment_each_hear_their_own_leg(bench: Bench) -> None:
    """Asterisk mixes up the parameters of media connections made at once; ours are made one by one."""
    numbers = [number_of("mailbox") for _ in range(12)]
    telephones = await asyncio.gather(*(bench.exchange.dial("1001", number) for number in numbers))
    for telephone in telephones:
        await asyncio.wait_for(telephone.answered.wait(), 20)
    await bench.until(lambda: bench.engine.metric("voicedrop_taps") == len(numbers), "a tap for each call")
    assert "tap_refused" not in bench.log_tail(500)
    assert "call_untapped" not in bench.log_tail(500)
    for telephone in telephones:
        await telephone.hang_up()
    await bench.nothing_left()
