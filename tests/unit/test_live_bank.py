"""The live bank: what arrives within a tick is heard together; one tap's trouble is no other's."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from dsp import BeepEnded, Detection
from voicedrop.engine.bank import FEW, LiveBank, LiveEar

BEEP = np.concatenate(
    [
        np.zeros(2400),
        0.25 * np.sin(2 * np.pi * 1000 * np.arange(2400) / 8000),
        np.zeros(2400),
    ]
)
FRAMES = [(BEEP * 32767).astype(np.int16)[at : at + 160] for at in range(0, len(BEEP), 160)]
PATIENCE_S = 5.0


class Tap:
    def __init__(self, bank: LiveBank) -> None:
        self.heard: list[tuple[Detection, float]] = []
        self.beep = asyncio.Event()
        self.ear: LiveEar = bank.open(self._heard)

    def _heard(self, detections: list[Detection], arrived_at: float) -> None:
        for detection in detections:
            self.heard.append((detection, arrived_at))
            if isinstance(detection, BeepEnded):
                self.beep.set()

    async def beeped(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.beep.wait()


@pytest.mark.parametrize("taps", [1, FEW + 4])
async def test_every_tap_hears_its_beep(taps: int) -> None:
    bank = LiveBank()
    live = [Tap(bank) for _ in range(taps)]
    for frame in FRAMES:
        for tap in live:
            tap.ear.feed(frame)
        await asyncio.sleep(0)  # lets the loop turn, as between frames
    for tap in live:
        await tap.beeped()
        (beep,) = [found for found, _ in tap.heard if isinstance(found, BeepEnded)]
        assert beep.frequencies_hz == pytest.approx((1000,), abs=1)
        assert beep.end_ms == pytest.approx(600, abs=15)


async def test_times_are_those_of_arrival() -> None:
    """However late they are listened to: here all frames wait until the loop turns."""
    clock = iter([70.0 + 0.02 * k for k in range(len(FRAMES))])
    bank = LiveBank(now=lambda: next(clock))
    tap = Tap(bank)
    for frame in FRAMES:
        tap.ear.feed(frame)
    await tap.beeped()
    assert {arrived_at for _, arrived_at in tap.heard} == {70.0 + 0.02 * (len(FRAMES) - 1)}
    assert tap.ear.fed_ms == 20 * len(FRAMES)


async def test_one_that_fails_harms_nobody() -> None:
    bank = LiveBank()
    failed = 0

    def fail(*_: object) -> None:
        nonlocal failed
        failed += 1
        raise RuntimeError("a call's mistake")

    bad, good = bank.open(fail), Tap(bank)
    for frame in FRAMES:
        bad.feed(frame)
        good.ear.feed(frame)
    await good.beeped()
    assert failed


async def test_closed_ears_hear_nothing() -> None:
    bank = LiveBank()
    first, second = Tap(bank), Tap(bank)
    for frame in FRAMES:
        first.ear.feed(frame)
        second.ear.feed(frame)
    first.ear.close()
    first.ear.close()
    first.ear.feed(FRAMES[0])
    await second.beeped()
    assert first.heard == []
    assert first.ear.frames == []


async def test_a_late_loop_keeps_no_more_than_a_second() -> None:
    bank = LiveBank()
    tap = Tap(bank)
    for frame in FRAMES * 4:  # the loop never turns
        tap.ear.feed(frame)
        assert len(tap.ear.frames) < 50
    assert tap.beep.is_set()
