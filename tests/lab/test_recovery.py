"""What survives: an engine that is killed, an Asterisk that is killed, an orderly stop."""

from __future__ import annotations

import asyncio
import signal

import pytest

from tests.lab.conftest import Bench, BenchMaker, number_of, show
from voicedrop.lab import servers


@pytest.fixture
async def shipped(make_bench: BenchMaker) -> Bench:
    """A bench whose engine is the command, with a database of its own that outlives it."""
    made: Bench = await make_bench(as_shipped=True)
    return made


async def _dropped(bench: Bench, number: str, keys: str = "*91") -> None:
    """An agent's call to `number` with the code pressed."""
    telephone = await bench.exchange.dial("1001", number)
    await asyncio.wait_for(telephone.answered.wait(), 10)
    await telephone.press(keys)
    await asyncio.wait_for(telephone.ended.wait(), 10)


async def _state(bench: Bench, state: str) -> None:
    await bench.until(lambda: f"-> {state} (" in bench.log_tail(500), f"the state {state}")


async def test_killed_while_it_waits_and_started_again(shipped: Bench) -> None:
    number = number_of("slow-beep")
    await _dropped(shipped, number, "*92")
    await _state(shipped, "WAITING")
    await asyncio.to_thread(shipped.engine.kill)
    await asyncio.to_thread(shipped.engine.start)
    delivery = await shipped.delivery(number, "short")
    assert delivery.whole, delivery
    receipt = await shipped.receipt(number)
    assert receipt["outcome"] == "delivered", show(receipt)
    assert receipt["policy"]["allowed"] is True  # it was asked before the kill
    assert len(shipped.receipts()) == 1
    await shipped.nothing_left()


async def test_killed_while_it_plays_and_started_again(bench: Bench) -> None:
    number = number_of("mailbox")
    await _dropped(bench, number)
    await _state(bench, "PLAYING")
    await asyncio.to_thread(bench.engine.kill)
    await asyncio.to_thread(bench.engine.start)
    delivery = await bench.delivery(number)
    assert delivery.whole, delivery
    receipt = await bench.receipt(number)
    assert receipt["outcome"] == "delivered", show(receipt)
    assert receipt["restarts"] == 0
    assert len(bench.receipts()) == 1
    await bench.nothing_left()


async def test_killed_while_it_plays_and_back_after_the_end(make_bench: BenchMaker) -> None:
    """Asterisk plays to the end by itself; the engine that comes back ends the call."""
    bench = await make_bench(drop={"limit_s": 60})
    number = number_of("mailbox")
    await _dropped(bench, number, "*92")
    await _state(bench, "PLAYING")
    await asyncio.to_thread(bench.engine.kill)
    playing = [c for c in await bench.pbx.channels() if str(c["id"]).endswith(".callee")]
    assert len(playing) == 1
    drop = str(playing[0]["id"]).split(".")[2]

    await bench.playback_over(f"vd.lab.{drop}.play1")
    await asyncio.to_thread(bench.engine.start)
    delivery = await bench.delivery(number, "short")
    assert delivery.whole, delivery
    receipt = await bench.receipt(number)
    assert receipt["outcome"] == "delivered", show(receipt)
    await bench.nothing_left()


async def test_killed_and_never_back_the_leg_ends_by_its_limit(make_bench: BenchMaker) -> None:
    bench = await make_bench(drop={"limit_s": 30})
    number = number_of("human")
    telephone = await bench.exchange.dial("1001", number)
    await asyncio.wait_for(telephone.answered.wait(), 10)
    await telephone.press("*92")
    await asyncio.wait_for(telephone.ended.wait(), 10)
    await asyncio.to_thread(bench.engine.kill)
    call = await bench.call_to(number, wait_s=45)
    answered, ended = call.at("answer"), call.at("end")
    assert answered is not None
    assert ended is not None
    # The next run finds the leg gone, says so in the one receipt, and clears the tap away.
    await asyncio.to_thread(bench.engine.start)
    receipt = await bench.receipt(number)
    assert receipt["outcome"] in ("failed", "partly_delivered"), show(receipt)
    assert "while the engine was away" in receipt["reason"]
    assert len(bench.receipts()) == 1
    await bench.nothing_left()


async def test_a_call_survives_a_restart_and_its_code_still_works(shipped: Bench) -> None:
    number = number_of("slow-beep")
    telephone = await shipped.exchange.dial("1001", number)
    await asyncio.wait_for(telephone.answered.wait(), 10)
    await asyncio.to_thread(shipped.engine.kill)
    await asyncio.to_thread(shipped.engine.start)
    assert not telephone.ended.is_set()
    await telephone.press("*92")
    await asyncio.wait_for(telephone.ended.wait(), 10)
    delivery = await shipped.delivery(number, "short")
    assert delivery.whole, delivery
    receipt = await shipped.receipt(number)
    assert receipt["agent"] == "1001"
    await shipped.nothing_left()


async def test_an_orderly_stop_finishes_what_plays_and_hands_over_what_waits(make_bench: BenchMaker) -> None:
    bench = await make_bench(as_shipped=True, shutdown={"grace_s": 1})
    plays, waits = number_of("mailbox"), number_of("no-beep")
    await _dropped(bench, plays, "*92")
    await _state(bench, "PLAYING")
    telephone = await bench.exchange.dial("1001", waits)
    await asyncio.wait_for(telephone.answered.wait(), 10)
    await telephone.press("*92")
    await asyncio.wait_for(telephone.ended.wait(), 10)
    bench.engine.send(signal.SIGTERM)
    assert await asyncio.to_thread(bench.engine.wait) == 0
    receipts = {r["number"]: r for r in bench.receipts()}
    assert receipts[plays]["outcome"] == "delivered", show(receipts[plays])
    assert receipts[waits]["outcome"] == "failed", show(receipts[waits])
    assert "dialplan" in receipts[waits]["reason"]
    assert (await bench.delivery(plays, "short")).whole
    # The dialplan alone left the message, after a silence.
    handed = await bench.delivery(waits, "short")
    assert handed.blocks_found == handed.blocks, handed
    await bench.nothing_left()


@pytest.mark.parametrize("state", ["WAITING", "PLAYING"])
async def test_asterisk_is_killed(bench: Bench, state: str) -> None:
    number = number_of("slow-beep" if state == "WAITING" else "mailbox")
    await _dropped(bench, number)
    await _state(bench, state)
    if state == "PLAYING":
        await bench.heard(number, sound_s=0.5)
    try:
        await asyncio.to_thread(servers.stop, bench.site, "pbx", signal.SIGKILL)
    finally:
        await asyncio.to_thread(servers.start, bench.site, "pbx")
        await asyncio.to_thread(servers.wait_until_ready, bench.site, "pbx")
    receipt = await bench.receipt(number)
    expected = {"WAITING": "failed", "PLAYING": "partly_delivered"}[state]
    assert receipt["outcome"] == expected, show(receipt)
    assert len(bench.receipts()) == 1
    await bench.until(bench.engine.healthy, "the engine's connection to the new Asterisk")
    await bench.nothing_left()
    again = number_of("mailbox")
    await _dropped(bench, again, "*92")
    assert (await bench.delivery(again, "short")).whole
    await bench.nothing_left()


async def test_asterisk_stays_away_longer_than_the_message_lasts(bench: Bench) -> None:
    """What nobody saw played is not called delivered."""
    number = number_of("mailbox")
    await _dropped(bench, number, "*92")
    await _state(bench, "PLAYING")
    await asyncio.to_thread(servers.stop, bench.site, "pbx", signal.SIGKILL)
    await asyncio.sleep(8)  # the message lasts 5.2 s
    await asyncio.to_thread(servers.start, bench.site, "pbx")
    await asyncio.to_thread(servers.wait_until_ready, bench.site, "pbx")
    receipt = await bench.receipt(number)
    assert receipt["outcome"] in ("partly_delivered", "failed"), show(receipt)
    assert receipt["played_fraction"] < 0.9
    assert receipt["hung_up_by"] == "unknown"
    await bench.until(bench.engine.healthy, "the engine's connection to the new Asterisk")
    await bench.nothing_left()


async def test_several_drops_of_both_doors_are_taken_up_again(bench: Bench) -> None:
    bridged = [number_of("slow-beep") for _ in range(3)]
    dialled = [number_of("slow-beep") for _ in range(2)]

    async def one(agent: str, number: str) -> None:
        telephone = await bench.exchange.dial(agent, number)
        await bench.mark(number, "play greeting-12s")
        await telephone.press("*92")
        await asyncio.wait_for(telephone.ended.wait(), 10)

    await asyncio.gather(*(one("1001", n) for n in bridged), *(one("2001", n) for n in dialled))
    await asyncio.to_thread(bench.engine.kill)
    await asyncio.to_thread(bench.engine.start)
    for number in (*bridged, *dialled):
        delivery = await bench.delivery(number, "short")
        assert delivery.whole, (number, delivery)
    await bench.until(lambda: len(bench.receipts()) == 5, "five receipts")
    assert {r["outcome"] for r in bench.receipts()} == {"delivered"}
    assert len({r["drop"] for r in bench.receipts()}) == 5
    await bench.nothing_left()
