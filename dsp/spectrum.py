"""From samples to one small measurement every 10 ms."""

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

SAMPLE_RATE_HZ: Final = 8000
HOP_SAMPLES: Final = 80
HOP_MS: Final = 10.0
WINDOW_SAMPLES: Final = 256
"""32 ms: tones 90 Hz apart (350 + 440 Hz) are still two peaks, and a 60 ms beep still fills it."""
WINDOW_CENTRE_MS: Final = WINDOW_SAMPLES / 2 / SAMPLE_RATE_HZ * 1000
"""A measurement speaks of the sound 16 ms (128 samples) before the samples that completed it."""
BIN_HZ: Final = SAMPLE_RATE_HZ / WINDOW_SAMPLES
_FIRST_BIN: Final = 4
"""125 Hz: with a Hann window neither DC nor mains hum reaches it."""
_LAST_BIN: Final = 112
"""3500 Hz: the end of the telephone band."""
_NO_LOBE: Final = [0.0] * 5
_LOBE: Final = 2
"""A Hann window spreads a steady tone over its bin and two more on either side."""
SILENCE_DBFS: Final = -100.0
_SILENCE_POWER: Final = 1e-10
_FAINT_POWER: Final = 10**-6.0
"""Below -60 dBFS nobody asks for peaks: neither beeps nor speech are so faint."""


class Peak(NamedTuple):
    """A local maximum of the spectrum."""

    hz: float
    dbfs: float


_NO_PEAK: Final = Peak(0.0, SILENCE_DBFS)


class Hop(NamedTuple):
    """What one window of 32 ms sounds like."""

    end_ms: float
    """Stream time of the end of the window, a multiple of 10 ms."""
    dbfs: float
    """Everything between 125 and 3500 Hz."""
    first: Peak
    """The strongest peak between 190 and 3440 Hz."""
    width: float
    """The share of the first one's power in the outermost bins of its lobe: above 0.02 it is not one tone."""
    second: Peak
    """The strongest one when the first is taken away."""
    tonality: float
    """The share of the power in these two and in the first one's harmonics, 0 to 1."""


def decibels(power: float) -> float:
    """Power re a full-scale sine, in dBFS, never below ``SILENCE_DBFS``."""
    return 10.0 * math.log10(power) if power > _SILENCE_POWER else SILENCE_DBFS


class Spectrum:
    """A bank of Goertzel filters at 31.25 Hz spacing, as one matrix; peaks are interpolated between bins.

    Input: int16, mono, 8 kHz, shape (n,), any n. Output: one `Hop` per 80 samples. Delay: 128 samples
    (16 ms), half the window. State: the last 256 samples, float32 in int16's scale, at first silence.
    """

    def __init__(self) -> None:
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW_SAMPLES) / WINDOW_SAMPLES)
        # Scaled so that the powers of a tone's bins add up to its power re a full-scale sine.
        scale = math.sqrt(4 / (WINDOW_SAMPLES * float(np.sum(hann**2)))) / 32768
        bins = np.arange(_FIRST_BIN, _LAST_BIN + 1)
        angles = 2 * np.pi / WINDOW_SAMPLES * np.outer(bins, np.arange(WINDOW_SAMPLES))
        self._bank: npt.NDArray[np.float32] = np.concatenate(
            [np.cos(angles) * hann * scale, np.sin(angles) * hann * scale]
        ).astype(np.float32)
        self._bins = len(bins)
        self._window: npt.NDArray[np.float32] = np.zeros(WINDOW_SAMPLES, np.float32)
        self._filled = 0
        self._samples = 0

    @property
    def now_ms(self) -> float:
        """The end of the samples fed so far."""
        return self._samples * 1000 / SAMPLE_RATE_HZ

    def feed(self, samples: npt.NDArray[np.int16]) -> Iterator[Hop]:
        """Take samples, int16 of shape (n,), and yield a `Hop` each time 80 more are complete."""
        position = 0
        window = self._window
        while position < len(samples):
            take = min(HOP_SAMPLES - self._filled, len(samples) - position)
            # The newest hop is the last 80 samples of the window; it moves on when it is full.
            if self._filled == 0:
                window[:-HOP_SAMPLES] = window[HOP_SAMPLES:]
            at = WINDOW_SAMPLES - HOP_SAMPLES + self._filled
            window[at : at + take] = samples[position : position + take]
            position += take
            self._filled += take
            self._samples += take
            if self._filled == HOP_SAMPLES:
                self._filled = 0
                yield self._measure()

    def _measure(self) -> Hop:
        parts = self._bank @ self._window
        parts *= parts
        power = parts[: self._bins] + parts[self._bins :]
        bins: list[float] = power.tolist()
        total = sum(bins)
        if total < _FAINT_POWER:
            return Hop(self.now_ms, decibels(total), _NO_PEAK, 0.0, _NO_PEAK, 0.0)
        inner = power[_LOBE:-_LOBE]
        first = _LOBE + int(inner.argmax())
        lobe = bins[first - _LOBE : first + _LOBE + 1]
        first_hz = self._interpolate(bins, first)
        first_power = sum(lobe)
        width = (lobe[0] + lobe[-1]) / first_power
        # Take the first peak's lobe away and look again; then the second's, for the harmonics.
        power[first - _LOBE : first + _LOBE + 1] = 0.0
        second = _LOBE + int(inner.argmax())
        second_hz = self._interpolate(bins, second)
        bins[first - _LOBE : first + _LOBE + 1] = _NO_LOBE
        second_power = sum(bins[second - _LOBE : second + _LOBE + 1])
        bins[second - _LOBE : second + _LOBE + 1] = _NO_LOBE
        tones = first_power + second_power
        for times in (2, 3):
            k = round(first_hz * times / BIN_HZ) - _FIRST_BIN
            if k + _LOBE < self._bins:
                tones += sum(bins[k - 1 : k + 2])
        return Hop(
            self.now_ms,
            decibels(total),
            Peak(first_hz, decibels(first_power)),
            width,
            Peak(second_hz, decibels(second_power)),
            min(1.0, tones / total),
        )

    @staticmethod
    def _interpolate(power: list[float], k: int) -> float:
        """Frequency in Hz of the peak at bin index ``k``.

        For a steady tone under a Hann window the two largest amplitudes stand in the ratio (1+d)/(2-d),
        where d is how far the tone is from the larger one's bin, in bins. Solved for d.
        """
        left, here, right = power[k - 1], power[k], power[k + 1]
        if here <= 0.0:
            return (k + _FIRST_BIN) * BIN_HZ
        ratio = math.sqrt(max(left, right) / here)
        offset = min(0.5, (2 * ratio - 1) / (1 + ratio))
        return (k + _FIRST_BIN + (-offset if left > right else offset)) * BIN_HZ
