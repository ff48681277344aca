"""Calls that end in a mailbox: ringing, greeting, silence, beep, and then it records."""

from dataclasses import replace

import numpy as np

from tests.bench.detection import beeps, line, network, recipe
from tests.bench.detection.manifest import BeepTruth, Recording
from tests.bench.detection.sources import Tree
from tests.bench.detection.voices import Cast, Voice, read, talk
from tests.bench.detection.waves import (
    Samples,
    Sound,
    add,
    count,
    edges,
    level_dbfs,
    silence,
    speech_level_dbfs,
    to_level,
)

_RATE = recipe.RATE_HZ / 1000


class _Tape:
    """Sounds one after another; knows where it is."""

    def __init__(self) -> None:
        self._placed: list[tuple[int, Sound]] = []
        self.at = 0
        self.beeps: list[BeepTruth] = []

    @property
    def at_ms(self) -> float:
        return self.at / _RATE

    def pause(self, ms: float) -> None:
        """Negative: the next sound begins before the last one ends."""
        self.at = max(0, self.at + count(ms))

    def put(self, sound: Sound) -> None:
        self._placed.append((self.at, sound))
        self.at += len(sound)

    def under(self, start: int, sound: Sound) -> None:
        """Elsewhere, without moving on."""
        self._placed.append((start, sound))

    def beep(self, plan: beeps.Beep, sound: Sound) -> None:
        start_ms = self.at_ms
        self.put(sound)
        self.beeps.append(
            BeepTruth(
                start_ms=start_ms,
                end_ms=self.at_ms,
                kind=plan.kind,
                source=plan.source,
                hz=tuple(round(hz, 1) for hz in plan.hz),
                dbfs=round(plan.dbfs, 1),
            )
        )

    def mixed(self) -> Sound:
        whole = np.zeros(self.at)
        for start, sound in self._placed:
            add(whole, sound, start)
        return whole


def make(
    tree: Tree | None, cast: Cast, rng: np.random.Generator, layout: str, name: str, split: str
) -> tuple[Recording, Samples]:
    """A mailbox of the layout: what is true about it, and how it sounds."""
    voice = cast.greeter(rng)
    speech_dbfs = float(rng.uniform(*recipe.SPEECH_DBFS))
    tape = _Tape()
    if layout == "ringback":
        _ring(tape, rng)
    tape.pause(float(rng.uniform(150, 1500)))
    plan, sound = _beep(cast, rng)
    early_first = layout == "two_beeps" and rng.random() < 0.35
    if early_first:
        tape.beep(*_other_beep(rng, plan, sound))
        tape.pause(float(rng.uniform(300, 1200)))
    greeting_start = tape.at
    words = _words(rng, voice, speech_dbfs, float(rng.uniform(2500, 11_000)))
    tape.put(_cut_short(words) if layout == "touching" else words)
    greeting_end = tape.at
    greeting_end_ms = tape.at_ms
    if layout == "two_beeps" and not early_first:
        greeting_end_ms = _beep_and_perhaps_words(tape, rng, voice, speech_dbfs, _other_beep(rng, plan, sound))
    tape.pause(_gap_ms(rng, layout))
    if layout == "music":
        _music_under(tape, cast, rng, greeting_start, greeting_end, speech_dbfs)
    if layout != "no_beep":
        tape.beep(plan, sound)
    record_ms = tape.at_ms
    tape.pause(float(rng.uniform(4000, 7000)))
    whole = tape.mixed()
    path = line.draw(rng)
    babble = talk(rng, cast.speaker(rng), len(whole) / _RATE) if path.noise == "babble" else None
    heard = line.send(
        tree,
        rng,
        whole,
        path,
        speech_dbfs=speech_dbfs,
        beep_dbfs=min((beep.dbfs for beep in tape.beeps), default=None),
        babble=babble,
    )
    recording = Recording(
        file=f"{name}.wav",
        split=split,
        kind="mailbox",
        layout=layout,
        voice=voice.name,
        duration_ms=len(heard) / _RATE,
        beeps=tuple(tape.beeps),
        greeting_end_ms=greeting_end_ms,
        record_start_ms=record_ms,
        line=path.facts(),
    )
    return recording, heard


def _gap_ms(rng: np.random.Generator, layout: str) -> float:
    """From the last word to the beep, or to the recording."""
    match layout:
        case "touching":
            return float(rng.uniform(-30, 10))
        case "late":
            return float(rng.uniform(5000, 9000))
        case _:
            return float(np.exp(rng.uniform(np.log(80), np.log(2500))))


def _words(rng: np.random.Generator, voice: Voice, dbfs: float, ms: float) -> Sound:
    words = talk(rng, voice, ms)[: count(16_000)]
    return np.clip(words * 10 ** ((dbfs - speech_level_dbfs(words)) / 20), -1, 1)


def _cut_short(words: Sound) -> Sound:
    """Without what is 20 dB below their loudest sample at the end: the beep comes while they still sound."""
    loud = np.flatnonzero(np.abs(words) > 0.1 * np.max(np.abs(words)))
    return words[: loud[-1] + 1]


def _beep(cast: Cast, rng: np.random.Generator) -> tuple[beeps.Beep, Sound]:
    kind = line.pick(rng, recipe.BEEPS)
    plan = beeps.draw(rng, kind)
    if kind == "pack":
        recorded = read(cast.beeps[int(rng.integers(len(cast.beeps)))])
        hz, sound = beeps.pack_sound(recorded, plan.dbfs)
        return replace(plan, source="beep.wav", hz=(hz,)), sound
    return plan, beeps.sound(plan)


def _other_beep(rng: np.random.Generator, plan: beeps.Beep, sound: Sound) -> tuple[beeps.Beep, Sound]:
    """The same beep, or another single one at the same level."""
    if rng.random() < 0.5:
        return plan, sound
    other = replace(beeps.draw(rng, "single"), dbfs=plan.dbfs)
    return other, beeps.sound(other)


def _beep_and_perhaps_words(
    tape: _Tape, rng: np.random.Generator, voice: Voice, dbfs: float, other: tuple[beeps.Beep, Sound]
) -> float:
    """A first beep after the greeting; half the time the voice goes on after it. Where the last word ends, in ms."""
    end_ms = tape.at_ms
    tape.pause(float(rng.uniform(100, 800)))
    tape.beep(*other)
    tape.pause(float(rng.uniform(700, 2500)))
    if rng.random() < 0.5:
        tape.put(_words(rng, voice, dbfs, 1000))
        end_ms = tape.at_ms
    return end_ms


def _ring(tape: _Tape, rng: np.random.Generator) -> None:
    kind = network.RINGBACKS[int(rng.integers(len(network.RINGBACKS)))]
    tape.pause(float(rng.uniform(0, 800)))
    ringing = network.cadence(rng, kind, float(rng.uniform(2500, 11_000)), float(rng.uniform(-28, -14)))
    tape.put(edges(ringing, 2))
    tape.put(silence(float(rng.uniform(20, 400))))


def _music_under(tape: _Tape, cast: Cast, rng: np.random.Generator, start: int, end: int, speech_dbfs: float) -> None:
    """Music that begins with the greeting and fades out with it, or lasts until the beep."""
    if rng.random() < 0.5:
        end = tape.at - count(20)
    ms = (end - start) / _RATE
    music = to_level(cast.music(rng, ms), speech_dbfs - float(rng.uniform(6, 20)))
    if level_dbfs(music) > -90:
        tape.under(start, edges(music, min(ms / 4, float(rng.uniform(20, 600)))))
