"""Silence that Asterisk put in where a packet was late: short between sound, so it is none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from dsp import BeepEnded, Detector
from dsp.holes import MOST, HoleFiller, is_zeros

FRAME = 160
ZERO = np.zeros(FRAME, np.int16)


def sound(value: int) -> npt.NDArray[np.int16]:
    return np.full(FRAME, value, np.int16)


def first_samples(frames: list[npt.NDArray[np.int16]]) -> list[int]:
    return [int(frame[0]) for frame in frames]


def fed(frames: list[npt.NDArray[np.int16]]) -> list[list[int]]:
    """What comes out for each frame that goes in, by its first sample."""
    filler = HoleFiller()
    return [first_samples(filler.feed(frame)) for frame in frames]


def test_sound_passes_at_once() -> None:
    assert fed([sound(1), sound(2)]) == [[1], [2]]


@pytest.mark.parametrize("holes", range(1, MOST + 1))
def test_a_hole_is_filled_with_the_frame_before_it(holes: int) -> None:
    assert fed([sound(1), *[ZERO] * holes, sound(2)]) == [[1], *[[]] * holes, [*[1] * holes, 2]]


def test_a_longer_silence_stays_and_comes_when_it_is_known_for_one() -> None:
    frames = [sound(1), *[ZERO] * (MOST + 2), sound(2)]
    assert fed(frames) == [[1], *[[]] * MOST, [0] * (MOST + 1), [0], [2]]


def test_silence_before_any_sound_is_not_held_back() -> None:
    assert fed([ZERO, ZERO]) == [[0], [0]]


def test_a_frame_of_another_size_is_filled_to_its_own() -> None:
    filler = HoleFiller()
    filler.feed(np.arange(1, 161, dtype=np.int16))
    filler.feed(np.zeros(200, np.int16))
    filled, _ = filler.feed(sound(1))
    assert filled.shape == (200,)
    assert filled[159:162].tolist() == [160, 1, 2]


def beeps(frames: list[npt.NDArray[np.int16]], *, filled: bool) -> list[tuple[float, int]]:
    """The end of each beep in stream time, and the frame that brought it (ms)."""
    detector, filler = Detector(), HoleFiller()
    found = []
    for index, frame in enumerate(frames):
        for one in filler.feed(frame) if filled else [frame]:
            found += [(d.end_ms, 20 * (index + 1)) for d in detector.feed(one) if isinstance(d, BeepEnded)]
    return found


def tone(length_ms: int) -> list[npt.NDArray[np.int16]]:
    samples = 8000 * np.sin(2 * np.pi * 1000 * np.arange(length_ms * 8) / 8000)
    return list(samples.astype(np.int16).reshape(-1, FRAME))


def test_a_beep_with_holes_is_one_beep_that_ends_on_time() -> None:
    first = [ZERO] * 50
    second = tone(640)
    # Four packets late, one behind the other: their place is silence, and all behind them comes later.
    for place in (2, 5, 9, 14):
        second.insert(place, ZERO)
    ended = beeps([*first, *second, *[ZERO] * 50], filled=True)
    assert len(ended) == 1
    assert ended[0][0] == pytest.approx(1000 + 640 + 4 * 20, abs=15)


def test_nothing_is_declared_later_for_it() -> None:
    frames = [*[ZERO] * 50, *tone(640), *[ZERO] * 50]
    assert beeps(frames, filled=True) == beeps(frames, filled=False) != []


@pytest.mark.parametrize("at", [0, 1, 79, 159])
def test_one_sample_is_enough_to_be_no_hole(at: int) -> None:
    frame = np.zeros(160, np.int16)
    assert is_zeros(frame)
    frame[at] = -1
    assert not is_zeros(frame)
