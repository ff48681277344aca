"""Telephone sounds made of numpy: float64, shape (n,), 8 kHz, 1.0 is full scale; `to_int16` at the end."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import numpy.typing as npt
import pytest
from scipy.signal import lfilter

from dsp import Detection, Detector

RATE_HZ = 8000
Sound = npt.NDArray[np.float64]
Samples = npt.NDArray[np.int16]


def times(ms: float) -> Sound:
    """Times of the samples, in seconds."""
    return np.arange(int(ms * RATE_HZ / 1000)) / RATE_HZ


def silence(ms: float) -> Sound:
    return np.zeros(len(times(ms)))


def tone(
    *hz: float,
    ms: float,
    dbfs: float = -12.0,
    chirp_hz_per_s: float = 0.0,
    decay_db_per_s: float = 0.0,
    drive: float = 1.0,
) -> Sound:
    """One or more sines of equal level together peaking at ``dbfs``; edges of 2 ms; ``drive`` clips."""
    t = times(ms)
    wave = sum(np.sin(2 * np.pi * (f * t + chirp_hz_per_s * t * t / 2)) for f in hz) / len(hz)
    wave = np.clip(wave * drive, -1, 1) * 10 ** ((dbfs - decay_db_per_s * t) / 20)
    edge = np.minimum(1.0, np.arange(len(t)) / 16)
    return np.asarray(wave * edge * edge[::-1])


def noise(ms: float, dbfs: float, seed: int = 1) -> Sound:
    """White noise whose power between 125 and 3500 Hz is ``dbfs`` re a full-scale sine."""
    rms = 10 ** (dbfs / 20) / np.sqrt(2) / np.sqrt(3375 / 4000)
    return np.random.default_rng(seed).normal(size=len(times(ms))) * rms


def speech(ms: float, dbfs: float = -20.0, pitch_hz: float = 120.0, seed: int = 1) -> Sound:
    """Syllables: glottal pulses of moving pitch through moving formants, fricatives and short pauses."""
    rng = np.random.default_rng(seed)
    vowels = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))
    out: list[Sound] = []
    pitch = pitch_hz
    while sum(map(len, out)) < len(times(ms)):
        length = rng.uniform(120, 260)
        t = times(length)
        goal = pitch_hz * rng.uniform(0.8, 1.3)
        glide = pitch + (goal - pitch) * t / t[-1]
        glide *= 1 + 0.01 * np.sin(2 * np.pi * 5 * t + rng.uniform(0, 6))
        pitch = goal
        phase = np.cumsum(glide) / RATE_HZ
        sound = np.diff(np.floor(phase), prepend=0.0) + rng.normal(size=len(t)) * 0.01
        here, there = (np.array(vowels[k], float) for k in rng.integers(len(vowels), size=2))
        block = 80
        for k in range(3):
            state, voiced = np.zeros(2), np.empty(len(sound))
            for at in range(0, len(sound), block):
                centre = here[k] + (there[k] - here[k]) * at / len(sound)
                radius = np.exp(-np.pi * (60 + 40 * k) / RATE_HZ)
                poles = [1, -2 * radius * np.cos(2 * np.pi * centre / RATE_HZ), radius**2]
                part = slice(at, at + block)
                voiced[part], state = lfilter([1 - radius], poles, sound[part], zi=state)
            sound = voiced
        out.append(sound / (np.max(np.abs(sound)) + 1e-9) * np.sin(np.pi * np.arange(len(t)) / len(t)) ** 0.4)
        hiss = rng.normal(size=int(rng.uniform(30, 90) * 8))
        out += [np.diff(hiss, prepend=0.0) * 0.05, silence(rng.uniform(10, 120))]
    joined = np.concatenate(out)[: len(times(ms))]
    return np.asarray(joined * 10 ** (dbfs / 20) / np.sqrt(2 * np.mean(joined**2)))


def sung(ms: float, pitch_hz: float, dbfs: float = -15.0, cents: float = 40.0) -> Sound:
    """A soprano's "oo": nearly a sine, with a vibrato of 5.5 Hz."""
    t = times(ms)
    hz = pitch_hz * 2 ** (cents / 1200 * np.sin(2 * np.pi * 5.5 * t))
    phase = 2 * np.pi * np.cumsum(hz) / RATE_HZ
    wave = np.sin(phase) + 0.25 * np.sin(2 * phase) + 0.08 * np.sin(3 * phase)
    return np.asarray(wave / 1.3 * 10 ** (dbfs / 20) * np.minimum(1, np.minimum(t, t[::-1]) / 0.04))


def cadence(*hz: float, on_ms: float, off_ms: float, times_: int, dbfs: float = -15.0) -> Sound:
    return np.concatenate([tone(*hz, ms=on_ms, dbfs=dbfs), silence(off_ms)] * times_)


def to_int16(sound: Sound) -> Samples:
    return np.clip(np.round(sound * 32767), -32768, 32767).astype(np.int16)


def ulaw(samples: Samples) -> Samples:
    """Through G.711 u-law and back, by the book: segment and four bits."""
    biased = np.minimum(np.abs(samples.astype(np.int32)), 32635) + 132
    step = 2 ** (np.floor(np.log2(biased)).astype(np.int32) - 4)
    value = biased // step * step + step // 2 - 132
    return (np.sign(samples) * value).astype(np.int16)


def alaw(samples: Samples) -> Samples:
    """Through G.711 A-law and back."""
    size = np.abs(samples.astype(np.int32))
    step = np.maximum(16, 2 ** (np.floor(np.log2(np.maximum(size, 256))).astype(np.int32) - 4))
    value = np.minimum(size // step * step + step // 2, 32256)
    return (np.where(samples < 0, -1, 1) * value).astype(np.int16)


def lossy(samples: Samples, share: float, seed: int = 1) -> Samples:
    """Frames of 20 ms lost and filled with zero."""
    rng = np.random.default_rng(seed)
    out = samples.copy()
    for at in range(0, len(out), 160):
        if rng.random() < share:
            out[at : at + 160] = 0
    return out


def hear(sound: Sound | Samples, chunk: int = 160) -> list[Detection]:
    """What a fresh detector says of it, fed in chunks of 20 ms."""
    samples = sound if sound.dtype == np.int16 else to_int16(np.asarray(sound, np.float64))
    detector = Detector()
    found: list[Detection] = []
    for at in range(0, len(samples), chunk):
        found += detector.feed(np.asarray(samples[at : at + chunk], np.int16))
    return found


def assert_alike(some: Sequence[Detection], others: Sequence[Detection]) -> None:
    """The same detections at the same times; frequencies, levels and the rest to 0.01."""
    assert [type(one) for one in some] == [type(other) for other in others]
    for one, other in zip(some, others, strict=True):
        for field in fields(one):
            assert getattr(one, field.name) == pytest.approx(getattr(other, field.name), abs=0.01), (one, other)
