"""Sound files as the telephone would bring them: one channel, 8 kHz, int16, block by block."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import soundfile
from scipy.signal import resample_poly

from voicedrop.errors import SoundError

RATE_HZ: Final = 8000
FRAME_SAMPLES: Final = 160
"""20 ms."""
_BLOCK_MS: Final = 10_000
_FILTER_REACH: Final = 10
"""`resample_poly` looks so many samples of the lower rate to either side."""

Samples = npt.NDArray[np.int16]


def frames(path: Path, channel: int) -> Iterator[Samples]:
    """The file in frames of 20 ms; a last part of a frame comes as it is. ``channel`` counts from 1.

    Raises:
        SoundError: it cannot be read, or has no such channel.
    """
    rest = np.zeros(0, np.int16)
    for block in blocks(path, channel):
        whole = np.concatenate([rest, block]) if len(rest) else block
        full = len(whole) - len(whole) % FRAME_SAMPLES
        for at in range(0, full, FRAME_SAMPLES):
            yield whole[at : at + FRAME_SAMPLES]
        rest = whole[full:]
    if len(rest):
        yield rest


def blocks(path: Path, channel: int) -> Iterator[Samples]:
    """The same in blocks of some seconds, so that hours of audio need little memory.

    Raises:
        SoundError: see `frames`.
    """
    try:
        path.open("rb").close()  # the system says why not in better words than libsndfile
        with soundfile.SoundFile(path) as file:
            if not 1 <= channel <= file.channels:
                has = "1 channel" if file.channels == 1 else f"{file.channels} channels"
                raise SoundError(f"{path}: there is no channel {channel}, it has {has}")
            yield from _resampled(file, channel - 1)
    except (soundfile.SoundFileError, OSError) as error:
        raise SoundError(f"{path}: cannot be read as a sound file ({_plain(error)})") from error


def _resampled(file: Any, column: int) -> Iterator[Samples]:
    """Block by block, each with enough of its neighbours that the joints cannot be heard."""
    divisor = math.gcd(file.samplerate, RATE_HZ)
    up, down = RATE_HZ // divisor, file.samplerate // divisor
    if up == down:
        while len(block := _read(file, _BLOCK_MS * RATE_HZ // 1000, column)):
            yield _to_int16(block)
        return
    # In steps of `down` samples of the file, which are `up` samples of ours.
    steps = max(1, _BLOCK_MS * file.samplerate // (1000 * down))
    margin = 1 + _FILTER_REACH * max(up, down) // (up * down)
    before = np.zeros(0)
    block = _read(file, steps * down, column)
    while len(block):
        after = _read(file, max(steps, margin) * down, column)
        made = resample_poly(np.concatenate([before, block, after[: margin * down]]), up, down)
        skip = len(before) // down * up
        yield _to_int16(made[skip : skip + -(-len(block) * up // down)])
        before = block[-margin * down :] if len(block) % down == 0 else np.zeros(0)  # only the last one is uneven
        block = after


def _read(file: Any, count: int, column: int) -> npt.NDArray[np.float64]:
    return np.asarray(file.read(count, dtype="float64", always_2d=True)[:, column])


def _to_int16(sound: npt.NDArray[np.float64]) -> Samples:
    return np.clip(np.round(np.nan_to_num(sound) * 32768), -32768, 32767).astype(np.int16)


def _plain(error: Exception) -> str:
    """libsndfile's own words, or the system's, without the file's name."""
    words = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return str(words).strip().rstrip(".")
