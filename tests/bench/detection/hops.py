"""`dsp.spectrum.Spectrum` over a whole recording at once, for work that listens to days of sound."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from dsp import spectrum
from dsp.spectrum import BIN_HZ, HOP_MS, HOP_SAMPLES, SILENCE_DBFS, WINDOW_SAMPLES, Hop, Peak, Spectrum
from tests.bench.detection.waves import Samples

Powers = npt.NDArray[np.float64]
_AT_ONCE: Final = 4096
_FIRST_BIN: Final = spectrum._FIRST_BIN
_LOBE: Final = spectrum._LOBE
_LOBE_BINS: Final = np.arange(-_LOBE, _LOBE + 1)


def hops_of(samples: Samples) -> Iterator[Hop]:
    """What `Spectrum.feed` yields for int16 of shape (n,), to the rounding of float32."""
    n = len(samples) // HOP_SAMPLES
    if n == 0:
        return
    sound = np.concatenate(
        [np.zeros(WINDOW_SAMPLES - HOP_SAMPLES, np.float32), samples[: n * HOP_SAMPLES].astype(np.float32)]
    )
    windows = np.lib.stride_tricks.sliding_window_view(sound, WINDOW_SAMPLES)[::HOP_SAMPLES][:n]
    bank = Spectrum()._bank.T
    end_ms = 0.0
    for k in range(0, n, _AT_ONCE):
        parts = windows[k : k + _AT_ONCE] @ bank
        parts *= parts
        half = parts.shape[1] // 2
        for dbfs, hz, level, width, other_hz, other, tonality in _measured(parts[:, :half] + parts[:, half:]):
            end_ms += HOP_MS
            yield Hop(end_ms, dbfs, Peak(hz, level), width, Peak(other_hz, other), tonality)


def _measured(power: npt.NDArray[np.float32]) -> list[list[float]]:
    """Shape (hops, bins) to a hop's seven figures each."""
    whole = power.astype(np.float64)
    bins = whole.copy()
    rows = np.arange(len(bins))[:, None]
    total = bins.sum(1)
    first = _strongest(power)
    lobe = bins[rows, first[:, None] + _LOBE_BINS]
    first_hz, first_power = _interpolated(whole, first), lobe.sum(1)
    power[rows, first[:, None] + _LOBE_BINS] = 0.0
    bins[rows, first[:, None] + _LOBE_BINS] = 0.0
    second = _strongest(power)
    second_hz = _interpolated(whole, second)
    second_power = bins[rows, second[:, None] + _LOBE_BINS].sum(1)
    bins[rows, second[:, None] + _LOBE_BINS] = 0.0
    tones = first_power + second_power
    for times in (2, 3):
        k = np.round(first_hz * times / BIN_HZ).astype(int) - _FIRST_BIN
        inside = k + _LOBE < bins.shape[1]
        near = np.where(inside, k, 1)[:, None] + np.arange(-1, 2)
        tones += np.where(inside, bins[rows, near].sum(1), 0.0)
    some = np.maximum(total, 1e-30)
    figures = np.stack(
        [
            _decibels(total),
            first_hz,
            _decibels(first_power),
            (lobe[:, 0] + lobe[:, -1]) / np.maximum(first_power, 1e-30),
            second_hz,
            _decibels(second_power),
            np.minimum(1.0, tones / some),
        ],
        axis=1,
    )
    faint = total < spectrum._FAINT_POWER
    figures[faint, 1:] = (0.0, SILENCE_DBFS, 0.0, 0.0, SILENCE_DBFS, 0.0)
    rows_of_figures: list[list[float]] = figures.tolist()
    return rows_of_figures


def _strongest(power: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
    return _LOBE + power[:, _LOBE:-_LOBE].argmax(1)


def _interpolated(power: Powers, k: npt.NDArray[np.intp]) -> Powers:
    rows = np.arange(len(k))
    left, here, right = power[rows, k - 1], power[rows, k], power[rows, k + 1]
    ratio = np.sqrt(np.maximum(left, right) / np.maximum(here, 1e-30))
    offset = np.minimum(0.5, (2 * ratio - 1) / (1 + ratio)) * np.where(left > right, -1, 1)
    return np.asarray((k + _FIRST_BIN + np.where(here > 0.0, offset, 0.0)) * BIN_HZ)


def _decibels(power: Powers) -> Powers:
    return np.where(power > spectrum._SILENCE_POWER, 10 * np.log10(np.maximum(power, 1e-30)), SILENCE_DBFS)
