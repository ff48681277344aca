"""Sound files for uploads: something that goes up and down like speech, in the containers that are taken."""

from __future__ import annotations

import io

import numpy as np
import soundfile

RATE_HZ = 16_000


def voice(seconds: float = 4.0, *, seed: int = 1) -> np.ndarray:
    """Syllables, four a second: a buzz of 120 Hz with a few formants and soft noise behind it."""
    rng = np.random.default_rng(seed)
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    pitch = 120 + 20 * np.sin(2 * np.pi * 0.7 * at + seed)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
    buzz = sum(np.sin(number * phase) / number for number in range(1, 26))
    syllables = np.clip(np.sin(2 * np.pi * 4 * at), 0, None) ** 0.5
    return np.asarray(0.15 * buzz * syllables + 0.0005 * rng.standard_normal(len(at)), dtype=np.float64)


def file(kind: str = "WAV", seconds: float = 4.0, *, seed: int = 1) -> bytes:
    target = io.BytesIO()
    soundfile.write(target, voice(seconds, seed=seed), RATE_HZ, format=kind)
    return target.getvalue()
