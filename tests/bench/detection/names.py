"""What the network's tones in the corpus are, and how well `dsp.names` names them.

The manifest says of a recording only that it is, say, call progress. What was played in it is found by making its
content once more, from the same random numbers, before any line; the audio stays as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final
from unittest.mock import patch

import numpy as np

from dsp import Detection, ToneIdentified
from dsp.digits import key_of
from tests.bench.detection import mailboxes, negatives, network, recipe
from tests.bench.detection.manifest import Recording
from tests.bench.detection.sources import Tree
from tests.bench.detection.voices import Cast
from tests.bench.detection.waves import Sound

BEFORE_MS: Final = 60.0
AFTER_MS: Final = 1000.0
"""A name is a tone's if the tone that it speaks of begins between these, from the truth's start and to its end..."""
SIT_KINDS: Final = {(913.8, 1370.6): "intercept", (985.2, 1370.6): "vacant_code", (985.2, 1428.5): "no_circuit"}
_WHOLE: Final = ("dtmf", "sit", "fax_ced", "modem_answer")
"""Those that the file's end cuts off do not count; the others go on."""
_SOFT: Final = 40
_RATE: Final = recipe.RATE_HZ / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneTruth:
    """A tone that was played: its name, and its digit or kind (and country)."""

    name: str
    detail: str
    start_ms: float
    end_ms: float


class _Witness:
    """Notes what the generator's tones were while it makes a recording's content."""

    def __init__(self) -> None:
        self.played: list[tuple[str, Sound, list[tuple[tuple[float, ...], Sound]]]] = []
        self._sines: list[tuple[tuple[float, ...], Sound]] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        with ExitStack() as stack:
            for name in ("cadence", "sit", "dtmf", "cng", "ced"):
                stack.enter_context(patch.object(network, name, self._noting(name, getattr(network, name))))
            stack.enter_context(patch.object(network, "sines", self._noting_sines(network.sines)))
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
        cast = casts.setdefault(recording.split, Cast(tree, recording.split))  # type: ignore[arg-type]
        rng = np.random.default_rng([seed, recipe.SPLITS.index(recording.split), number])  # type: ignore[arg-type]
        witness = _Witness()
        with witness.watching():
            content = _ringing(cast, rng) if rings else _content(cast, rng, recording)
        found[recording.file] = list(_placed(witness, content, recording.duration_ms))
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


def _placed(witness: _Witness, content: Sound, duration_ms: float) -> Iterator[ToneTruth]:
    """Each tone where it is in the content, digit by digit."""
    whole = (content + 0.0).tobytes()  # no negative zeros: mixing has lost them
    at = 0
    for what, sound, sines in witness.played:
        # All but its edges, which may have been softened since.
        probe = (sound[_SOFT:-_SOFT] + 0.0).tobytes()
        found = whole.find(probe, at * content.itemsize)
        if found < 0:
            raise ValueError(f"{what} is not in the content")
        start = found // content.itemsize - _SOFT
        at = start + len(sound)
        for truth in _tones(what, start, sound, sines):
            if truth.end_ms <= duration_ms or (truth.start_ms < duration_ms and truth.name not in _WHOLE):
                yield truth


def _tones(
    what: str, start: int, sound: Sound, sines: list[tuple[tuple[float, ...], Sound]]
) -> Iterator[ToneTruth]:
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
        nominal = min(SIT_KINDS | {(950.0, 1400.0): ""}, key=lambda two: abs(two[0] - sines[0][0][0]) + abs(two[1] - sines[1][0][0]))
        yield ToneTruth(name="sit", detail=SIT_KINDS.get(nominal, ""), start_ms=start / _RATE, end_ms=end_ms)
    else:
        name, _, country = what.partition("_") if what.startswith(("ring", "busy", "reorder", "dial")) else (what, "", "")
        name = {"dial": "dial_tone", "cng": "fax_cng"}.get(name, name)
        yield ToneTruth(name=name, detail=country, start_ms=start / _RATE, end_ms=end_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class NameMark:
    """How one recording went."""

    recording: Recording
    right: tuple[tuple[ToneTruth, bool, bool, float], ...]
    """Each tone: was it named; and its digit or kind, too; and how long after its start."""
    wrong: tuple[tuple[ToneTruth, ToneIdentified], ...]
    """Other names said of it."""
    false: tuple[ToneIdentified, ...]
    """Names of what is no tone of the network."""


def mark(recording: Recording, played: Sequence[ToneTruth], detections: Sequence[Detection]) -> NameMark:
    """Compare what was said with what was played."""
    said = [one for one in detections if isinstance(one, ToneIdentified)]
    of: dict[int, list[ToneIdentified]] = {k: [] for k in range(len(played))}
    false = []
    for one in said:
        overlapping = [
            k
            for k, tone in enumerate(played)
            if tone.start_ms - BEFORE_MS <= one.start_ms <= tone.end_ms and one.at_ms <= tone.end_ms + AFTER_MS
        ]
        if overlapping:
            k = next((k for k in overlapping if played[k].name == one.name), overlapping[-1])
            of[k].append(one)
        else:
            false.append(one)
    right, wrong = [], []
    for k, tone in enumerate(played):
        named = [one for one in of[k] if one.name == tone.name]
        wrong += [(tone, one) for one in of[k] if one.name != tone.name]
        exact = any(tone.name not in ("dtmf", "sit") or (one.digit or one.kind or "") == tone.detail for one in named)
        if tone.name == "dtmf":
            wrong += [(tone, one) for one in named if one.digit != tone.detail]
        right.append((tone, bool(named), exact, named[0].at_ms - tone.start_ms if named else 0.0))
    return NameMark(recording=recording, right=tuple(right), wrong=tuple(wrong), false=tuple(false))


def table(marks: Sequence[NameMark]) -> dict[str, Any]:
    """By tone the share named rightly and wrongly; by class of recording false names an hour; what went wrong."""
    tones: dict[str, list[tuple[ToneTruth, bool, bool, float]]] = {}
    wrong: dict[str, int] = {}
    for m in marks:
        for tone, named, exact, after_ms in m.right:
            for key in (tone.name, f"{tone.name} {tone.detail}") if tone.detail and tone.name != "dtmf" else (tone.name,):
                tones.setdefault(key, []).append((tone, named, exact, after_ms))
        for tone, _ in m.wrong:
            wrong[tone.name] = wrong.get(tone.name, 0) + 1
    kinds: dict[str, list[NameMark]] = {}
    for m in marks:
        kinds.setdefault(m.recording.kind, []).append(m)
    return {
        "by_tone": {
            name: {
                "played": len(rows),
                "named_pct": round(100 * sum(row[2] for row in rows) / len(rows), 1),
                "kind_unknown_pct": round(100 * sum(row[1] and not row[2] for row in rows) / len(rows), 1),
                "wrong_names": wrong.get(name, 0) if name in wrong else (0 if " " not in name else None),
                "after_ms_median": round(float(np.median([row[3] for row in rows if row[1]])), 0)
                if any(row[1] for row in rows)
                else None,
            }
            for name, rows in sorted(tones.items())
        },
        "false_per_h": {
            kind: {
                "names": sum(len(m.false) for m in of_kind),
                "per_h": round(
                    sum(len(m.false) for m in of_kind) / (sum(m.recording.duration_ms for m in of_kind) / 3.6e6), 2
                ),
            }
            for kind, of_kind in sorted(kinds.items())
        },
        "complaints": [_complaint(m) for m in marks if m.wrong or m.false or not all(row[2] for row in m.right)],
    }


def _complaint(m: NameMark) -> dict[str, Any]:
    def brief(one: ToneIdentified) -> list[Any]:
        hz = [round(hz) for hz in one.frequencies_hz]
        return [one.name, one.digit or one.kind or "", round(one.start_ms), round(one.at_ms), hz]

    def truth(tone: ToneTruth) -> list[Any]:
        return [tone.name, tone.detail, round(tone.start_ms), round(tone.end_ms)]

    return {
        "file": m.recording.file,
        "missed": [truth(tone) for tone, _, exact, _ in m.right if not exact],
        "wrong": [[truth(tone), brief(one)] for tone, one in m.wrong],
        "false": [brief(one) for one in m.false],
        "line": m.recording.line,
    }
