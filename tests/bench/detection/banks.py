"""What the bank costs: many streams in step, as many live taps."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from dsp import DetectorBank, DetectorSettings
from tests.bench.detection import recipe
from tests.bench.detection.ears import FRAME_SAMPLES
from tests.bench.detection.manifest import Recording
from tests.bench.detection.waves import Samples

STREAMS: Final = (200, 1000)
SECONDS: Final = 10
"""Of each stream: two hundred are half an hour of audio."""


def cost(recordings: Sequence[Recording], read: Callable[[Recording], Samples]) -> dict[str, float]:
    """CPU seconds of one core for an hour of one stream, with so many streams at once; of `feed` alone, and as the
    engine's bank is set: no tone is named."""
    return {str(count): round(_cost(count, recordings, read), 2) for count in STREAMS}


def _cost(count: int, recordings: Sequence[Recording], read: Callable[[Recording], Samples]) -> float:
    """Each stream is a part of the corpus: recordings one after another in a random order, so that all kinds of
    sound have their share of the time, cut wherever it happens to be full."""
    samples = SECONDS * recipe.RATE_HZ
    order = np.random.default_rng(count).permutation(len(recordings))
    sound = np.zeros(0, np.int16)
    streams: list[Samples] = []
    at = 0
    while len(streams) < count:
        while len(sound) < samples:
            sound = np.concatenate([sound, read(recordings[order[at % len(order)]])])
            at += 1
        streams.append(sound[:samples])
        sound = sound[samples:]
    bank: DetectorBank[int] = DetectorBank(DetectorSettings(names=False))
    for number in range(count):
        bank.add(number)
    spent = 0.0
    for at in range(0, samples, FRAME_SAMPLES):
        frames = {number: stream[at : at + FRAME_SAMPLES] for number, stream in enumerate(streams)}
        began = time.process_time()
        bank.feed(frames)
        spent += time.process_time() - began
    return spent / (count * SECONDS) * 3600
