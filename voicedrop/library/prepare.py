"""The steps from a recording to a message as a telephone carries it. Pure: arrays of floats in, full scale is 1."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pyloudnorm
import soundfile
import soxr
from scipy.ndimage import minimum_filter1d
from scipy.signal import firwin, oaconvolve

from voicedrop.library.decode import WIDE_HZ, Samples
from voicedrop.library.measure import FRAME_MS, active, levels_dbfs

NARROW_HZ: Final = 8000
NARROW_BAND_HZ: Final = (300.0, 3400.0)
"""The telephone's band (ITU-T G.712): what lies outside is lost on the way, but would count in the loudness."""
WIDE_BAND_HZ: Final = (50.0, 7000.0)
"""The band of wide-band telephony (ITU-T G.722)."""
FILTER_S: Final = 0.075
"""The length of the band filters: their edges are 44 Hz wide, less than the lowest edge is high."""
LEAD_MS: Final = 100
"""Silence before the first word: the far end's first packets may be late or lost."""
TRAIL_MS: Final = 200
"""What is left of the recording behind the last word: rooms and soft endings fade."""
TAIL_MS: Final = 200
"""Silence behind it: Asterisk loses a last part of a frame, and the far end often the last one or two."""
FADE_IN_MS: Final = 10
FADE_OUT_MS: Final = 50
"""Noise that begins or ends at once is heard as a click."""
PACKET_MS: Final = 20
"""Asterisk plays frames of this length; a message is a whole number of them."""
TARGET_LUFS: Final = -19.0
"""About as loud as people on a telephone: their speech lies at -26 dBov (ITU-T P.56) to -18."""
CEILING_DBTP: Final = -3.0
"""The highest true peak: codecs on the way overshoot by 1 to 2 dB."""
OVERSAMPLING: Final = 4
"""For the true peak (ITU-R BS.1770, annex 2)."""
PEAK_BLOCK_SAMPLES: Final = 1 << 18
"""So many are oversampled at a time: 8 MB, however long the message is."""
PEAK_OVERLAP_SAMPLES: Final = 1024
"""Longer than the resampler's filter: a block's ends are no ends of the sound."""
LIMITER_MS: Final = 10
"""How long before and after a peak the gain is lowered; shorter is heard as roughness."""
NEAR_ENOUGH_LU: Final = 0.1
ROUNDS: Final = 8
"""The limiter takes loudness away, so the gain is sought; two or three rounds do for speech."""
LOUDNESS_BLOCK_S: Final = 0.4
"""Shorter sound has no loudness (ITU-R BS.1770)."""
_INT16: Final = 32767


@dataclass(frozen=True, kw_only=True)
class Variant:
    """The message at one rate."""

    samples: Samples
    rate_hz: int
    loudness_lufs: float
    true_peak_dbtp: float


@dataclass(frozen=True)
class Cut:
    """Where the words are, in seconds of the recording."""

    first_s: float
    last_s: float


def variants(wide: Samples, telephone: Samples, cut: Cut) -> tuple[Variant, Variant]:
    """The 8 kHz and the 16 kHz message, equally long.

    Args:
        wide: the recording at `WIDE_HZ`, without its constant part.
        telephone: the same as `telephone_band` gives it.
        cut: where the words are.
    """
    return (
        _variant(telephone, NARROW_HZ, cut),
        _variant(band(wide, WIDE_HZ, WIDE_BAND_HZ), WIDE_HZ, cut),
    )


def _variant(samples: Samples, rate_hz: int, cut: Cut) -> Variant:
    words = faded(trimmed(samples, rate_hz, cut), rate_hz)
    loud, loudness = normalised(words, rate_hz)
    whole = padded(loud, rate_hz)
    return Variant(
        samples=whole, rate_hz=rate_hz, loudness_lufs=loudness, true_peak_dbtp=true_peak_dbtp(whole, rate_hz)
    )


def without_dc(samples: Samples) -> Samples:
    """Without its constant part, which bad sound cards add."""
    centred: Samples = samples - samples.mean()
    return centred


def telephone_band(wide: Samples) -> Samples:
    """16 kHz to 8 kHz, and only what a telephone carries."""
    return band(soxr.resample(wide, WIDE_HZ, NARROW_HZ), NARROW_HZ, NARROW_BAND_HZ)


def band(samples: Samples, rate_hz: int, edges_hz: tuple[float, float]) -> Samples:
    """Only what lies between the edges; nothing is shifted in time (linear phase)."""
    return np.asarray(oaconvolve(samples, _band_filter(rate_hz, edges_hz), mode="same"), dtype=np.float64)


@cache
def _band_filter(rate_hz: int, edges_hz: tuple[float, float]) -> Samples:
    taps = firwin(round(FILTER_S * rate_hz) | 1, edges_hz, pass_zero=False, fs=rate_hz)
    return np.asarray(taps, dtype=np.float64)


def words_of(narrow: Samples) -> Cut | None:
    """From the first word to the last; None: there is none. ``narrow`` is 8 kHz, telephone band."""
    frames = np.flatnonzero(active(levels_dbfs(narrow, NARROW_HZ)))
    if not len(frames):
        return None
    return Cut(float(frames[0]) * FRAME_MS / 1000, float(frames[-1] + 1) * FRAME_MS / 1000)


def trimmed(samples: Samples, rate_hz: int, cut: Cut) -> Samples:
    """From `LEAD_MS` before the first word to `TRAIL_MS` behind the last; silence where the recording has less."""
    first = round((cut.first_s - LEAD_MS / 1000) * rate_hz)
    last = round((cut.last_s + TRAIL_MS / 1000) * rate_hz)
    inside = samples[max(0, first) : last]
    return np.pad(inside, (max(0, -first), max(0, last - len(samples))))


def faded(samples: Samples, rate_hz: int) -> Samples:
    """Its ends rise and fall."""
    gains = np.ones(len(samples))
    rise, fall = rate_hz * FADE_IN_MS // 1000, rate_hz * FADE_OUT_MS // 1000
    gains[:rise] = np.linspace(0, 1, rise, endpoint=False)
    gains[-fall:] *= np.linspace(0, 1, fall, endpoint=False)[::-1]
    return samples * gains


def padded(samples: Samples, rate_hz: int) -> Samples:
    """With `TAIL_MS` of silence behind it, up to a whole frame of Asterisk's."""
    tail = rate_hz * TAIL_MS // 1000
    return np.pad(samples, (0, tail + -(len(samples) + tail) % (rate_hz * PACKET_MS // 1000)))


def loudness_lufs(samples: Samples, rate_hz: int) -> float:
    """The loudness of the whole (ITU-R BS.1770); -inf: silent, or shorter than `LOUDNESS_BLOCK_S`."""
    if len(samples) < LOUDNESS_BLOCK_S * rate_hz:
        return -np.inf
    return float(pyloudnorm.Meter(rate_hz).integrated_loudness(samples))


def true_peak_dbtp(samples: Samples, rate_hz: int) -> float:
    """The highest point of the wave between the samples too."""
    highest = float(_peaks(samples, rate_hz).max(initial=0.0))
    return 20 * float(np.log10(highest)) if highest else -np.inf


def _peaks(samples: Samples, rate_hz: int) -> Samples:
    """The highest point of the wave from each sample to the next; as long as the samples."""
    peaks = np.zeros(len(samples))
    for first in range(0, len(samples), PEAK_BLOCK_SAMPLES):
        begin, end = max(0, first - PEAK_OVERLAP_SAMPLES), min(len(samples), first + PEAK_BLOCK_SAMPLES)
        wave = np.abs(soxr.resample(samples[begin : end + PEAK_OVERLAP_SAMPLES], rate_hz, rate_hz * OVERSAMPLING))
        wave = wave[(first - begin) * OVERSAMPLING : (end - begin) * OVERSAMPLING]
        wave = np.pad(wave, (0, (end - first) * OVERSAMPLING - len(wave)))
        peaks[first:end] = wave.reshape(-1, OVERSAMPLING).max(axis=1)
    return peaks


def normalised(samples: Samples, rate_hz: int) -> tuple[Samples, float]:
    """At `TARGET_LUFS` with no true peak above `CEILING_DBTP`; and the loudness that was reached.

    The samples must have a loudness. What is all peaks (knocks) stays below the target.
    """
    gain_db = TARGET_LUFS - loudness_lufs(samples, rate_hz)
    for _ in range(ROUNDS):
        loud = limited(samples * 10 ** (gain_db / 20), rate_hz)
        reached = loudness_lufs(loud, rate_hz)
        if abs(TARGET_LUFS - reached) <= NEAR_ENOUGH_LU:
            break
        gain_db += TARGET_LUFS - reached
    return loud, reached


def limited(samples: Samples, rate_hz: int) -> Samples:
    """With the gain lowered smoothly around each true peak above the ceiling."""
    ceiling = 10 ** (CEILING_DBTP / 20)
    peaks = _peaks(samples, rate_hz)
    if peaks.max() <= ceiling:
        return samples
    reach = rate_hz * LIMITER_MS // 1000
    needed = minimum_filter1d(np.minimum(1.0, ceiling / np.maximum(peaks, ceiling)), 2 * reach + 1, mode="nearest")
    window = np.hanning(2 * reach + 1)  # no wider than the minimum reaches: no peak gets more gain than it may have
    gains = np.convolve(np.pad(needed, reach, mode="edge"), window / window.sum(), mode="valid")
    lowered: Samples = samples * gains
    left = 10 ** (true_peak_dbtp(lowered, rate_hz) / 20)
    return lowered * min(1.0, ceiling / left)  # the gain is no line between samples: hundredths of a dB


def as_int16(samples: Samples) -> npt.NDArray[np.int16]:
    return np.rint(np.clip(samples, -1, 1) * _INT16).astype(np.int16)


def wav(samples: Samples, rate_hz: int) -> bytes:
    """A WAV file of 16 bit, mono."""
    into = io.BytesIO()
    soundfile.write(into, as_int16(samples), rate_hz, subtype="PCM_16", format="WAV")
    return into.getvalue()


def as_heard(narrow: Samples) -> Samples:
    """Through the telephone's µ-law (ITU-T G.711) and back."""
    line = io.BytesIO()
    soundfile.write(line, as_int16(narrow), NARROW_HZ, subtype="ULAW", format="WAV")
    line.seek(0)
    return np.asarray(soundfile.read(line, dtype="float64")[0], dtype=np.float64)
