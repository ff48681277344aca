"""The ARI-bridged door: the engine rings the callee and joins the legs."""

from __future__ import annotations

import asyncio

from tests.lab.conftest import Bench, number_of, show
from voicedrop.lab import recordings


async def test_the_code_takes_the_callee_to_the_drop(bench: Bench) -> None:
    number = number_of("mailbox")
    telephone = await bench.exchange.dial("1001", number)
    await asyncio.wait_for(telephone.answered.wait(), 10)
    await telephone.talk()
    await bench.mark(number, "voicemail")
    await telephone.press("*91")
    await asyncio.wait_for(telephone.ended.wait(), 10)
    delivery = await bench.delivery(number)
    assert delivery.whole, delivery
    receipt = await bench.receipt(number)
    assert receipt["outcome"] == "delivered", show(receipt)
    assert receipt["agent"] == "1001"
    assert receipt["door"] == "bridged"
    assert recordings.digits_heard(bench.site, await bench.call_to(number)) == ""
    await bench.nothing_left()
