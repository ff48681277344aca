"""Sounds for the library's tests: something like speech, and the files that it is kept in."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

Sound = npt.NDArray[np.float64]

FORMATS = {
    # name of the file: format, codec, rate
    "a.wav": ("WAV", "PCM_16", 44100),
    "wide.wav": ("WAVEX", "PCM_24", 48000),
    "float.wav": ("WAV", "FLOAT", 96000),
    "phone.wav": ("WAV", "ULAW", 8000),
    "gsm.wav": ("WAV", "GSM610", 8000),
    "a.flac": ("FLAC", "PCM_16", 22050),
    "vorbis.ogg": ("OGG", "VORBIS", 44100),
    "opus.ogg": ("OGG", "OPUS", 48000),
    "a.mp3": ("MP3", "MPEG_LAYER_III", 44100),
    "slow.mp3": ("MP3", "MPEG_LAYER_III", 16000),
}


def speech(seconds: float, rate_hz: int, *, level: float = 0.2, seed: int = 1) -> Sound:
    """Syllables of 120 Hz and its harmonics, four a second, with a breath of hiss; it sounds from end to end."""
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    harmonics = np.arange(1, 60)
    harmonics = harmonics[harmonics * 120 < min(rate_hz * 0.45, 7500)]
    voice = sum(np.sin(2 * np.pi * 120 * h * time + h * h) / (1 + h / 8) for h in harmonics)
    hiss = np.random.default_rng(seed).standard_normal(len(time))
    syllables = 0.04 + np.abs(np.sin(2 * np.pi * 2 * (time + 0.125))) ** 3
    sound = (voice + 0.3 * hiss) * syllables
    return level * sound / np.sqrt(np.mean(sound**2))


def hiss(seconds: float, rate_hz: int) -> Sound:
    """Noise of a power of 1."""
    return np.random.default_rng(2).standard_normal(round(seconds * rate_hz))


def quiet(seconds: float, rate_hz: int) -> Sound:
    return np.zeros(round(seconds * rate_hz))


def encoded(sound: npt.NDArray[np.generic], rate_hz: int, format_: str = "WAV", codec: str = "PCM_16") -> bytes:
    into = io.BytesIO()
    soundfile.write(into, sound, rate_hz, format=format_, subtype=codec)
    return into.getvalue()


def kept(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    return file


def of_format(name: str, seconds: float = 2.0) -> bytes:
    format_, codec, rate_hz = FORMATS[name]
    return encoded(speech(seconds, rate_hz), rate_hz, format_, codec)


def left_in(folder: Path) -> list[str]:
    """Every file and folder in it."""
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*")) if folder.exists() else []
