"""What can be measured on a recording: where its words are, its noise, its pauses, its band. Pure; full scale is 1."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter1d, median_filter, minimum_filter1d, uniform_filter1d
from scipy.signal import welch

from voicedrop.library.decode import Samples

FRAME_MS: Final = 10
NOTHING_DBFS: Final = -120.0
"""Levels end here: below the least that 16 bit can hold."""
LOUD_FRAMES: Final = 7
"""The loudest place must last for half of so many frames: no knock is taken for a word."""
SMOOTH_FRAMES: Final = 3
ABOVE_NOISE_DB: Final = 8.0
"""A word is so much louder than the quietest twentieth of the recording …"""
QUIETEST_WORD_DB: Final = 35.0
"""… and no more than this below the loudest: soft consonants lie 25 to 30 dB below the vowels …"""
LOUDEST_NOISE_DB: Final = 12.0
"""… and whatever is within this of the loudest is a word: a recording with no pauses has no noise to go by."""
QUIETEST_SHARE: Final = 5  # per cent
SHORTEST_RUN_FRAMES: Final = 5
"""With the smoothing: sound shorter than 30 ms alone is a click of the mouse."""
MAILBOX_SILENCE_DBFS: Final = -48.0
"""What a mailbox takes for silence: Asterisk's voicemail has a mean of 128 of 32768 as its threshold."""
SPEECH_WINDOW_MS: Final = 500
SPEECH_SWING_DB: Final = 6.0
"""Levels of speech rise and fall by 15 dB and more within half a second; those of tones, hum and noise by 3 dB."""
LEAST_PAUSE_FRAMES: Final = 10
"""So much must lie between the words to say how noisy it is there."""
CLEANEST_DB: Final = 80.0
"""More than any microphone has: digital silence between the words."""
EDGE_DB: Final = 50.0
"""The band ends where the spectrum is so far below its highest. Speech falls by 25 to 35 dB up to 3400 Hz."""
SPECTRUM_SAMPLES: Final = 512
"""At 16 kHz: lines 31 Hz apart."""

Levels = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def levels_dbfs(samples: Samples, rate_hz: int) -> Levels:
    """The power of each frame of `FRAME_MS`; a last part of a frame is filled with zeros."""
    size = rate_hz * FRAME_MS // 1000
    frames = np.pad(samples, (0, -len(samples) % size)).reshape(-1, size)
    return _db(np.square(frames).mean(axis=1))


def _db(power: Levels) -> Levels:
    return 10 * np.log10(np.maximum(power, 10 ** (NOTHING_DBFS / 10)))


def loudest_dbfs(levels: Levels) -> float:
    """The level of the loudest place that lasts."""
    return float(median_filter(levels, LOUD_FRAMES, mode="constant", cval=NOTHING_DBFS).max(initial=NOTHING_DBFS))


def active(levels: Levels, *, at_least_dbfs: float = NOTHING_DBFS) -> Flags:
    """Which frames are part of words (or of anything else that sounds)."""
    loudest = loudest_dbfs(levels)
    if loudest <= NOTHING_DBFS:
        return np.zeros(len(levels), np.bool_)
    sounding = levels[levels > NOTHING_DBFS]
    noise = float(np.percentile(sounding, QUIETEST_SHARE))
    threshold = np.clip(noise + ABOVE_NOISE_DB, loudest - QUIETEST_WORD_DB, loudest - LOUDEST_NOISE_DB)
    smooth = _db(uniform_filter1d(10 ** (levels / 10), SMOOTH_FRAMES, mode="constant"))
    flags = smooth > max(float(threshold), at_least_dbfs)
    for first, end in _runs(flags):
        if end - first < SHORTEST_RUN_FRAMES:
            flags[first:end] = False
    return flags


def _runs(flags: Flags) -> list[tuple[int, int]]:
    """Where it is true: the first of each run and the one behind its last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def longest_pause(levels: Levels) -> tuple[float, float]:
    """The longest silence between words of a message at its final loudness, and when it begins, in seconds; 0: none."""
    runs = _runs(active(levels, at_least_dbfs=MAILBOX_SILENCE_DBFS))
    pauses = [(after[0] - before[1], before[1]) for before, after in pairwise(runs)]
    length, begin = max(pauses, default=(0, 0), key=lambda pause: pause[0])
    return length * FRAME_MS / 1000, begin * FRAME_MS / 1000


def noise_distance_db(levels: Levels) -> float | None:
    """How far the noise between the words lies below them; None: there is no pause to hear it in."""
    words = active(levels)
    around = maximum_filter1d(words.astype(np.int8), 2 * LEAST_PAUSE_FRAMES + 1) > 0  # words fade: not their noise
    between = levels[~around]
    if len(between) < LEAST_PAUSE_FRAMES or not words.any():
        return None
    speech = float(_db(np.mean(10 ** (levels[words] / 10), keepdims=True))[0])
    return min(CLEANEST_DB, speech - float(np.median(between)))


def speech_share(levels: Levels) -> float:
    """How much of the time somebody seems to speak (0 to 1): its level rises and falls as syllables do."""
    if not len(levels):
        return 0.0
    words = active(levels)
    smooth = _db(uniform_filter1d(10 ** (levels / 10), SMOOTH_FRAMES, mode="nearest"))
    window = SPEECH_WINDOW_MS // FRAME_MS | 1
    highest = maximum_filter1d(smooth, window, mode="nearest")
    swing = highest - minimum_filter1d(smooth, window, mode="nearest")
    return float((words & (swing >= SPEECH_SWING_DB)).mean())


def band_edge_hz(wide: Samples, rate_hz: int) -> float:
    """Up to which frequency there is sound."""
    lines, power = welch(wide, rate_hz, nperseg=min(SPECTRUM_SAMPLES, len(wide)))
    strong = np.flatnonzero(power >= power.max() * 10 ** (-EDGE_DB / 10))
    return float(lines[strong[-1]])
