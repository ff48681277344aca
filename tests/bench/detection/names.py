"""What the network's tones in the corpus are, and how well `dsp.names` names them.

The manifest says of a recording only that it is, say, call progress. What was played in it is found by making its
content once more, from the same random numbers, before any line; the audio stays as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any, Final
from unittest.mock import patch

import numpy as np

from dsp import Detection, ToneIdentified
from dsp.digits import key_of
from tests.bench.detection import mailboxes, negatives, network, recipe, score, waves
from tests.bench.detection.manifest import Recording
from tests.bench.detection.sources import Tree
from tests.bench.detection.voices import Cast
from tests.bench.detection.waves import Sound

BEFORE_MS: Final = 60.0
AFTER_MS: Final = 1000.0
"""A name is a tone's if the tone that it speaks of begins during it, or so long before, and it is said before the
tone's end, or so long after it."""
_SIT_KINDS: Final = {
    (913.8, 1370.6): "intercept",
    (985.2, 1370.6): "vacant_code",
    (985.2, 1428.5): "no_circuit",
    (950.0, 1400.0): "",
}
_WHOLE: Final = ("dtmf", "sit", "fax_ced", "modem_answer")
"""Those that the file's end cuts off do not count; the others go on."""
_SOFT_SAMPLES: Final = 40
"""At its edges a tone may have been softened since it was made."""
_RATE: Final = recipe.RATE_HZ / 1000
_NAMES: Final = {"dial": "dial_tone", "cng": "fax_cng"}
_Sines = list[tuple[tuple[float, ...], Sound]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneTruth:
    """A tone that was played: its name, and its digit or kind (and country)."""

    name: str
    detail: str
    start_ms: float
    end_ms: float


class Witness:
    """Notes what the generator's tones were while it makes a recording's content."""

    def __init__(self) -> None:
        self.played: list[tuple[str, Sound, _Sines]] = []
        self._sines: _Sines = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note what is made meanwhile."""
        with ExitStack() as stack:
            for name in ("cadence", "sit", "dtmf", "cng", "ced"):
                stack.enter_context(patch.object(network, name, self._noting(name, getattr(network, name))))
            stack.enter_context(patch.object(network, "sines", self._noting_sines(waves.sines)))
            yield

    def _noting(self, name: str, real: Callable[..., Sound]) -> Callable[..., Sound]:
        def noted(rng: np.random.Generator, *arguments: Any) -> Sound:
            what = name
            if name == "cadence":
                what = arguments[0].name
            elif name == "ced":
                what = _answer_of(copy.deepcopy(rng))
            self._sines = []
            sound = real(rng, *arguments)
            self.played.append((what, sound, self._sines))
            return sound

        return noted

    def _noting_sines(self, real: Callable[..., Sound]) -> Callable[..., Sound]:
        def noted(hz: tuple[float, ...], *arguments: Any) -> Sound:
            sound = real(hz, *arguments)
            self._sines.append((hz, sound))
            return sound

        return noted


def _answer_of(rng: np.random.Generator) -> str:
    """The draws of `network.ced`: its kind decides whether its phase turns."""
    rng.uniform(2600, 4000)
    rng.uniform(-15, 15)
    return "modem_answer" if int(rng.integers(3)) > 0 else "fax_ced"


def truths(tree: Tree, recordings: Sequence[Recording], seed: int) -> dict[str, list[ToneTruth]]:
    """What was played in each recording of one split, by its file; the manifest's order is the recipe's.

    Raises:
        ValueError: what is made now is not what the manifest speaks of.
    """
    casts: dict[str, Cast] = {}
    found: dict[str, list[ToneTruth]] = {}
    for number, recording in enumerate(recordings):
        found[recording.file] = []
        rings = recording.layout == "ringback"
        if not rings and recording.kind not in ("call_progress", "sit", "dtmf", "fax"):
            continue
        cast = casts.setdefault(recording.split, Cast(tree, recording.split))
        rng = np.random.default_rng([seed, recipe.SPLITS.index(recording.split), number])
        witness = Witness()
        with witness.watching():
            content = _ringing(cast, rng) if rings else _content(cast, rng, recording)
        found[recording.file] = list(placed(witness, content, recording.duration_ms))
    return found


def _ringing(cast: Cast, rng: np.random.Generator) -> Sound:
    """What a mailbox that rings begins with."""
    cast.greeter(rng)
    rng.uniform(*recipe.SPEECH_DBFS)
    tape = mailboxes._Tape()
    mailboxes._ring(tape, rng)
    return tape.mixed()


def _content(cast: Cast, rng: np.random.Generator, recording: Recording) -> Sound:
    dbfs = float(rng.uniform(*recipe.SPEECH_DBFS))
    voice, sound, note = negatives._content(cast, rng, recording.kind, dbfs)
    if (voice, note) != (recording.voice, recording.note):
        raise ValueError(f"{recording.file}: {note} of {voice} is made now, not {recording.note} of {recording.voice}")
    return sound


def placed(witness: Witness, content: Sound, duration_ms: float) -> Iterator[ToneTruth]:
    """Each tone where it is in the content, digit by digit."""
    whole = (content + 0.0).tobytes()  # no negative zeros: mixing has lost them
    at = 0
    for what, sound, sines in witness.played:
        # All but its edges, which may have been softened since.
        probe = (sound[_SOFT_SAMPLES:-_SOFT_SAMPLES] + 0.0).tobytes()
        found = whole.find(probe, at * content.itemsize)
        if found < 0:
            raise ValueError(f"{what} is not in the content")
        start = found // content.itemsize - _SOFT_SAMPLES
        at = start + len(sound)
        for truth in _tones(what, start, sound, sines):
            if truth.end_ms <= duration_ms or (truth.start_ms < duration_ms and truth.name not in _WHOLE):
                yield truth


def _tones(what: str, start: int, sound: Sound, sines: list[tuple[tuple[float, ...], Sound]]) -> Iterator[ToneTruth]:
    end_ms = (start + len(sound)) / _RATE
    if what == "dtmf":
        step = len(sound) // (len(sines) // 2)
        for k in range(0, len(sines), 2):
            (row, tone), (column, _) = sines[k : k + 2]
            key = key_of(row[0], column[0])
            assert key is not None
            first = start + k // 2 * step
            yield ToneTruth(name="dtmf", detail=key, start_ms=first / _RATE, end_ms=(first + len(tone)) / _RATE)
    elif what == "sit":
        first, second = sines[0][0][0], sines[1][0][0]
        nearest = min(_SIT_KINDS, key=lambda known: abs(known[0] - first) + abs(known[1] - second))
        yield ToneTruth(name="sit", detail=_SIT_KINDS[nearest], start_ms=start / _RATE, end_ms=end_ms)
    else:
        name, country = what, ""
        if any(cadence.name == what for cadence in network.CADENCES):
            name, country = what.split("_")
        yield ToneTruth(name=_NAMES.get(name, name), detail=country, start_ms=start / _RATE, end_ms=end_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneMark:
    """How one tone went."""

    truth: ToneTruth
    named: bool
    exact: bool
    """Its digit or kind was right, too."""
    after_ms: float
    """From its start to the name."""
    wrong: tuple[ToneIdentified, ...]
    """Other names, or digits, said of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameMark:
    """How one recording went."""

    recording: Recording
    tones: tuple[ToneMark, ...]
    false: tuple[ToneIdentified, ...]
    """Names of what is no tone of the network."""


def mark(recording: Recording, played: Sequence[ToneTruth], detections: Sequence[Detection]) -> NameMark:
    """Compare what was said with what was played."""
    said_of: list[list[ToneIdentified]] = [[] for _ in played]
    false = []
    for one in detections:
        if not isinstance(one, ToneIdentified):
            continue
        near = [
            k
            for k, tone in enumerate(played)
            if tone.start_ms - BEFORE_MS <= one.start_ms <= tone.end_ms and one.at_ms <= tone.end_ms + AFTER_MS
        ]
        if near:
            # Where two tones touch, it is of the one whose name it has.
            said_of[next((k for k in near if played[k].name == one.name), near[-1])].append(one)
        else:
            false.append(one)
    tones = tuple(_mark(tone, said) for tone, said in zip(played, said_of, strict=True))
    return NameMark(recording=recording, tones=tones, false=tuple(false))


def _mark(truth: ToneTruth, said: Sequence[ToneIdentified]) -> ToneMark:
    named = [one for one in said if one.name == truth.name]
    exact = [one for one in named if truth.name not in ("dtmf", "sit") or (one.digit or one.kind or "") == truth.detail]
    return ToneMark(
        truth=truth,
        named=bool(named),
        exact=bool(exact),
        after_ms=named[0].at_ms - truth.start_ms if named else 0.0,
        wrong=tuple(one for one in said if one not in (exact if truth.name == "dtmf" else named)),
    )


def table(marks: Sequence[NameMark]) -> dict[str, Any]:
    """By tone (and country, or kind) the share named rightly; by class of recording the false names an hour."""
    tones: dict[str, list[ToneMark]] = {}
    for tone in (tone for m in marks for tone in m.tones):
        truth = tone.truth
        tones.setdefault(truth.name, []).append(tone)
        if truth.detail and truth.name != "dtmf":
            tones.setdefault(f"{truth.name} {truth.detail}", []).append(tone)
    kinds: dict[str, list[NameMark]] = {}
    for m in marks:
        kinds.setdefault(m.recording.kind, []).append(m)
    return {
        "by_tone": {name: _tone_figures(rows) for name, rows in sorted(tones.items())},
        "false": {kind: _false_figures(rows) for kind, rows in sorted(kinds.items())},
    }


def _tone_figures(rows: Sequence[ToneMark]) -> dict[str, Any]:
    after = [row.after_ms for row in rows if row.named]
    return {
        "played": len(rows),
        "named_pct": score.percent(row.exact for row in rows),
        "vague_pct": score.percent(row.named and not row.exact for row in rows),
        "wrong_pct": score.percent(bool(row.wrong) for row in rows),
        "after_ms_median": round(median(after)) if after else None,
    }


def _false_figures(rows: Sequence[NameMark]) -> dict[str, Any]:
    names = sum(len(row.false) for row in rows)
    hours = sum(row.recording.duration_ms for row in rows) / 3_600_000
    return {"hours": round(hours, 2), "names": names, "per_h": round(names / hours, 2)}


def complaints(marks: Sequence[NameMark]) -> list[dict[str, Any]]:
    """The recordings in which a tone was not named, or something else was, with what is needed to look at it."""
    return [
        {
            "file": m.recording.file,
            "missed": [_truth(tone.truth) for tone in m.tones if not tone.exact],
            "wrong": [[_truth(tone.truth), _said(one)] for tone in m.tones for one in tone.wrong],
            "false": [_said(one) for one in m.false],
            "line": m.recording.line,
        }
        for m in marks
        if m.false or any(tone.wrong or not tone.exact for tone in m.tones)
    ]


def _truth(tone: ToneTruth) -> list[Any]:
    return [tone.name, tone.detail, round(tone.start_ms), round(tone.end_ms)]


def _said(one: ToneIdentified) -> list[Any]:
    hz = [round(hz) for hz in one.frequencies_hz]
    return [one.name, one.digit or one.kind or "", round(one.start_ms), round(one.at_ms), hz]
