"""Humans who answer, and hear nothing."""

from __future__ import annotations

import numpy as np

from tests.bench.detection import line
from tests.bench.detection.recipe import SPEECH_DBFS, Split
from tests.bench.detection.sources import Tree
from tests.bench.detection.voices import talk
from tests.bench.detection.waves import Samples, Sound, band, count, edges, gain, sines, speech_level_dbfs, to_level
from tests.bench.verdict import recipe
from tests.bench.verdict.clips import Clip, Tape
from tests.bench.verdict.speakers import Speaker, Speakers


def make(
    tree: Tree | None, speakers: Speakers, rng: np.random.Generator, name: str, split: Split
) -> tuple[Clip, Samples]:
    """A human's answer: what is true about it, and how it sounds."""
    what = line.pick(rng, recipe.ANSWERS)
    speaker = speakers.human(rng)
    dbfs = float(rng.uniform(*SPEECH_DBFS))
    tape = Tape()
    delay_ms = recipe.SHORTEST_DELAY_MS + float(rng.exponential(recipe.DELAY_MS))
    tape.pause(min(delay_ms, recipe.LONGEST_DELAY_MS))
    if what == "background":
        tape.pause(float(rng.uniform(3000, 8000)))
    first_ms = tape.at_ms
    if rng.random() < recipe.RUSTLE_SHARE:
        _rustle(tape, rng, first_ms, dbfs)
    answer = speaker.say(rng, "word" if what in ("repeated", "background") else what)
    tape.say(_at(answer, dbfs))
    first_end_ms = tape.at_ms
    if what == "repeated":
        tape.pause(float(rng.uniform(400, 1000)))
        tape.say(_at(speaker.say(rng, "word"), dbfs))
    _wait(tape, rng, speaker, dbfs)
    room = what == "background" or rng.random() < recipe.ROOM_SHARE
    if room:
        _room(tape, speakers, rng, dbfs)
    if rng.random() < recipe.KITCHEN_SHARE:
        _kitchen(tape, rng, dbfs)
    path = line.draw(rng)
    whole = np.clip(tape.mixed(), -1, 1)
    babble = talk(rng, speakers.cast.speaker(rng), tape.at_ms) if path.noise == "babble" else None
    heard = line.send(tree, rng, whole, path, speech_dbfs=dbfs, babble=babble)
    clip = Clip(
        file=f"{name}.flac",
        split=split,
        kind="human",
        what=what,
        layout="room" if room else "quiet",
        voice=speaker.voice,
        duration_ms=tape.at_ms,
        first_ms=first_ms,
        first_end_ms=first_end_ms,
        spoken_ms=tape.spoken_ms(),
        line=path.facts(),
    )
    return clip, heard


def _at(sound: Sound, dbfs: float) -> Sound:
    return np.clip(sound * gain(dbfs - speech_level_dbfs(sound)), -1, 1)


def _wait(tape: Tape, rng: np.random.Generator, speaker: Speaker, dbfs: float) -> None:
    """Silence, and hello again, until the human gives up."""
    until_ms = tape.at_ms + float(rng.uniform(*recipe.STAYS_MS))
    if rng.random() >= recipe.SILENT_SHARE:
        while True:
            pause_ms = float(rng.uniform(*recipe.AGAIN_MS))
            if tape.at_ms + pause_ms > until_ms:
                break
            tape.pause(pause_ms)
            what = "word" if rng.random() < 0.8 else "name"
            tape.say(_at(speaker.say(rng, what), dbfs + float(rng.uniform(-3, 3))))
    tape.pause(max(1000.0, until_ms - tape.at_ms))


def _rustle(tape: Tape, rng: np.random.Generator, before_ms: float, dbfs: float) -> None:
    """A hand on the telephone, before the first word: low noise of 50 to 250 ms."""
    ms = float(rng.uniform(50, 250))
    rustle = band(rng.normal(size=count(ms)), 80, float(rng.uniform(400, 2000)))
    rustle = edges(to_level(rustle, dbfs - float(rng.uniform(6, 20))), 10)
    tape.under(float(rng.uniform(0, max(1.0, before_ms - ms))), rustle)


def _room(tape: Tape, speakers: Speakers, rng: np.random.Generator, dbfs: float) -> None:
    below_dbfs = dbfs - float(rng.uniform(*recipe.ROOM_DB))
    cast, ms = speakers.cast, tape.at_ms
    kind = rng.random()
    if kind < 0.35:
        sound = cast.music(rng, ms)
    elif kind < 0.7:
        sound = talk(rng, cast.speaker(rng), ms, (80, 1500))[: count(ms)]
    else:
        sound = to_level(talk(rng, cast.speaker(rng), ms, (80, 1500))[: count(ms)], -20)
        sound = sound + to_level(cast.music(rng, ms), -30)
    tape.under(0, to_level(sound, below_dbfs))


def _kitchen(tape: Tape, rng: np.random.Generator, dbfs: float) -> None:
    """One to four beeps of an appliance."""
    at_ms, hz = float(rng.uniform(1000, 9000)), float(rng.uniform(1800, 3100))
    ms, below_dbfs = float(rng.uniform(100, 500)), dbfs - float(rng.uniform(4, 16))
    for k in range(int(rng.integers(1, 5))):
        tape.under(at_ms + k * 2 * ms, sines((hz,), ms, below_dbfs))
