"""What counts as a hit, a premature file and a false trigger; per recording, then summed by class.

*Hit*: a declaration between the beep's start and 0.4 s after its end. *Usable*: the first declaration of the
file is that hit and does not come before the beep's end. *Premature*: a declaration before the beep's start, or
anywhere in a mailbox without a beep. *False triggers*: declarations in beep-free audio, an hour.

Where a mailbox has two beeps, the one that starts the recording is meant; a declaration that would be a hit on
the earlier one is right too, and counts neither for nor against.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from tests.bench.detection.manifest import BeepTruth, Recording
from tests.bench.detection.recipe import SPEECH_CLASSES

LATE_MS: Final = 400.0
"""A declaration so long after the beep's end is still a hit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How one recording went."""

    recording: Recording
    hit: bool
    usable: bool
    premature: bool
    end_ms: float | None
    """From the beep's end to the declaration; negative before it; None without a hit."""
    false_triggers: int
    """Only of beep-free recordings."""
    cpu_s: float


def mark(recording: Recording, at_ms: Sequence[float], cpu_s: float = 0.0) -> Mark:
    """Compare the declarations, in order, with the truth."""
    beep = recording.record_beep
    if recording.kind != "mailbox":
        return _mark(recording, cpu_s, false_triggers=len(at_ms))
    if beep is None:
        return _mark(recording, cpu_s, premature=bool(at_ms))
    earlier = recording.beeps[:-1]
    counted = [at for at in at_ms if is_hit(at, beep) or not any(is_hit(at, other) for other in earlier)]
    hits = [at for at in counted if is_hit(at, beep)]
    if not hits:
        return _mark(recording, cpu_s, premature=any(at < beep.start_ms for at in counted))
    return _mark(
        recording,
        cpu_s,
        hit=True,
        usable=counted[0] == hits[0] and hits[0] >= beep.end_ms,
        premature=counted[0] < beep.start_ms,
        end_ms=hits[0] - beep.end_ms,
    )


def is_hit(at_ms: float, beep: BeepTruth) -> bool:
    """Is a declaration at this time one of this beep?"""
    return beep.start_ms <= at_ms <= beep.end_ms + LATE_MS


def _mark(
    recording: Recording,
    cpu_s: float,
    *,
    hit: bool = False,
    usable: bool = False,
    premature: bool = False,
    end_ms: float | None = None,
    false_triggers: int = 0,
) -> Mark:
    return Mark(
        recording=recording,
        hit=hit,
        usable=usable,
        premature=premature,
        end_ms=end_ms,
        false_triggers=false_triggers,
        cpu_s=cpu_s,
    )


def summary(marks: Sequence[Mark]) -> dict[str, Any]:
    """The figures of the report over these recordings; None where there is nothing to divide by."""
    mailboxes = [m for m in marks if m.recording.kind == "mailbox"]
    with_beep = [m for m in mailboxes if m.recording.beeps]
    free = [m for m in marks if m.recording.kind != "mailbox"]
    spoken = [m for m in free if m.recording.kind in SPEECH_CLASSES]
    ends = sorted(m.end_ms for m in with_beep if m.end_ms is not None)
    return {
        "mailboxes": len(mailboxes),
        "hit_pct": percent(m.hit for m in with_beep),
        "usable_pct": percent(m.usable for m in with_beep),
        "premature_pct": percent(m.premature for m in mailboxes),
        "fa_speech_per_h": per_hour(spoken),
        "fa_all_per_h": per_hour(free),
        "end_ms_median": round(median(ends), 1) if ends else None,
        "end_ms_p95": round(quantile(ends, 0.95), 1) if ends else None,
        "cpu_s_per_h_single": _ratio(sum(m.cpu_s for m in marks), hours(marks)),
        "beep_free_h": round(hours(free), 2),
    }


def by_class(marks: Sequence[Mark]) -> dict[str, dict[str, dict[str, Any]]]:
    """Tables: grouping → class → figures. For mailboxes by what differs between them, for the rest by kind."""
    with_beep = [m for m in marks if m.recording.record_beep]
    mailboxes = [m for m in marks if m.recording.kind == "mailbox"]
    free = [m for m in marks if m.recording.kind != "mailbox"]
    keys: dict[str, Callable[[Mark], str]] = {
        "beep": lambda m: _beep(m).kind,
        "documented": lambda m: _beep(m).source,
        "length": lambda m: _band(_beep(m).length_ms, (60, 100, 150, 250, 500), "ms"),
        "level": lambda m: _band(_beep(m).dbfs, (-30, -24, -18, -12), "dBFS"),
        "frequency": lambda m: _band(_beep(m).hz[0], (500, 700, 1000, 1500, 2000), "Hz"),
        "codec": lambda m: str(m.recording.line["codec"]),
        "loss": lambda m: str(m.recording.line["loss"]),
        "noise": lambda m: _noise(m.recording),
        "voice": lambda m: _voice(m.recording),
    }
    tables = {name: _grouped(with_beep, key, _mailbox_figures) for name, key in keys.items()}
    tables["documented"].pop("", None)
    tables["layout"] = _grouped(mailboxes, lambda m: m.recording.layout, _mailbox_figures)
    tables["beep_free"] = _grouped(free, lambda m: m.recording.kind, _free_figures)
    tables["beep_free_voice"] = _grouped(
        [m for m in free if m.recording.kind in SPEECH_CLASSES], lambda m: _voice(m.recording), _free_figures
    )
    return tables


def _grouped(
    marks: Sequence[Mark], key: Callable[[Mark], str], figures: Callable[[Sequence[Mark]], dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    groups: dict[str, list[Mark]] = {}
    for m in marks:
        groups.setdefault(key(m), []).append(m)
    return {name: {"files": len(group), **figures(group)} for name, group in sorted(groups.items(), key=_order)}


def _order(item: tuple[str, list[Mark]]) -> tuple[float, str]:
    """Bands by their number, names by the alphabet."""
    sign, _, rest = item[0].partition(" ")
    if sign in ("<", "≥"):
        return (float(rest.split()[0]) - (0.5 if sign == "<" else 0.0), "")
    return (0.0, item[0])


def _mailbox_figures(marks: Sequence[Mark]) -> dict[str, Any]:
    whole = summary(marks)
    return {key: whole[key] for key in ("hit_pct", "usable_pct", "premature_pct", "end_ms_median", "end_ms_p95")}


def _free_figures(marks: Sequence[Mark]) -> dict[str, Any]:
    return {"false_triggers": sum(m.false_triggers for m in marks), "fa_per_h": per_hour(marks)}


def _beep(m: Mark) -> BeepTruth:
    beep = m.recording.record_beep
    assert beep is not None
    return beep


def _noise(recording: Recording) -> str:
    kind, snr = str(recording.line["noise"]), float(recording.line["snr_db"])
    return kind if kind == "line" else f"{kind} {'10-20' if snr < 20 else '20-30'} dB"


def _voice(recording: Recording) -> str:
    """Synthetic voices are one class, not a voice each; so are children."""
    name = recording.voice
    return next((kind for kind in ("child", "espeak") if name.startswith(kind)), name)


def _band(value: float, limits: tuple[float, ...], unit: str) -> str:
    for limit in reversed(limits):
        if value >= limit:
            return f"≥ {limit:g} {unit}"
    return f"< {limits[0]:g} {unit}"


def percent(flags: Iterable[bool]) -> float | None:
    """Share of the true ones."""
    values = list(flags)
    return round(100 * sum(values) / len(values), 2) if values else None


def hours(marks: Sequence[Mark]) -> float:
    """How much audio that was."""
    return sum(m.recording.duration_ms for m in marks) / 3_600_000


def per_hour(marks: Sequence[Mark]) -> float | None:
    """False triggers an hour."""
    return _ratio(sum(m.false_triggers for m in marks), hours(marks))


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` of them do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 2) if whole else None
