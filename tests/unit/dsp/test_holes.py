"""Silence that Asterisk put in where a packet was late: short between sound, so it is none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from dsp import BeepEnded, Detector
from dsp.holes import BAD, EDGE_LOUD, MOST, MOST_IN_BAD, RECENT, HoleFiller, is_zeros
from tests.bench.holes import LEAD_FRAMES, Tone, call, declared_ms, snoop
from voicedrop.lab.impairment import Impairment

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


LOUD = 1000
BAD_STREAM = [sound(LOUD), ZERO] * BAD + [sound(LOUD)]


def held_back(frames: list[npt.NDArray[np.int16]]) -> int:
    """How many frames of zeros that follow are held back before they count as silence."""
    filler = HoleFiller()
    for frame in frames:
        filler.feed(frame)
    return next(count for count in range(MOST_IN_BAD + 1) if filler.feed(ZERO))


def test_in_a_bad_stream_longer_holes_are_filled() -> None:
    assert held_back(BAD_STREAM) == MOST_IN_BAD
    frames = [*BAD_STREAM, *[ZERO] * MOST_IN_BAD, sound(LOUD)]
    assert fed(frames)[-1] == [LOUD] * (MOST_IN_BAD + 1)


def test_a_stream_with_fewer_holes_is_not_bad() -> None:
    assert held_back([sound(LOUD), ZERO] * (BAD - 1) + [sound(LOUD)]) == MOST


def test_silence_does_not_make_it_good_but_sound_does() -> None:
    assert held_back([*BAD_STREAM, *[ZERO] * 500, sound(LOUD)]) == MOST_IN_BAD
    assert held_back([*BAD_STREAM, *[sound(LOUD)] * (RECENT - 2 * BAD)]) == MOST_IN_BAD
    assert held_back([*BAD_STREAM, *[sound(LOUD)] * RECENT]) == MOST


@pytest.mark.parametrize("quiet", ["before", "behind"])
def test_a_far_ends_own_silence_has_quiet_edges_and_is_no_bad_stream(quiet: str) -> None:
    fading = sound(LOUD)
    fading[FRAME // 2 :] = EDGE_LOUD - 1
    edges = [fading, ZERO, sound(LOUD)] if quiet == "before" else [sound(LOUD), ZERO, fading[::-1]]
    assert held_back([*edges * BAD * 2, sound(LOUD)]) == MOST


def test_the_loudest_sample_there_is_is_loud() -> None:
    assert held_back([sound(-32768), ZERO] * BAD + [sound(-32768)]) == MOST_IN_BAD


BAD_NETWORK = Impairment(loss=0.05, jitter_ms=30, seed=11)
LOOKED_AT = 5  # the beep's last places, at which holes can pass for its end
STREAMS = 2000


def cut_short(frames: list[npt.NDArray[np.int16]], beep: int) -> bool:
    """Are there more holes in a row than a good stream's, shortly before the last frame of a beep of so many frames?"""
    zeros = [is_zeros(frame) for frame in frames[: LEAD_FRAMES + beep + LOOKED_AT]]
    last = max(place for place, zero in enumerate(zeros) if not zero)
    return any(all(zeros[place - MOST : place + 1]) for place in range(last - LOOKED_AT, last))


@pytest.mark.parametrize(("pause", "five_in_a_row"), [(True, 1), (False, 0)])
def test_over_a_bad_network_a_beeps_end_is_not_declared_before_it(
    monkeypatch: pytest.MonkeyPatch, pause: bool, five_in_a_row: int
) -> None:
    """Of so many beeps those that holes cut short are heard. A mailbox of the lab records some 30 ms behind its beep,
    and a message is heard there some 10 ms behind the cue."""
    tone = Tone(hz=1000, length_ms=640, dbfs=-9, phase=0)
    sent = call(tone.packets, pause=pause)
    streams = (list(snoop(sent, BAD_NETWORK, stream)) for stream in range(STREAMS))
    hard = [frames for frames in streams if cut_short(frames, len(tone.packets))]
    in_time = tone.end_ms + 40
    first = [min(declared_ms(frames, filled=True)) for frames in hard]
    assert sum(at < in_time for at in first) == five_in_a_row
    latest_delay_ms = 2 * BAD_NETWORK.jitter_ms
    assert round(max(first)) <= tone.end_ms + latest_delay_ms + (MOST_IN_BAD + 1) * 20

    monkeypatch.setattr("dsp.holes.MOST_IN_BAD", MOST)
    first = [min(declared_ms(frames, filled=True)) for frames in hard]
    assert sum(at < in_time for at in first) > STREAMS // 50


@pytest.mark.parametrize("at", [0, 1, 79, 159])
def test_one_sample_is_enough_to_be_no_hole(at: int) -> None:
    frame = np.zeros(160, np.int16)
    assert is_zeros(frame)
    frame[at] = -1
    assert not is_zeros(frame)
