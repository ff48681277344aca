"""Turn a sound file into one that Asterisk plays whole."""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from voicedrop.errors import MessageError
from voicedrop.library.folder import RATE_HZ

FRAME = RATE_HZ // 50  # Asterisk drops a last part of a 20 ms frame
TAIL_MS = 200  # and the far end often the last one or two


def convert(source: Path, target: Path) -> float:
    """Write `source` as 8 kHz 16-bit mono WAV with a silent tail; returns the seconds written.

    Raises:
        MessageError: it is no sound file, or the target cannot be written.
    """
    try:
        samples, rate = soundfile.read(source, dtype="float64", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise MessageError(f"{source} is not there or is no sound file ({error})") from error
    mono = samples.mean(axis=1)
    if rate != RATE_HZ:
        divisor = math.gcd(rate, RATE_HZ)
        mono = resample_poly(mono, RATE_HZ // divisor, rate // divisor)
    peak = float(np.max(np.abs(mono), initial=0.0))
    if peak == 0.0:
        raise MessageError(f"{source} is silent")
    if peak > 1.0:
        mono = mono / peak
    tail = RATE_HZ * TAIL_MS // 1000
    padded = np.concatenate([mono, np.zeros(-mono.size % FRAME + tail)])
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, suffix=".wav")
        os.close(handle)
        try:
            soundfile.write(name, padded, RATE_HZ, subtype="PCM_16", format="WAV")
            Path(name).chmod(0o644)
            Path(name).replace(target)
        finally:
            Path(name).unlink(missing_ok=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise MessageError(f"cannot write {target}: {error}") from error
    return padded.size / RATE_HZ
