"""Whoever wants no more calls gets none, at once."""

from __future__ import annotations

import asyncio

import pytest

from tests.lab.calling import OPEN, order, settled
from tests.lab.conftest import Bench, BenchMaker, number_of, show
from voicedrop.control import Refused
from voicedrop.lab import recordings
from voicedrop.policy.settings import Method
from voicedrop.store.orders import OPTED_OUT


async def _press_nine(bench: Bench, number: str) -> None:
    """Call the opt-out line from `number` and press 9."""
    telephone = await bench.exchange.dial("1001", f"97{number[1:]}")
    await asyncio.wait_for(telephone.answered.wait(), 10)
    await telephone.press("9")
    await bench.rows("SELECT pattern FROM suppression WHERE pattern = %s", number)
    await asyncio.wait_for(telephone.ended.wait(), 20)


async def test_the_line_ends_what_is_under_way_and_refuses_the_next(make_bench: BenchMaker) -> None:
    bench: Bench = await make_bench(**OPEN)
    number = number_of("no-answer")
    drop = await order(bench, number, Method.SINGLE)
    waits = await order(bench, number, Method.SINGLE)
    await bench.mark(number, "ring")
    await _press_nine(bench, number)
    (row,) = await bench.sql("SELECT outcome, reason FROM drops WHERE id = %s", waits)
    assert row == {"outcome": "blocked", "reason": OPTED_OUT.reason}, "in the queue it ended with the opt-out"
    receipt = await settled(bench, number, drop)
    assert receipt["reason"] == "cancelled by an opt-out", show(receipt)
    with pytest.raises(Refused) as refused:
        await order(bench, number, Method.SINGLE)
    assert refused.value.rule == "suppressed"
    assert len(recordings.calls_to(bench.site, number)) == 1


async def test_a_number_put_on_the_list_before_the_call_blocks_it(make_bench: BenchMaker) -> None:
    """The order is in the queue already, behind another to the same number."""
    bench: Bench = await make_bench(**OPEN)
    number = number_of("no-answer")
    first = await order(bench, number, Method.SINGLE)
    second = await order(bench, number, Method.SINGLE)
    await bench.mark(number, "ring")
    await bench.sql("INSERT INTO suppression (pattern, source, created_by) VALUES (%s, 'test', 'test')", number)
    assert (await settled(bench, number, first))["reason"] == "cancelled by an opt-out"
    receipt = await settled(bench, number, second)
    assert receipt["outcome"] == "blocked", show(receipt)
    assert receipt["policy"]["refused"] == ["suppressed"]
    assert len(recordings.calls_to(bench.site, number)) == 1
