"""Who speaks: recorded prompts and actors, espeak-ng, and children made of both."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import soundfile
from scipy.signal import resample_poly

from tests.bench.detection.recipe import ESPEAK, MUSIC, NOT_SPEECH, RATE_HZ, VOICES, Split, VoiceSource
from tests.bench.detection.sources import Tree
from tests.bench.detection.texts import sentences
from tests.bench.detection.waves import Sound, count, silence

T = TypeVar("T")
_SILENT = 0.003
"""Below this an utterance has not begun, or is over."""


class Voice(Protocol):
    """Somebody who can say something."""

    name: str

    def utterance(self, rng: np.random.Generator) -> Sound:
        """A word to a few sentences, without silence around it."""


def read(path: Path) -> Sound:
    """A sound file as 8 kHz mono; ``.gsm`` is headerless GSM 06.10."""
    if path.suffix == ".gsm":
        sound, rate = soundfile.read(path, format="RAW", subtype="GSM610", samplerate=RATE_HZ, channels=1)
    else:
        sound, rate = soundfile.read(path)
    if sound.ndim > 1:
        sound = sound.mean(axis=1)
    return resampled(np.asarray(sound, np.float64), Fraction(RATE_HZ, rate))


def resampled(sound: Sound, ratio: Fraction) -> Sound:
    """Takes ``ratio`` times as many samples."""
    if ratio == 1:
        return sound
    return np.asarray(resample_poly(sound, ratio.numerator, ratio.denominator), np.float64)


def trimmed(sound: Sound, floor: float = _SILENT) -> Sound:
    """Without the silence at both ends."""
    loud = np.flatnonzero(np.abs(sound) > floor)
    return sound[loud[0] : loud[-1] + 1] if len(loud) else sound[:0]


class Recorded:
    """A speaker (or a troupe) of whom there are many files."""

    def __init__(self, name: str, files: Sequence[Path]) -> None:
        self.name = name
        self._files = list(files)

    def utterance(self, rng: np.random.Generator) -> Sound:
        """One file, from 0.3 to 12 s."""
        while True:
            sound = _read_trimmed(self._files[int(rng.integers(len(self._files)))])
            if count(300) <= len(sound):
                return sound[: count(12_000)]


@lru_cache(maxsize=1500)
def _read_trimmed(path: Path) -> Sound:
    return trimmed(read(path))


class Synthetic:
    """An espeak-ng voice: a language, a variant, a pitch (0 to 99) and a speed in words a minute."""

    def __init__(self, tree: Tree, language: str, variant: str, pitch: int, speed: int) -> None:
        self.name = f"espeak_{language}_{variant}_{pitch}"
        self._tree = tree
        self._language = language
        self._options = ("-v", f"{language}+{variant}", "-p", str(pitch), "-s", str(speed))

    def utterance(self, rng: np.random.Generator) -> Sound:
        """A sentence, sometimes with a telephone number."""
        lines = sentences(self._language)
        text = lines[int(rng.integers(len(lines)))]
        if rng.random() < 0.25:
            text += " " + " ".join(str(digit) for digit in rng.integers(10, size=int(rng.integers(4, 10))))
        return self.say(text)

    def say(self, text: str) -> Sound:
        """This text, without silence around it."""
        return trimmed(_speak(self._tree, self._options, text))


@lru_cache(maxsize=2000)
def _speak(tree: Tree, options: tuple[str, ...], text: str) -> Sound:
    data = f"--path={tree.libraries}"
    wave = tree.run("espeak-ng", data, *options, "--stdout", stdin=text)
    # The length in the header of a streamed WAV is not to be trusted: take what comes after it.
    sound, rate = soundfile.read(
        io.BytesIO(wave[44:]), format="RAW", subtype="PCM_16", samplerate=22050, channels=1, endian="LITTLE"
    )
    return resampled(np.asarray(sound, np.float64), Fraction(RATE_HZ, rate))


class Child:
    """Another voice, played faster: pitch and formants rise together, as in a smaller mouth."""

    def __init__(self, adult: Voice, ratio: Fraction) -> None:
        self.name = f"child_{adult.name}"
        self._adult = adult
        self._ratio = ratio

    def utterance(self, rng: np.random.Generator) -> Sound:
        """An utterance of the adult's, shortened by the ratio."""
        return resampled(self._adult.utterance(rng), 1 / self._ratio)


class Cast:
    """All voices and all music of one split."""

    def __init__(self, tree: Tree, split: Split) -> None:
        self._tree = tree
        self._split = split
        sources = [source for source in VOICES if source.split == split]
        self._recorded = [Recorded(source.name, files_of(tree.share, source)) for source in sources]
        self._prompts = [
            voice for voice, source in zip(self._recorded, sources, strict=True) if source.kind == "prompts"
        ]
        self.beeps = [path for source in sources for path in sorted(tree.share.glob(f"{source.folder}/beep.*"))]
        self._music = [tree.share / path for path in MUSIC[split]]

    def speaker(self, rng: np.random.Generator) -> Voice:
        """For running speech: two thirds recorded, the rest espeak-ng."""
        return _one(rng, self._recorded) if rng.random() < 0.66 else self.synthetic(rng)

    def greeter(self, rng: np.random.Generator) -> Voice:
        """For mailboxes: mostly prompts, some actors and some espeak-ng."""
        kind = rng.random()
        if kind < 0.6:
            return _one(rng, self._prompts)
        return _one(rng, self._recorded) if kind < 0.75 else self.synthetic(rng)

    def high_voice(self, rng: np.random.Generator) -> Voice:
        """A child, or espeak-ng at its highest."""
        if rng.random() < 0.35:
            return self.synthetic(rng, pitches=(85, 100), only="f")
        return Child(self.speaker(rng), Fraction(int(rng.integers(24, 34)), 20))

    def synthetic(self, rng: np.random.Generator, pitches: tuple[int, int] = (15, 85), only: str = "") -> Synthetic:
        languages, variants = ESPEAK[self._split]
        variants = tuple(variant for variant in variants if variant.startswith(only))
        return Synthetic(
            self._tree,
            _one(rng, languages),
            _one(rng, variants),
            int(rng.integers(*pitches)),
            int(rng.integers(12, 20)) * 10,
        )

    def music(self, rng: np.random.Generator, ms: float) -> Sound:
        """Some of a piece, from anywhere in it; round and round if it is short."""
        piece = _read_trimmed(_one(rng, self._music))
        start = int(rng.integers(len(piece)))
        rounds = -(-(start + count(ms)) // len(piece))
        return np.tile(piece, rounds)[start : start + count(ms)]


def files_of(share: Path, source: VoiceSource) -> list[Path]:
    """The files of a voice that hold speech, sorted by path."""
    found = [
        path
        for folder in sorted(share.glob(source.folder))
        for path in folder.rglob("*")
        if path.suffix in (".wav", ".gsm", ".ogg") and not any(word in str(path) for word in NOT_SPEECH)
    ]
    if not found:
        raise FileNotFoundError(f"no sounds in {share / source.folder}")
    return sorted(found)


def talk(rng: np.random.Generator, voice: Voice, ms: float, gaps_ms: tuple[float, float] = (80, 600)) -> Sound:
    """At least ``ms`` of a voice, with pauses between what it says; ends with its last word."""
    parts: list[Sound] = []
    length = 0
    while True:
        parts.append(voice.utterance(rng))
        length += len(parts[-1])
        if length >= count(ms):
            return np.concatenate(parts)
        parts.append(silence(float(rng.uniform(*gaps_ms))))
        length += len(parts[-1])


def _one(rng: np.random.Generator, things: Sequence[T]) -> T:
    return things[int(rng.integers(len(things)))]
