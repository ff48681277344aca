"""The agent's keys: the code never reaches the callee, every other digit does, in order."""

from __future__ import annotations

import asyncio

import pytest

from tests.lab.conftest import Bench, number_of
from voicedrop.lab import recordings


@pytest.mark.parametrize("agent", ["1001", "1002"], ids=["rfc4733", "info"])
async def test_digits_are_relayed_and_the_code_is_not(bench: Bench, agent: str) -> None:
    number = number_of("human")
    telephone = await bench.exchange.dial(agent, number)
    await asyncio.wait_for(telephone.answered.wait(), 10)

    def heard() -> str:
        return recordings.digits_heard(bench.site, recordings.calls_to(bench.site, number)[-1])

    await telephone.press("5*8#")
    await bench.until(lambda: heard() == "5*8#", "the digits 5*8#")
    await telephone.press("*9")  # half a code goes on after 1.5 s
    await bench.until(lambda: heard() == "5*8#*9", "half a code")
    await telephone.press("*97")  # no message there: an error tone, and the call goes on
    await bench.until(lambda: bench.engine.metric("voicedrop_codes_refused_total") == 1, "the refusal")
    await telephone.press("1")
    await bench.until(lambda: heard() == "5*8#*91", "a digit behind an unknown slot")
    assert not telephone.ended.is_set()
    await telephone.press("*92")
    await asyncio.wait_for(telephone.ended.wait(), 10)
    await bench.receipt(number, wait_s=60)
    assert heard() == "5*8#*91"
    await bench.nothing_left()


async def test_an_unknown_slot_sounds_an_error_to_the_agent(bench: Bench) -> None:
    number = number_of("full")
    telephone = await bench.exchange.dial("1001", number)
    await asyncio.wait_for(telephone.answered.wait(), 10)
    await telephone.record("error-tone")
    await telephone.press("*97")
    await asyncio.wait_for(telephone.ended.wait(), 30)
    from voicedrop.lab.judge import load

    heard = load(bench.site.lab / "carrier/spool/recording/error-tone.wav")
    assert _level_at(heard, 480, 620) > 0.3
    assert not [r for r in bench.receipts() if r["number"] == number]


async def test_the_agent_hears_ringing_and_then_the_callee(bench: Bench) -> None:
    number = number_of("sit-early")
    telephone = await bench.exchange.dial("1001", number)
    await telephone.record("early")
    await asyncio.wait_for(telephone.ended.wait(), 30)
    from voicedrop.lab.judge import load

    heard = load(bench.site.lab / "carrier/spool/recording/early.wav")
    assert _level_at(heard, 985, 1428) > 0.3


def _level_at(audio: object, *frequencies_hz: float) -> float:
    """The largest share that these frequencies have of any 200 ms of it, 0 to 1."""
    import numpy as np

    samples = np.asarray(audio)
    best = 0.0
    for start in range(0, samples.size - 1600, 800):
        part = np.abs(np.fft.rfft(samples[start : start + 1600] * np.hanning(1600))) ** 2
        if part.sum() < 1e-3:
            continue
        bins = [round(hz / 5) for hz in frequencies_hz]
        share = sum(part[b - 2 : b + 3].sum() for b in bins) / part.sum()
        best = max(best, float(share))
    return best
