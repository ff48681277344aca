"""5 % packet loss and 30 ms jitter from the callee: a whole message in the mailbox, nothing to a human."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.conftest import Bench, BenchMaker, number_of, show
from voicedrop.lab import zoo
from voicedrop.lab.impairment import Impairment
from voicedrop.lab.judge import judge, load
from voicedrop.lab.played import message_file
from voicedrop.lab.relay import RelayProcess

BAD = Impairment(loss=0.05, jitter_ms=30, seed=1)
TRUNK = {"endpoint": "PJSIP/{number}@carrier-lossy"}
MAILBOXES = ("mailbox", "slow-beep", "two-beeps", "no-beep", "quiet-beep")
AT_ONCE = 5


@pytest.fixture
def bad_network() -> Iterator[RelayProcess]:
    relay = RelayProcess(BAD)
    relay.start()
    yield relay
    relay.stop()


async def drop(bench: Bench, number: str) -> None:
    telephone = await bench.exchange.dial("1001", number)
    await asyncio.wait_for(telephone.answered.wait(), 20)
    await bench.mark(number, "answer")
    await telephone.talk()
    await telephone.press("*92")
    await asyncio.wait_for(telephone.ended.wait(), 10)
    await bench.call_to(number, wait_s=90)


def closed_taps(bench: Bench) -> list[dict[str, Any]]:
    lines = (json.loads(line) for line in bench.engine.log.read_text().splitlines() if '"tap_closed"' in line)
    return [line for line in lines if line["event"] == "tap_closed"]


async def test_every_mailbox_gets_the_whole_message(
    make_bench: BenchMaker, bad_network: RelayProcess, subtests: pytest.Subtests
) -> None:
    bench = await make_bench(dial=TRUNK)
    numbers = [(key, number_of(key)) for key in MAILBOXES * 2]
    gate = asyncio.Semaphore(AT_ONCE)

    async def one_call(number: str) -> None:
        async with gate:
            await drop(bench, number)

    await asyncio.gather(*(one_call(number) for _, number in numbers))
    for key, number in numbers:
        with subtests.test(f"{key} {number}"):
            receipt = await bench.receipt(number)
            assert receipt["outcome"] == zoo.subscriber(key).drop["outcome"] == "delivered", show(receipt)
            delivery = await bench.delivery(number, "short")
            assert delivery.whole, (delivery, show(receipt))
    await bench.nothing_left()
    relayed = bad_network.stop()
    assert relayed["streams"] >= len(numbers)
    assert 0.03 < relayed["lost"] / relayed["packets"] < 0.07
    assert relayed["overtaken"] > 0
    # The stream's time does not stand still where a packet is missing: Asterisk puts silence there. By how much it is
    # behind the clock says only how busy the machine is.
    taps = closed_taps(bench)
    assert len(taps) == len(numbers)
    assert sum(tap["silent_frames"] for tap in taps) > relayed["lost"] + relayed["overtaken"], taps


@pytest.mark.usefixtures("bad_network")
async def test_a_human_hears_no_message_without_a_code(make_bench: BenchMaker) -> None:
    bench = await make_bench(dial=TRUNK)
    number = number_of("human")
    telephone = await bench.exchange.dial("1001", number)
    await asyncio.wait_for(telephone.answered.wait(), 20)
    await bench.mark(number, "end-play hello-again")
    await telephone.hang_up()
    call = await bench.call_to(number)
    message = load(message_file(bench.site, "short"))
    assert judge(message, load(call.heard)).blocks_found == 0
    assert bench.receipts() == []
    await bench.nothing_left()
