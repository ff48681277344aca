"""The Dial() door: the operator's own Dial(), Asterisk's own feature code."""

from __future__ import annotations

import asyncio

from tests.lab.conftest import Bench, number_of, show


async def test_the_code_takes_the_callee_to_the_drop(bench: Bench) -> None:
    number = number_of("mailbox")
    telephone = await bench.exchange.dial("2001", number)
    await bench.mark(number, "answer")
    await telephone.talk()
    await telephone.press("*91")
    delivery = await bench.delivery(number)
    assert delivery.whole, delivery
    receipt = await bench.receipt(number)
    assert receipt["outcome"] == "delivered", show(receipt)
    assert receipt["agent"] == "2001"
    assert receipt["door"] == "dial"
    await asyncio.wait_for(telephone.ended.wait(), 10)
    await bench.nothing_left()
