"""The two-call method: every turn of events of docs/unattended.md, each a row.

Judged by what the carrier wrote down: no call is left, no word of the message was said to a person, one receipt.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

import pytest

from tests.lab.calling import OPEN, order, receipt_of, settled
from tests.lab.conftest import Bench, BenchMaker, number_of, show
from voicedrop.lab import recordings
from voicedrop.policy.settings import Method

AT_ANOTHER_TIME = "at another time of day"


@dataclass(frozen=True)
class Turn:
    """What happens at this subscriber, and what a drop comes to."""

    key: str
    outcome: str
    disposition: str
    retry: str
    calls: int = 2
    """That the carrier saw."""
    first_cause: int | None = 16
    """The hangup cause of the first leg; 16: we hung it up, or its mailbox did."""


TURNS = {
    "the second is forwarded and rings": Turn("line", "delivered", "answered", "no"),
    "a mailbox without a beep": Turn("line-no-beep", "delivered", "answered", "no"),
    "the first is busy": Turn("busy", "not_connected", "busy", "later", 1, 17),
    "the first fails": Turn("unallocated", "not_connected", "failed", "no", 1, 1),
    "the first meets congestion": Turn("congested", "not_connected", "congested", "later", 1, 34),
    "the first is answered by a human": Turn("quick-human", "not_connected", "answered", AT_ANOTHER_TIME, 1),
    "the first is answered by a human as the second is on its way": Turn(
        "late-human", "not_connected", "answered", AT_ANOTHER_TIME
    ),
    "both are answered by a mailbox at once": Turn("mobile-off", "delivered", "answered", "no"),
    "the first rings out": Turn("short-ring", "not_connected", "no_answer", AT_ANOTHER_TIME, 1, 19),
    "both ring until they are forwarded": Turn("forward-20", "delivered", "answered", "no"),
    "the second gets 183 without 180": Turn("audio-when-taken", "delivered", "answered", "no"),
    "the second never rings": Turn("silent-when-taken", "not_connected", "cancelled", AT_ANOTHER_TIME),
    "the second is busy": Turn("busy-when-taken", "not_connected", "busy", "later"),
    "the second meets congestion": Turn("congested-when-taken", "not_connected", "congested", "later"),
    "the second is answered before the first is down": Turn("answers-when-taken", "delivered", "answered", "no"),
    "the second rings on and a human answers it": Turn("call-waiting", "human_answered", "answered", AT_ANOTHER_TIME),
    "a screening assistant answers the first": Turn("screening", "not_connected", "answered", AT_ANOTHER_TIME, 1),
    "a screening assistant answers the second": Turn("screening-when-taken", "no_cue", "answered", AT_ANOTHER_TIME),
    "the network's announcement answers the second": Turn("sit-when-taken", "not_mailbox", "answered", "no"),
    "the second gets the network's announcement, unanswered": Turn(
        "sit-early-when-taken", "not_connected", "failed", "no"
    ),
}


@pytest.fixture
async def bench(make_bench: BenchMaker) -> Bench:
    bench: Bench = await make_bench(**OPEN)
    return bench


async def test_every_turn_of_events(bench: Bench, subtests: pytest.Subtests) -> None:
    """All of them at the same time, each at a number of its own."""
    numbers = {turn.key: number_of(turn.key) for turn in TURNS.values()}
    drops = {key: await order(bench, number, Method.TWO_CALL) for key, number in numbers.items()}
    for drop in drops.values():
        await receipt_of(bench, drop, wait_s=120)
    for name, turn in TURNS.items():
        with subtests.test(name):
            number = numbers[turn.key]
            receipt = await settled(bench, number, drops[turn.key])
            attempt = receipt["attempt"]
            assert receipt["outcome"] == turn.outcome, show(receipt)
            assert (attempt["disposition"], attempt["retry"]) == (turn.disposition, turn.retry), show(receipt)
            assert attempt["first"]["cause"] == turn.first_cause, show(receipt)
            assert len(recordings.calls_to(bench.site, number)) == turn.calls, show(receipt)
            assert (attempt["second"] is not None) == (turn.calls == 2), show(receipt)
            if turn.outcome == "delivered":
                assert (await bench.delivery(number, "short")).whole, show(receipt)


async def test_both_are_answered(bench: Bench) -> None:
    """A person takes the first as the mailbox takes the second: whoever is faster, nobody hears the message."""
    number = number_of("both-answer")
    drop = await order(bench, number, Method.TWO_CALL)
    receipt = await settled(bench, number, drop)
    assert receipt["outcome"] in ("not_connected", "delivered", "no_cue"), show(receipt)
    assert len(recordings.calls_to(bench.site, number)) == 2


async def test_the_first_ends_when_the_second_rings(bench: Bench) -> None:
    number = number_of("line")
    drop = await order(bench, number, Method.TWO_CALL)
    receipt = await settled(bench, number, drop)
    first, second = sorted(recordings.calls_to(bench.site, number), key=lambda call: call.marks[0][0])
    rang, ended = second.at("ring"), first.at("end")
    assert rang is not None
    assert ended is not None
    assert 0 <= ended - rang < 0.5
    assert first.at("answer") is None  # never answered, so never charged
    assert receipt["attempt"]["first"]["hung_up"] is not None
    gap = second.marks[0][0] - first.marks[0][0]
    assert 1.9 < gap < 2.6


@pytest.mark.parametrize("comes_back", [True, False])
async def test_the_engine_dies_between_the_two(make_bench: BenchMaker, comes_back: bool) -> None:
    """With the first call out, or with both: no call is left, one receipt, and no second attempt."""
    bench: Bench = await make_bench(**OPEN, drop={"limit_s": 30})
    wanted = {number_of("silent-when-taken"): 2, number_of("line"): 1}
    drops = {}
    for number, calls in wanted.items():
        drops[number] = await order(bench, number, Method.TWO_CALL)
        await _has_calls(bench, number, calls)
    await asyncio.to_thread(bench.engine.kill)
    if not comes_back:  # Asterisk alone ends them
        for number in wanted:
            await bench.until(partial(_all_ended, bench, number), "the end of the calls", 60)
    await asyncio.to_thread(bench.engine.start)
    for number, calls in wanted.items():
        receipt = await settled(bench, number, drops[number])
        assert receipt["outcome"] == "failed", show(receipt)
        assert receipt["attempt"]["retry"] == "later"
        assert [receipt["attempt"][leg] is not None for leg in ("first", "second")] == [True, calls == 2], show(receipt)
        assert len(recordings.calls_to(bench.site, number)) == calls


async def _has_calls(bench: Bench, number: str, count: int) -> None:
    await bench.until(lambda: len(recordings.calls_to(bench.site, number)) == count, f"{count} call(s)")


def _all_ended(bench: Bench, number: str) -> bool:
    return all(call.ended for call in recordings.calls_to(bench.site, number))


async def test_the_job_of_a_dead_engine_is_resolved_and_not_repeated(make_bench: BenchMaker) -> None:
    bench: Bench = await make_bench(**OPEN)
    number = number_of("line")
    drop = await order(bench, number, Method.TWO_CALL)
    await _has_calls(bench, number, 1)
    await asyncio.to_thread(bench.engine.kill)
    # As if it had been dead for so long that its jobs are taken up.
    await bench.sql("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'")
    await asyncio.to_thread(bench.engine.start)
    await settled(bench, number, drop)
    # Until the job has come once more.
    await bench.rows("SELECT 1 AS gone WHERE NOT EXISTS (SELECT FROM procrastinate_jobs)", wait_s=90)
    await settled(bench, number, drop)
    assert len(recordings.calls_to(bench.site, number)) == 1
