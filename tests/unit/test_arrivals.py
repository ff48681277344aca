"""What is told of the frames of a tap, and of their time."""

from __future__ import annotations

import pytest

from voicedrop.media.arrivals import Arrivals

FRAME_S = 0.02
SAMPLES = 160


def steady(arrivals: Arrivals, frames: int, *, begin: float) -> float:
    """`frames` frames, one each 20 ms from `begin` on; when the next would come."""
    for index in range(frames):
        arrivals.note(SAMPLES, begin + index * FRAME_S, silent=False)
    return begin + frames * FRAME_S


def test_nothing_came() -> None:
    arrivals = Arrivals()
    assert (arrivals.frames, arrivals.longest_gap_ms, arrivals.behind_ms) == (0, 0.0, 0.0)


def test_a_frame_each_20_ms_is_not_behind() -> None:
    arrivals = Arrivals()
    steady(arrivals, 500, begin=1000.0)
    assert arrivals.frames == 500
    assert arrivals.behind_ms == pytest.approx(0.0, abs=1e-6)
    assert arrivals.longest_gap_ms == pytest.approx(20.0)


def test_frames_that_a_busy_machine_held_up_are_caught_up_with() -> None:
    arrivals = Arrivals()
    begin = steady(arrivals, 50, begin=0.0)
    for _ in range(10):
        arrivals.note(SAMPLES, begin + 0.18, silent=False)
    assert arrivals.longest_gap_ms == pytest.approx(200.0)
    assert arrivals.behind_ms == pytest.approx(0.0, abs=1e-6)


def test_ticks_that_were_missed_stay_missed() -> None:
    arrivals = Arrivals()
    begin = steady(arrivals, 50, begin=0.0)
    steady(arrivals, 50, begin=begin + 3 * FRAME_S)
    assert arrivals.behind_ms == pytest.approx(60.0)


def test_silence_that_asterisk_put_in_is_counted() -> None:
    arrivals = Arrivals()
    for index in range(4):
        arrivals.note(SAMPLES, index * FRAME_S, silent=index % 2 == 1)
    assert arrivals.silent_frames == 2
