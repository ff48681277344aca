"""From samples to one small measurement every 10 ms, of one stream or of many at once."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view

from dsp.recent import Recent, Samples, blocks
from dsp.rows import Floats, Numbers

SAMPLE_RATE_HZ: Final = 8000
HOP_SAMPLES: Final = 80
HOP_MS: Final = 10.0
WINDOW_SAMPLES: Final = 256
"""32 ms: tones 90 Hz apart (350 + 440 Hz) are still two peaks, and a 60 ms beep still fills it."""
WINDOW_CENTRE_MS: Final = WINDOW_SAMPLES / 2 / SAMPLE_RATE_HZ * 1000
"""A measurement speaks of the sound 16 ms (128 samples) before the samples that completed it."""
BIN_HZ: Final = SAMPLE_RATE_HZ / WINDOW_SAMPLES
_OVERLAP_SAMPLES: Final = WINDOW_SAMPLES - HOP_SAMPLES
_FIRST_BIN: Final = 4
"""125 Hz: with a Hann window neither DC nor mains hum reaches it."""
_LAST_BIN: Final = 112
"""3500 Hz: the end of the telephone band."""
_BINS: Final = _LAST_BIN - _FIRST_BIN + 1
_LOBE: Final = 2
"""A Hann window spreads a steady tone over its bin and two more on either side."""
_NO_LOBE: Final = [0.0] * (2 * _LOBE + 1)
_AROUND: Final = np.arange(-_LOBE, _LOBE + 1)
_NEAR: Final = np.arange(-1, 2)
_HARMONICS: Final = (2, 3)
SILENCE_DBFS: Final = -100.0
_SILENCE_POWER: Final = 1e-10
_FAINT_POWER: Final = 10**-6.0
"""Below -60 dBFS nobody asks for peaks: neither beeps nor speech are so faint."""
_MANY: Final = 8
"""From so many windows on measuring them all at once costs less than one after another: 1 us each instead of 15."""
_AT_ONCE: Final = 256
"""No more windows than this in one go: 256 kB of them and of their spectra stay in a core's cache. Of 2000 each costs
1.8 times as much."""
_NO_ZERO: Final = 1e-20
"""Added to every power where many are measured, so that nothing is divided by zero."""

_hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW_SAMPLES) / WINDOW_SAMPLES)
# Scaled so that the powers of a tone's bins add up to its power re a full-scale sine.
_scaled = _hann * (math.sqrt(4 / (WINDOW_SAMPLES * float(np.sum(_hann**2)))) / 32768)
_angles = 2 * np.pi / WINDOW_SAMPLES * np.outer(np.arange(_FIRST_BIN, _LAST_BIN + 1), np.arange(WINDOW_SAMPLES))
_TAPER: Final = _scaled.astype(np.float32)
_GOERTZEL: Final = np.concatenate([np.cos(_angles) * _scaled, np.sin(_angles) * _scaled]).astype(np.float32)
"""A bank of Goertzel filters at 31.25 Hz spacing, as one matrix."""

FIGURES: Final = 7
"""All of a `Hop` but its end."""

_Singles = npt.NDArray[np.float32]


class Peak(NamedTuple):
    """A local maximum of the spectrum; its frequency is interpolated between bins."""

    hz: float
    dbfs: float


class Hop(NamedTuple):
    """What one window of 32 ms sounds like."""

    end_ms: float
    """Stream time of the end of the window, a multiple of 10 ms."""
    dbfs: float
    """Everything between 125 and 3500 Hz."""
    tonality: float
    """The share of the power in the two peaks and in the first one's harmonics, 0 to 1."""
    first_hz: float
    first_dbfs: float
    """The strongest peak between 190 and 3440 Hz."""
    width: float
    """The share of the first one's power in the outermost bins of its lobe: above 0.02 it is not one tone."""
    second_hz: float
    second_dbfs: float
    """The strongest one when the first is taken away."""

    @property
    def first(self) -> Peak:
        return Peak(self.first_hz, self.first_dbfs)

    @property
    def second(self) -> Peak:
        return Peak(self.second_hz, self.second_dbfs)


class Stream:
    """The samples of a stream, and how far they have been measured. Before the first one there is silence."""

    def __init__(self) -> None:
        self._samples = 0
        self.recent = Recent()

    @property
    def now_ms(self) -> float:
        """The end of the samples fed so far."""
        return self._samples * 1000 / SAMPLE_RATE_HZ

    def feed(self, samples: Samples) -> list[Hop]:
        """Take samples, int16 of shape (n,), any n: a `Hop` each time 80 more are complete, in order."""
        hops: list[Hop] = []
        for block in blocks(samples):
            joined, ended = self.join(block)
            starts = range(0, len(joined) - WINDOW_SAMPLES + 1, HOP_SAMPLES)
            if len(starts) < _MANY:
                figures = [_measure_one(joined[start : start + WINDOW_SAMPLES]) for start in starts]
            else:
                figures = measure(joined, np.array(starts)).T.tolist()
            hops += [Hop((ended + k + 1) * HOP_MS, *one) for k, one in enumerate(figures)]
        return hops

    def join(self, samples: Samples) -> tuple[Samples, int]:
        """Take no more than `BLOCK_SAMPLES`. Gives the samples in which the new windows are, one every 80, and how many
        windows there were before."""
        ended, waiting = divmod(self._samples, HOP_SAMPLES)
        self._samples += len(samples)
        return self.recent.feed(samples, _OVERLAP_SAMPLES + waiting), ended


class Round(NamedTuple):
    """A hop of each of some streams."""

    which: Numbers
    """Of the streams, shape (n,), ascending."""
    end_ms: Floats
    figures: Floats
    """Shape (7, n): all of `Hop` but its end."""


def feed_streams(streams: Sequence[Stream], samples: Sequence[Samples]) -> list[Round]:
    """`Stream.feed` of each stream with its samples, all measured in one pass: first the next hop of each that has one,
    then the one after that. Each may be named only once, and gets no more than `BLOCK_SAMPLES`."""
    joined, ended = zip(*map(Stream.join, streams, samples), strict=True) if streams else ((), ())
    lengths, before = np.array([len(one) for one in joined], np.intp), np.array(ended, np.intp)
    counts, offsets = (lengths - _OVERLAP_SAMPLES) // HOP_SAMPLES, np.cumsum(lengths) - lengths
    rounds = [np.flatnonzero(counts > nth) for nth in range(counts.max(initial=0))]
    if not rounds:
        return []
    starts = np.concatenate([offsets[which] + nth * HOP_SAMPLES for nth, which in enumerate(rounds)])
    ends = np.cumsum([len(which) for which in rounds])
    figures = np.split(measure(np.concatenate(joined), starts), ends[:-1], axis=1)
    return [
        Round(which, np.asarray((before[which] + nth + 1) * HOP_MS), figures[nth]) for nth, which in enumerate(rounds)
    ]


def measure(samples: Samples, starts: Numbers) -> Floats:
    """All of `Hop` but its end, of each window of 256 samples: int16 of shape (n,), and where each window starts, shape
    (m,). Shape (7, m)."""
    figures = np.empty((FIGURES, len(starts)))
    if len(starts) < _MANY:
        for k, start in enumerate(starts.tolist()):
            figures[:, k] = _measure_one(samples[start : start + WINDOW_SAMPLES])
    else:
        windows = sliding_window_view(samples, WINDOW_SAMPLES)
        for at in range(0, len(starts), _AT_ONCE):
            some = slice(at, at + _AT_ONCE)
            _measure_many(windows[starts[some]], figures[:, some])
    return figures


def decibels(power: float) -> float:
    """Power re a full-scale sine, in dBFS, never below ``SILENCE_DBFS``."""
    return 10.0 * math.log10(power) if power > _SILENCE_POWER else SILENCE_DBFS


def _measure_one(window: Samples) -> tuple[float, ...]:
    parts = _GOERTZEL @ window.astype(np.float32)
    parts *= parts
    power = parts[:_BINS] + parts[_BINS:]
    bins: list[float] = power.tolist()
    total = sum(bins)
    if total < _FAINT_POWER:
        return decibels(total), 0.0, 0.0, SILENCE_DBFS, 0.0, 0.0, SILENCE_DBFS
    inner = power[_LOBE:-_LOBE]
    first = _LOBE + int(inner.argmax())
    lobe = bins[first - _LOBE : first + _LOBE + 1]
    first_hz = _interpolate(bins, first)
    first_power = sum(lobe)
    width = (lobe[0] + lobe[-1]) / first_power
    # Take the first peak's lobe away and look again; then the second's, for the harmonics.
    power[first - _LOBE : first + _LOBE + 1] = 0.0
    second = _LOBE + int(inner.argmax())
    second_hz = _interpolate(bins, second)
    bins[first - _LOBE : first + _LOBE + 1] = _NO_LOBE
    second_power = sum(bins[second - _LOBE : second + _LOBE + 1])
    bins[second - _LOBE : second + _LOBE + 1] = _NO_LOBE
    tones = first_power + second_power
    for times in _HARMONICS:
        k = round(first_hz * times / BIN_HZ) - _FIRST_BIN
        if k + _LOBE < _BINS:
            tones += sum(bins[k - 1 : k + 2])
    return (
        decibels(total),
        min(1.0, tones / total),
        first_hz,
        decibels(first_power),
        width,
        second_hz,
        decibels(second_power),
    )


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


def _measure_many(windows: Samples, figures: Floats) -> None:
    """As `_measure_one`, step by step, of all at once, into ``figures``; the filters' outputs are those of a Fourier
    transform."""
    spectrum = scipy.fft.rfft(windows * _TAPER, axis=1)[:, _FIRST_BIN : _LAST_BIN + 1]
    power: _Singles = spectrum.real**2
    power += spectrum.imag**2
    total = power.sum(axis=1)
    power += _NO_ZERO
    whole, left = power, power.copy()
    first, lobe = _take_peak(left)
    first_hz, first_power = _interpolate_all(whole, first), lobe.sum(axis=1)
    width = (lobe[:, 0] + lobe[:, -1]) / first_power
    second, lobe = _take_peak(left)
    second_hz, second_power = _interpolate_all(whole, second), lobe.sum(axis=1)
    tones = first_power + second_power
    for times in _HARMONICS:
        k = np.rint(first_hz * (times / BIN_HZ)).astype(np.intp) - _FIRST_BIN
        inside = k + _LOBE < _BINS
        around = left.take(_flat(np.where(inside, k, _LOBE))[:, None] + _NEAR)
        tones += np.where(inside, around.sum(axis=1), 0.0)
    tonality = np.minimum(1.0, tones / np.maximum(total, _NO_ZERO))
    faint = total < _FAINT_POWER
    if faint.any():
        for measured in (first_hz, first_power, width, second_hz, second_power, tonality):
            measured[faint] = 0.0
    dbfs, first_dbfs, second_dbfs = 10.0 * np.log10(np.maximum((total, first_power, second_power), _SILENCE_POWER))
    for into, measured in zip(
        figures, (dbfs, tonality, first_hz, first_dbfs, width, second_hz, second_dbfs), strict=True
    ):
        into[:] = measured


def _flat(bins: Numbers) -> Numbers:
    """Where one bin of each row, shape (m,), is in a flattened array of shape (m, _BINS)."""
    return np.arange(len(bins)) * _BINS + bins


def _take_peak(power: _Singles) -> tuple[Numbers, _Singles]:
    """The strongest bin of each row, shape (m,), and its lobe, (m, 5), which is taken away."""
    bins = power[:, _LOBE:-_LOBE].argmax(axis=1) + _LOBE
    where = _flat(bins)[:, None] + _AROUND
    lobe = power.take(where)
    power.reshape(-1)[where] = 0.0
    return bins, lobe


def _interpolate_all(power: _Singles, bins: Numbers) -> Floats:
    """As `_interpolate`, of one bin of each row."""
    left, here, right = power.take(_flat(bins)[:, None] + _NEAR).T
    ratio = np.sqrt(np.maximum(left, right) / here)
    offset = np.minimum(0.5, (2 * ratio - 1) / (1 + ratio))
    return np.asarray((bins + _FIRST_BIN + np.where(left > right, -offset, offset)) * BIN_HZ)
