"""From the uploaded file to one channel at 16 kHz, block by block: no header decides how much memory it takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from voicedrop.errors import UploadError
from voicedrop.library.container import ACCEPTED, Container
from voicedrop.library.terms import Limits

Samples = npt.NDArray[np.float64]

WIDE_HZ: Final = 16000
"""Everything is prepared from this rate: it holds all that a wide-band call carries."""
SLOWEST_HZ: Final = 8000
"""The telephone's own rate; below it speech is not understood."""
FASTEST_HZ: Final = 192_000
"""The fastest that sound cards record."""
MOST_CHANNELS: Final = 8
"""7.1; nobody records a message with more."""
BLOCK_VALUES: Final = 1 << 17
"""Samples of all channels that are decoded at a time: half a megabyte."""
CLIPPED: Final = 0.999
"""Of full scale: a sample here or above has hit the ceiling …"""
CLIPPED_RUN: Final = 3
"""… if so many in a row have; one or two are an ordinary peak."""
ABSURD: Final = 1e6
"""Float samples above this (120 dB over full scale) are no sound. Integers stored as floats stay below it."""
CANCELLED: Final = 0.01
"""The channels' mean has less than so much of their mean power (-20 dB): one is the other turned over."""
_FORMATS: Final = {
    "WAV": ("WAV", "WAVEX"),
    "FLAC": ("FLAC",),
    "OGG": ("OGG",),
    "MP3": ("MP3", "MPEG"),
}
_MP3_DELAY_SAMPLES: Final = 4 * 1152
"""How much an MP3's length may differ from its header's: encoder's and decoder's delay."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What was uploaded, as one channel at `WIDE_HZ`."""

    samples: Samples
    rate_hz: int
    """Of the original, as its channels and the rest."""
    channels: int
    codec: str
    seconds: float
    peak_dbfs: float
    """Of the loudest sample of any channel; -inf: silent."""
    clipped_samples: int


@dataclass
class _Tally:
    """What is counted while the blocks go by."""

    frames: int = 0
    peak: float = 0.0
    clipped: int = 0
    mix_power: float = 0.0
    power: npt.NDArray[np.float64] | float = 0.0

    def add(self, block: npt.NDArray[np.float32]) -> None:
        magnitude = np.abs(block)
        highest = float(magnitude.max())
        if not highest < ABSURD:  # also true for NaN
            raise UploadError(
                "broken", "The file holds values that are no sound (NaN, infinite or absurd): export it anew"
            )
        self.frames += len(block)
        self.peak = max(self.peak, highest)
        if highest >= CLIPPED and len(block) >= CLIPPED_RUN:
            high = magnitude >= CLIPPED
            runs = high[: 1 - CLIPPED_RUN].copy()
            for late in range(1, CLIPPED_RUN):
                runs &= high[late : len(high) - CLIPPED_RUN + 1 + late]
            self.clipped += int(runs.sum())
        self.power = self.power + np.square(block, dtype=np.float64).sum(axis=0)
        self.mix_power += float(np.square(block.mean(axis=1, dtype=np.float64)).sum())


def read(path: Path, container: Container, limits: Limits) -> Recording:
    """Decode the file.

    Raises:
        UploadError: ``not-audio``, ``broken``, ``truncated``, ``empty``, ``too-long``, ``sample-rate`` or ``channels``.
    """
    try:
        with soundfile.SoundFile(path) as file:
            _reasonable(file, container)
            tally = _Tally()
            samples = _mixed(_blocks(file, limits, tally), file.samplerate, None)
            _all_there(file, tally)
            power = np.atleast_1d(tally.power)
            if tally.mix_power < CANCELLED * float(power.mean()):  # the mean would be silence: take the loudest alone
                file.seek(0)
                samples = _mixed(_blocks(file, limits, _Tally()), file.samplerate, int(power.argmax()))
            return Recording(
                samples=samples,
                rate_hz=file.samplerate,
                channels=file.channels,
                codec=str(file.subtype_info),
                seconds=tally.frames / file.samplerate,
                peak_dbfs=20 * np.log10(tally.peak) if tally.peak else -np.inf,
                clipped_samples=tally.clipped,
            )
    except soundfile.SoundFileError as error:
        why = str(getattr(error, "error_string", error)).rstrip(".")
        raise UploadError(
            "broken", f"The {container.format} file is damaged or cut off ({why}). Export it anew, as {ACCEPTED}"
        ) from error


def _reasonable(file: Any, container: Container) -> None:
    """The header, before anything is made as large as it says."""
    if file.format not in _FORMATS[container.format]:
        raise UploadError("not-audio", f"This is {file.format} within {container.format}. Upload it as {ACCEPTED}")
    if not SLOWEST_HZ <= file.samplerate <= FASTEST_HZ:
        raise UploadError(
            "sample-rate",
            f"Its sample rate is {file.samplerate} Hz; {SLOWEST_HZ} to {FASTEST_HZ} Hz can be used. "
            "Record or export it at 16000 Hz or more",
        )
    if not 1 <= file.channels <= MOST_CHANNELS:
        raise UploadError(
            "channels", f"It has {file.channels} channels; at most {MOST_CHANNELS} can be used. Export it as mono"
        )


def _blocks(file: Any, limits: Limits, tally: _Tally) -> Iterator[npt.NDArray[np.float32]]:
    """The samples in blocks (frames, channels), counted; stops at the cap."""
    most = round(limits.max_seconds * file.samplerate)
    block_frames = BLOCK_VALUES // file.channels
    while True:
        try:
            block = file.read(block_frames, dtype="float32", always_2d=True)
        except soundfile.SoundFileError as error:
            raise UploadError(
                "truncated",
                f"The file is cut off or damaged after {tally.frames / file.samplerate:.1f} s. Upload it again, or "
                "export it anew from the program that made it",
            ) from error
        if not len(block):
            return
        tally.add(block)
        if tally.frames > most:
            raise UploadError(
                "too-long",
                f"It is longer than {limits.max_seconds:g} s, the most that is read. Record a shorter message",
            )
        yield block


def _mixed(blocks: Iterator[npt.NDArray[np.float32]], rate_hz: int, channel: int | None) -> Samples:
    """The channels' mean, or one of them, at `WIDE_HZ`."""
    stream = soxr.ResampleStream(rate_hz, WIDE_HZ, 1, dtype="float32")
    parts = [
        stream.resample_chunk(np.ascontiguousarray(block.mean(axis=1) if channel is None else block[:, channel]))
        for block in blocks
    ]
    parts.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    return np.concatenate(parts).astype(np.float64)


def _all_there(file: Any, tally: _Tally) -> None:
    if not tally.frames:
        raise UploadError("empty", "The file has a header but no sound: the recording failed")
    missing = file.frames - tally.frames
    if missing > (_MP3_DELAY_SAMPLES if file.format in _FORMATS["MP3"] else 0):
        raise UploadError(
            "truncated",
            f"The file is cut off: its header promises {file.frames / file.samplerate:.1f} s, "
            f"{tally.frames / file.samplerate:.1f} s are there. Upload it again, or export it anew",
        )
