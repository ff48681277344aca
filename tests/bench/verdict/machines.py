"""Everything that answers and is no human: mailboxes, screening, faxes, announcements, nothing at all."""

from __future__ import annotations

import numpy as np

from tests.bench.detection import beeps, line, network
from tests.bench.detection.recipe import BEEPS, SPEECH_DBFS, Split
from tests.bench.detection.sources import Tree
from tests.bench.detection.voices import read, talk
from tests.bench.detection.waves import (
    Samples,
    Sound,
    edges,
    gain,
    level_dbfs,
    speech_level_dbfs,
    to_level,
)
from tests.bench.verdict import recipe
from tests.bench.verdict.clips import Clip, Tape
from tests.bench.verdict.speakers import Speakers


def make(
    tree: Tree | None, speakers: Speakers, rng: np.random.Generator, kind: str, name: str, split: Split
) -> tuple[Clip, Samples]:
    """A machine's answer of the kind: what is true about it, and how it sounds."""
    tape = Tape()
    dbfs = float(rng.uniform(*SPEECH_DBFS))
    tape.pause(float(rng.uniform(*recipe.LEAD_MS)))
    layout, beep = "", None
    first_ms: float | None = tape.at_ms
    match kind:
        case "mailbox":
            layout = line.pick(rng, recipe.MAILBOXES)
            what, voice, first_ms, beep = _mailbox(tape, speakers, rng, layout, dbfs)
        case "screening":
            what, voice = "screening", _words(tape, speakers, rng, "screening", dbfs)
            tape.pause(float(rng.uniform(6000, 9000)))
        case "fax":
            what, voice = _fax(tape, rng, dbfs), ""
        case "announcement":
            what, voice = _announcement(tape, speakers, rng, dbfs)
        case _:
            what, voice, first_ms = "silence", "", None
            tape.pause(12_000)
    path = line.draw(rng)
    babble = None
    if path.noise == "babble" and kind != "silence":
        babble = talk(rng, speakers.cast.speaker(rng), tape.at_ms)
    heard = line.send(
        tree,
        rng,
        np.clip(tape.mixed(), -1, 1),
        path,
        speech_dbfs=dbfs,
        beep_dbfs=beep[2] if beep else None,
        babble=babble,
    )
    clip = Clip(
        file=f"{name}.flac",
        split=split,
        kind=kind,
        what=what,
        layout=layout,
        voice=voice,
        duration_ms=tape.at_ms,
        first_ms=first_ms,
        beep_ms=beep[:2] if beep else None,
        spoken_ms=tape.spoken_ms(),
        line=path.facts(),
    )
    return clip, heard


def _mailbox(
    tape: Tape, speakers: Speakers, rng: np.random.Generator, layout: str, dbfs: float
) -> tuple[str, str, float, tuple[float, float, float] | None]:
    """What is said and by whom, where it begins, and the beep: from, to, how loud."""
    what, voice = "", ""
    if layout == "ringback":
        kind = network.RINGBACKS[int(rng.integers(len(network.RINGBACKS)))]
        ringing = network.cadence(rng, kind, float(rng.uniform(2500, 11_000)), float(rng.uniform(-28, -14)))
        tape.put(edges(ringing, 2))
        tape.pause(float(rng.uniform(20, 400)))
    first_ms = tape.at_ms
    if layout != "bare":
        what = line.pick(rng, recipe.GREETINGS)
        while layout == "no_beep" and what in ("short", "personal"):
            what = line.pick(rng, recipe.GREETINGS)
        voice = _words(tape, speakers, rng, what, dbfs)
    if layout == "music":
        ms = tape.at_ms - first_ms
        music = to_level(speakers.cast.music(rng, ms), dbfs - float(rng.uniform(6, 20)))
        if level_dbfs(music) > -90:
            tape.under(first_ms, edges(music, min(ms / 4, float(rng.uniform(20, 600)))))
    beep = None
    if layout != "no_beep":
        gap = recipe.LATE_MS if layout == "late" else recipe.GAP_MS
        tape.pause(float(np.exp(rng.uniform(*np.log(gap)))))
        plan, sound = _beep(speakers, rng)
        start_ms = tape.at_ms
        tape.put(sound)
        beep = (start_ms, tape.at_ms, plan.dbfs)
    tape.pause(recipe.RECORDS_MS)
    return what, voice, first_ms, beep


def _words(tape: Tape, speakers: Speakers, rng: np.random.Generator, what: str, dbfs: float) -> str:
    speaker = speakers.machine(rng, what)
    words = speaker.say(rng, what)
    tape.say(np.clip(words * gain(dbfs - speech_level_dbfs(words)), -1, 1))
    return speaker.voice


def _beep(speakers: Speakers, rng: np.random.Generator) -> tuple[beeps.Beep, Sound]:
    kind = line.pick(rng, BEEPS)
    plan = beeps.draw(rng, kind)
    if kind == "pack":
        recorded = read(speakers.cast.beeps[int(rng.integers(len(speakers.cast.beeps)))])
        return plan, beeps.pack_sound(recorded, plan.dbfs)[1]
    return plan, beeps.sound(plan)


def _fax(tape: Tape, rng: np.random.Generator, dbfs: float) -> str:
    """A machine that answers, then its data; a quarter are machines that were calling themselves."""
    if rng.random() < 0.25:
        tape.put(network.cng(rng, dbfs, 4))
        return "cng"
    tape.put(network.ced(rng, dbfs))
    tape.pause(75)
    tape.put(network.modem(rng, 8000, dbfs))
    return "ced"


def _announcement(tape: Tape, speakers: Speakers, rng: np.random.Generator, dbfs: float) -> tuple[str, str]:
    what = line.pick(rng, recipe.ANNOUNCEMENTS)
    if what in ("busy", "reorder"):
        country = str(rng.choice(["us", "uk", "eu"]))
        kind = next(one for one in network.CADENCES if one.name == f"{what}_{country}")
        tape.put(network.cadence(rng, kind, 12_000, dbfs))
        return what, ""
    if what == "sit":
        tape.put(network.sit(rng, dbfs))
        tape.pause(float(rng.uniform(80, 700)))
    voice = ""
    for _ in range(2):
        voice = _words(tape, speakers, rng, "announcement", dbfs)
        tape.pause(float(rng.uniform(600, 1500)))
    tape.pause(3000)
    return what, voice
