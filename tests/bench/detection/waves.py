"""Sounds made of numpy: float64, shape (n,), 8 kHz, 1.0 is full scale.

Levels are RMS re a full-scale sine: a sine with a peak of 1.0 is 0 dBFS.
"""

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt

from tests.bench.detection.recipe import RATE_HZ

Sound = npt.NDArray[np.float64]
Samples = npt.NDArray[np.int16]


def count(ms: float) -> int:
    """Samples in so many milliseconds."""
    return round(ms * RATE_HZ / 1000)


def times(ms: float) -> Sound:
    """Times of the samples, in seconds."""
    return np.arange(count(ms)) / RATE_HZ


def silence(ms: float) -> Sound:
    return np.zeros(count(ms))


def gain(db: float) -> float:
    return float(10 ** (db / 20))


def level_dbfs(sound: Sound) -> float:
    """RMS of all of it."""
    power = 2 * float(np.mean(sound**2)) if len(sound) else 0.0
    return 10 * float(np.log10(power)) if power > 1e-12 else -120.0


def to_level(sound: Sound, dbfs: float) -> Sound:
    """Scaled so that its RMS is ``dbfs``; silence stays silence."""
    now = level_dbfs(sound)
    return sound if now <= -120.0 else sound * gain(dbfs - now)


def speech_level_dbfs(sound: Sound) -> float:
    """RMS of the active part: the 20 ms blocks within 25 dB of the loudest tenth."""
    blocks = sound[: len(sound) // 160 * 160].reshape(-1, 160)
    if not len(blocks):
        return level_dbfs(sound)
    power = np.mean(blocks**2, axis=1)
    active = power[power > np.quantile(power, 0.9) * 10**-2.5]
    return 10 * float(np.log10(2 * np.mean(active))) if len(active) else -120.0


def edges(sound: Sound, ms: float) -> Sound:
    """Begins and ends with a ramp of ``ms``."""
    n = min(count(ms), len(sound) // 2)
    if n == 0:
        return sound
    shaped = sound.copy()
    ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(n) / n)
    shaped[:n] *= ramp
    shaped[-n:] *= ramp[::-1]
    return shaped


def sines(hz: tuple[float, ...], ms: float, dbfs: float, edge_ms: float = 3.0) -> Sound:
    """Sines of equal level, together ``dbfs``."""
    t = times(ms)
    wave = sum((np.sin(2 * np.pi * f * t) for f in hz), np.zeros(len(t)))
    return edges(wave * gain(dbfs) / np.sqrt(len(hz)), edge_ms)


def white(rng: np.random.Generator, n: int) -> Sound:
    return rng.normal(size=n)


def pink(rng: np.random.Generator, n: int) -> Sound:
    """White noise with 3 dB less an octave, by spectrum."""
    spectrum = np.fft.rfft(rng.normal(size=n))
    spectrum /= np.sqrt(np.maximum(1.0, np.arange(len(spectrum))))
    return np.asarray(np.fft.irfft(spectrum, n))


def band(sound: Sound, low_hz: float, high_hz: float) -> Sound:
    """Butterworth, 4th order, forward only: what a line does."""
    sos = butter(4, (low_hz, high_hz), "bandpass", fs=RATE_HZ, output="sos")
    return np.asarray(sosfilt(sos, sound))


def add(onto: Sound, sound: Sound, at: int) -> None:
    """Mix ``sound`` into ``onto`` from sample ``at`` on; what does not fit is left out."""
    first = max(0, at)
    last = min(len(onto), at + len(sound))
    if last > first:
        onto[first:last] += sound[first - at : last - at]


def to_int16(sound: Sound) -> Samples:
    return np.clip(np.round(sound * 32767), -32768, 32767).astype(np.int16)


def to_float(samples: Samples) -> Sound:
    return samples.astype(np.float64) / 32767
