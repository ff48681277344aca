"""Who speaks in the clips: espeak-ng, flite, recorded prompts and actors. Each belongs to one half."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, Protocol, TypeVar

import numpy as np

from tests.bench.detection.recipe import VOICES, Split
from tests.bench.detection.sources import Tree
from tests.bench.detection.voices import Cast, Synthetic, files_of, read, trimmed
from tests.bench.detection.waves import Sound, count, edges, silence
from tests.bench.verdict import flite, texts
from tests.bench.verdict.recipe import ACTORS, FLITE, LONG_MS

T = TypeVar("T")
LENGTHS_MS: Final[dict[str, tuple[float, float]]] = {
    "word": (250, 900),
    "name": (800, 1800),
    "company": (1600, 4500),
    "short": (1200, 3500),
}
"""A recorded speaker's files of such a length stand for what he would say; the words are others."""
BREATH_MS: Final = (80.0, 350.0)
"""Between what a long talker says."""
PAUSE_MS: Final = (80.0, 600.0)
"""Between the sentences of a greeting, as in `tests.bench.detection`."""
FEWEST_FILES: Final = 20
"""With fewer of a length a speaker would say the same again and again."""
VM_PARTS: Final = ("vm-theperson", "digits", ("vm-isunavail", "vm-isonphone"), "vm-intro")
"""What app_voicemail plays to a caller."""


class Speaker(Protocol):
    """Somebody, human or recorded: it is the same voice either way."""

    voice: str
    """By which halves and voices are counted: one speaker, whatever the text."""

    def say(self, rng: np.random.Generator, what: str) -> Sound:
        """Something of the kind, trimmed: word, name, company, long, short, personal, carrier, screening..."""


class Espeak:
    """An espeak-ng variant with a language, pitch and pace."""

    def __init__(self, cast: Cast, rng: np.random.Generator) -> None:
        self._synthetic: Synthetic = cast.synthetic(rng)
        _, self._language, variant, _ = self._synthetic.name.split("_")
        self.voice = f"espeak-{variant}"

    def say(self, rng: np.random.Generator, what: str) -> Sound:
        if what == "long":
            return _long(rng, lambda: self.say(rng, str(rng.choice(["name", "company", "personal"]))))
        return self._synthetic.say(texts.line(rng, what, self._language))


class Flite:
    """A voice of flite's."""

    def __init__(self, home: Path, voice: str) -> None:
        self._home, self._name = home, voice
        self.voice = f"flite-{voice}"

    def say(self, rng: np.random.Generator, what: str) -> Sound:
        if what == "long":
            return _long(rng, lambda: self.say(rng, str(rng.choice(["name", "company", "personal"]))))
        return flite.speak(self._home, self._name, texts.line(rng, what, "en"))


class Recorded:
    """A recorded speaker: his files by their length, or app_voicemail's prompts."""

    def __init__(self, voice: str, files: Sequence[Path]) -> None:
        self.voice = voice
        self._files = list(files)
        self._of_length: dict[tuple[float, float], list[Path]] = {}

    @property
    def has_voicemail(self) -> bool:
        return any(path.stem == "vm-intro" for path in self._files)

    def say(self, rng: np.random.Generator, what: str) -> Sound:
        match what:
            case "asterisk":
                return self._voicemail(rng)
            case "long":
                return _long(rng, lambda: self._file(rng, (800, 4500)))
            case "prompts" | "personal" | "carrier" | "screening" | "announcement":
                return _joined(rng, lambda: self._file(rng, (1500, 6000)), float(rng.uniform(2500, 10_000)), PAUSE_MS)
        return self._file(rng, LENGTHS_MS[what])

    def _file(self, rng: np.random.Generator, ms: tuple[float, float]) -> Sound:
        """A file of such a length; an actor, who has no single words, is cut short at his quietest."""
        if ms not in self._of_length:
            lengths = [(path, len(_read(path))) for path in self._files]
            self._of_length[ms] = [path for path, n in lengths if count(ms[0]) <= n <= count(ms[1])]
        fitting = self._of_length[ms]
        if len(fitting) >= FEWEST_FILES:
            return _read(_one(rng, fitting))
        return _cut_short(_read(_one(rng, self._files)), ms)

    def _voicemail(self, rng: np.random.Generator) -> Sound:
        parts: list[Sound] = []
        for part in VM_PARTS if rng.random() < 0.7 else VM_PARTS[-1:]:
            if part == "digits":
                names: list[str] = [str(digit) for digit in rng.integers(10, size=int(rng.integers(3, 5)))]
            else:
                names = [part] if isinstance(part, str) else [_one(rng, part)]
            for name in names:
                folder = "digits" if part == "digits" else None
                path = next(p for p in self._files if p.stem == name and folder in (None, p.parent.name))
                # As the files are, with the silence at their ends: so Asterisk plays them.
                parts.append(read(path))
        return trimmed(np.concatenate(parts))


class Speakers:
    """Everybody of one half."""

    def __init__(self, tree: Tree, flite_home: Path, split: Split) -> None:
        self.cast = Cast(tree, split)
        self._flite = [Flite(flite_home, voice) for voice in FLITE[split]]
        sources = [source for source in VOICES if source.split == split]
        self._prompts = [
            Recorded(source.name, files_of(tree.share, source)) for source in sources if source.kind == "prompts"
        ]
        self._actors = [
            Recorded(f"{ACTORS[split]}_{role}", [p for p in files if f"-{role}-" in p.name])
            for files in [files_of(tree.share, source) for source in sources if source.kind == "actors"]
            for role in ("m", "v")
        ]
        self._voicemails = [one for one in self._prompts if one.has_voicemail]

    def human(self, rng: np.random.Generator) -> Speaker:
        """Two fifths actors and prompts, two fifths espeak-ng, one fifth flite."""
        kind = rng.random()
        if kind < 0.4:
            return _one(rng, [*self._actors, *self._prompts])
        return Espeak(self.cast, rng) if kind < 0.8 else _one(rng, self._flite)

    def machine(self, rng: np.random.Generator, what: str) -> Speaker:
        match what:
            case "asterisk":
                return _one(rng, self._voicemails)
            case "prompts":
                return _one(rng, self._prompts)
        kind = rng.random()
        if kind < 0.35:
            return _one(rng, [*self._prompts, *self._actors])
        return Espeak(self.cast, rng) if kind < 0.8 else _one(rng, self._flite)


def _long(rng: np.random.Generator, say: Callable[[], Sound]) -> Sound:
    return _joined(rng, say, float(np.exp(rng.uniform(*np.log(LONG_MS)))), BREATH_MS)


def _joined(rng: np.random.Generator, say: Callable[[], Sound], ms: float, pauses_ms: tuple[float, float]) -> Sound:
    """Things said one after another for so long; the last is said to its end, or cut where it is far too long."""
    parts: list[Sound] = [say()]
    while sum(map(len, parts)) < count(ms):
        parts += [silence(float(rng.uniform(*pauses_ms))), say()]
    return np.concatenate(parts)[: count(ms + 1500)]


def _cut_short(sound: Sound, ms: tuple[float, float]) -> Sound:
    """The beginning, up to the quietest 20 ms between the two lengths."""
    blocks = sound[: count(ms[1]) // 160 * 160].reshape(-1, 160)
    first = count(ms[0]) // 160
    if len(blocks) <= first:
        return sound
    quietest = first + int(np.argmin(np.sum(blocks[first:] ** 2, axis=1)))
    return edges(sound[: (quietest + 1) * 160], 15)


@lru_cache(maxsize=4000)
def _read(path: Path) -> Sound:
    return trimmed(read(path))


def _one(rng: np.random.Generator, things: Sequence[T]) -> T:
    return things[int(rng.integers(len(things)))]
