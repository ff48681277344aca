"""Every subscriber of the zoo through the ARI-bridged door, all at the same time."""

from __future__ import annotations

import asyncio

import pytest

from tests.lab.conftest import BenchMaker, number_of, show
from voicedrop.lab import recordings, zoo
from voicedrop.lab.zoo import Subscriber

CAUSES = {"busy": 17, "no-answer": 19, "unallocated": 1, "sit-early": 1}


async def test_every_subscriber_ends_as_the_table_says(make_bench: BenchMaker, subtests: pytest.Subtests) -> None:
    bench = await make_bench(dial={"ring_timeout_s": 15})
    chosen = [(one, number_of(one.key)) for one in zoo.subscribers() if one.drop]

    async def one_call(one: Subscriber, number: str) -> None:
        telephone = await bench.exchange.dial("1001", number)
        if "disposition" in one.drop:
            await asyncio.wait_for(telephone.ended.wait(), 40)
            return
        await asyncio.wait_for(telephone.answered.wait(), 20)
        await bench.mark(number, "answer")
        await telephone.press("*92")
        await asyncio.wait_for(telephone.ended.wait(), 10)

    await asyncio.gather(*(one_call(one, number) for one, number in chosen))
    for one, number in chosen:
        with subtests.test(one.key):
            if "disposition" in one.drop:
                assert not [r for r in bench.receipts() if r["number"] == number]
                continue
            receipt = await bench.receipt(number, wait_s=60)
            assert receipt["outcome"] == one.drop["outcome"], show(receipt)
            assert receipt["cue"] == one.drop.get("cue"), show(receipt)
            assert receipt["restarts"] == one.drop.get("restarts", 0), show(receipt)
            if one.drop["outcome"] == "delivered":
                delivery = await bench.delivery(number, "short")
                assert delivery.whole, (delivery, show(receipt))
            call = await bench.call_to(number)
            assert recordings.digits_heard(bench.site, call) == ""
            assert receipt["sip_call_id"] == call.sip_call_id
            assert receipt["caller_id"] == call.caller_id == "+12025550199"
    await bench.nothing_left()


@pytest.mark.parametrize("key", ["busy", "no-answer", "unallocated", "sit-early"])
async def test_a_call_that_does_not_come_about_tells_the_telephone_why(make_bench: BenchMaker, key: str) -> None:
    bench = await make_bench(dial={"ring_timeout_s": 5 if key == "no-answer" else 30})
    telephone = await bench.exchange.dial("1001", number_of(key))
    await asyncio.wait_for(telephone.ended.wait(), 30)
    assert telephone.cause == CAUSES[key]
    assert not telephone.answered.is_set()
    await bench.nothing_left()
