"""A minute of each thing that is no beep."""

from collections.abc import Callable

import numpy as np

from tests.bench.detection import line, network, recipe, singing
from tests.bench.detection.manifest import Recording
from tests.bench.detection.sources import Tree
from tests.bench.detection.voices import Cast, Voice, talk
from tests.bench.detection.waves import (
    Samples,
    Sound,
    band,
    count,
    gain,
    silence,
    speech_level_dbfs,
    to_level,
)

_RATE = recipe.RATE_HZ / 1000


def make(
    tree: Tree | None, cast: Cast, rng: np.random.Generator, kind: str, name: str, split: str
) -> tuple[Recording, Samples]:
    """A beep-free recording of the class: what is true about it, and how it sounds."""
    dbfs = float(rng.uniform(*recipe.SPEECH_DBFS))
    length = count(recipe.NEGATIVE_S * 1000)
    voice, sound, note = _content(cast, rng, kind, dbfs)
    path = line.draw(rng)
    babble = talk(rng, cast.speaker(rng), recipe.NEGATIVE_S * 1000) if path.noise == "babble" else None
    heard = line.send(tree, rng, np.clip(sound[:length], -1, 1), path, speech_dbfs=dbfs, babble=babble)
    recording = Recording(
        file=f"{name}.wav",
        split=split,
        kind=kind,
        layout="",
        voice=voice,
        duration_ms=len(heard) / _RATE,
        line=path.facts(),
        note=note,
    )
    return recording, heard


def _content(cast: Cast, rng: np.random.Generator, kind: str, dbfs: float) -> tuple[str, Sound, str]:
    """Whose voice it is, at least a minute of sound, and a remark."""
    whole_ms = recipe.NEGATIVE_S * 1000
    match kind:
        case "speech":
            return _talking(rng, cast.speaker(rng), dbfs, whole_ms)
        case "high_voice":
            return _talking(rng, cast.high_voice(rng), dbfs, whole_ms)
        case "echo":
            # 20 dB and more below our message, late by 100 to 300 ms, with what we hear besides: nothing.
            name, words, _ = _talking(rng, cast.speaker(rng), -18.0, whole_ms)
            coming_back = band(words, 300, 3000) * gain(-float(rng.uniform(20, 30)))
            return name, np.concatenate([silence(float(rng.uniform(100, 300))), coming_back]), ""
        case "music":
            return "", to_level(cast.music(rng, whole_ms), dbfs), ""
        case "call_progress":
            return _call_progress(cast, rng, dbfs)
        case "sung_vowel":
            return "", _several(rng, lambda: singing.sung(rng, float(rng.uniform(3000, 9000)), dbfs)), ""
        case "whistle":
            return "", _several(rng, lambda: singing.whistle(rng, float(rng.uniform(2000, 8000)), dbfs)), ""
        case "sit":
            return _announcements(cast, rng, dbfs)
        case "dtmf":
            return "", _several(rng, lambda: network.dtmf(rng, dbfs)), ""
        case "fax":
            return _fax(rng, dbfs)
        case "modem":
            return "", _several(rng, lambda: network.modem(rng, float(rng.uniform(2000, 12_000)), dbfs)), ""
        case _:
            raise ValueError(f"no class {kind}")


def _talking(rng: np.random.Generator, voice: Voice, dbfs: float, ms: float) -> tuple[str, Sound, str]:
    words = talk(rng, voice, ms, (80.0, 1500.0))
    return voice.name, words * gain(dbfs - speech_level_dbfs(words)), ""


def _call_progress(cast: Cast, rng: np.random.Generator, dbfs: float) -> tuple[str, Sound, str]:
    """One call in one country: perhaps a dial tone, ringback, perhaps words, then busy or reorder to the end."""
    country = str(rng.choice(["us", "uk", "eu"]))
    names = ["dial"] if rng.random() < 0.5 else []
    names += ["ringback"] if rng.random() < 0.8 else []
    names.append(str(rng.choice(["busy", "reorder"])))
    voice = cast.speaker(rng)
    parts: list[Sound] = []
    for name in names:
        kind = next(cadence for cadence in network.CADENCES if cadence.name == f"{name}_{country}")
        left_ms = recipe.NEGATIVE_S * 1000 - sum(map(len, parts)) / _RATE
        ms = left_ms if name == names[-1] else float(rng.uniform(6000, 20_000))
        parts += [silence(float(rng.uniform(200, 2000))), network.cadence(rng, kind, ms, dbfs)]
        if name == "ringback" and rng.random() < 0.5:
            _, words, _ = _talking(rng, voice, dbfs, 1500)
            parts += [silence(float(rng.uniform(50, 800))), words]
    return voice.name, np.concatenate(parts), f"{country} {' '.join(names)}"


def _fax(rng: np.random.Generator, dbfs: float) -> tuple[str, Sound, str]:
    """One machine: either one that calls, all the minute; or one that answers, once, and then sends its data."""
    lead = silence(float(rng.uniform(500, 4000)))
    if rng.random() < 0.6:
        return "", np.concatenate([lead, network.cng(rng, dbfs, 18)]), "cng"
    data = network.modem(rng, recipe.NEGATIVE_S * 1000, dbfs)
    return "", np.concatenate([lead, network.ced(rng, dbfs), silence(75), data]), "ced"


def _announcements(cast: Cast, rng: np.random.Generator, dbfs: float) -> tuple[str, Sound, str]:
    """Special information tones, then an announcement, again and again."""
    parts: list[Sound] = []
    voice = cast.speaker(rng)
    while sum(map(len, parts)) < count(recipe.NEGATIVE_S * 1000):
        _, words, _ = _talking(rng, voice, dbfs, 3000)
        parts += [
            silence(float(rng.uniform(300, 2000))),
            network.sit(rng, dbfs),
            silence(float(rng.uniform(80, 700))),
            words,
        ]
    return voice.name, np.concatenate(parts), ""


def _several(rng: np.random.Generator, make_one: Callable[[], Sound]) -> Sound:
    """A minute of them, with pauses of 0.5 to 4 s."""
    parts: list[Sound] = []
    while sum(map(len, parts)) < count(recipe.NEGATIVE_S * 1000):
        parts += [silence(float(rng.uniform(500, 4000))), make_one()]
    return np.concatenate(parts)
