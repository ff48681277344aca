"""Synthetic speech and what telephone networks do to it. Audio: float64, shape (samples,), ±1.0, 8 kHz."""

import io

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import signal

Audio = NDArray[np.float64]
RATE = 8000


def samples(ms: float) -> int:
    return round(ms * RATE / 1000)


def silence(ms: float) -> Audio:
    return np.zeros(samples(ms))


def tone(ms: float, hz: float = 1000.0, level: float = 0.3) -> Audio:
    return level * np.sin(2 * np.pi * hz * np.arange(samples(ms)) / RATE)


def speech(seed: int, ms: float) -> Audio:
    """Syllables of pulses and noise shaped by three formants, pauses between; sound from the first ms to the last."""
    rng = np.random.default_rng(seed)
    parts: list[Audio] = []
    while sum(map(len, parts)) < samples(ms):
        length = samples(rng.uniform(120, 320))
        excitation = rng.normal(size=length) * rng.choice([0.01, 0.03, 0.3])
        excitation[:: RATE // int(rng.uniform(90, 220))] += 3.0
        for low, high in ((250, 800), (900, 2200), (2300, 3400)):
            b, a = signal.iirpeak(rng.uniform(low, high), Q=4, fs=RATE)
            excitation = 0.3 * excitation + 4 * signal.lfilter(b, a, excitation)
        syllable = excitation * signal.windows.tukey(length, 0.4)
        parts += [syllable * rng.uniform(0.4, 1.0) / np.max(np.abs(syllable)), silence(rng.uniform(20, 250))]
    audio = 0.5 * np.concatenate(parts)[: samples(ms)]
    audio[: samples(40)] += 0.05 * rng.normal(size=samples(40))
    audio[-samples(40) :] += 0.05 * rng.normal(size=samples(40))
    return audio


def ulaw(audio: Audio) -> Audio:
    """There and back through 8-bit mu-law."""
    compressed = np.sign(audio) * np.log1p(255 * np.minimum(np.abs(audio), 1)) / np.log(256)
    coarse = np.round(compressed * 127) / 127
    return np.sign(coarse) * np.expm1(np.abs(coarse) * np.log(256)) / 255


def gsm(audio: Audio) -> Audio:
    """There and back through GSM 06.10."""
    file = io.BytesIO()
    soundfile.write(file, audio, RATE, format="WAV", subtype="GSM610")
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float64")
    return decoded[: len(audio)]


def noisy(audio: Audio, level_db: float = -40.0) -> Audio:
    return audio + np.random.default_rng(1).normal(size=len(audio)) * 10 ** (level_db / 20)


def quiet(audio: Audio) -> Audio:
    return 0.1 * audio


def dropouts(audio: Audio) -> Audio:
    """40 ms of silence every 730 ms."""
    holes = audio.copy()
    for start in range(samples(500), len(audio), samples(730)):
        holes[start : start + samples(40)] = 0
    return holes
