"""From what was said of each clip to the figures. Fixed before any threshold was tuned.

*The verdict* on a clip is the first one: an engine that hangs up on a human does so then. `human_as_mailbox_pct` and
`mailbox_recall_pct` are by it. Times are from the answer, over the humans whose verdict is human; `_from_word_` counts
from the first word instead. *Played to*: what an engine does that plays at a beep, or at a mailbox verdict behind a
silent greeting that is sure enough, and hangs up on all else (see `plays`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from scipy.stats import beta

from dsp.answer_settings import AnswerSettings
from tests.bench.detection.score import quantile
from tests.bench.verdict.clips import Clip

KINDS: Final = ("human", "mailbox", "screening", "fax", "announcement", "silence", "unsure")
NONE: Final = "none"
SURE_PCT: Final = 95.0
PLAY_CONFIDENCE: Final = AnswerSettings().play_confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One verdict, and the end of the frame that brought it, in ms from the answer."""

    kind: str
    reason: str
    confidence: float
    t_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A clip and all that was said of it, in order."""

    clip: Clip
    said: tuple[Said, ...]

    @property
    def kind(self) -> str:
        return self.said[0].kind if self.said else NONE

    @property
    def plays(self) -> Said | None:
        """The verdict at which an unattended engine would play, if it does not hang up before."""
        for one in self.said:
            if one.kind != "mailbox":
                return None
            if one.reason == "beep" or (one.reason == "no_beep" and one.confidence >= PLAY_CONFIDENCE):
                return one
        return None


def interval_pct(hits: int, of: int, sure_pct: float = SURE_PCT) -> list[float] | None:
    """Clopper and Pearson's, exact; None of nothing."""
    if of == 0:
        return None
    tail = (1 - sure_pct / 100) / 2
    low = float(beta.ppf(tail, hits, of - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, of - hits)) if hits < of else 1.0
    return [round(100 * low, 2), round(100 * high, 2)]


def figures(marks: Sequence[Mark], prefix: str = "") -> dict[str, Any]:
    """The figures of one row."""
    humans = [m for m in marks if m.clip.kind == "human"]
    mailboxes = [m for m in marks if m.clip.kind == "mailbox"]
    found: dict[str, Any] = {}
    for name, group, kind in (
        ("mailbox_recall", mailboxes, "mailbox"),
        ("human_as_mailbox", humans, "mailbox"),
        ("human_recall", humans, "human"),
        ("mailbox_as_human", mailboxes, "human"),
    ):
        hits = sum(m.kind == kind for m in group)
        found[f"{name}_pct"] = round(100 * hits / len(group), 2) if group else None
        found[f"{name}_ci95_pct"] = interval_pct(hits, len(group))
    times = sorted(m.said[0].t_ms for m in humans if m.kind == "human")
    words = sorted(m.said[0].t_ms - (m.clip.first_ms or 0.0) for m in humans if m.kind == "human")
    for name, ordered in (("human_verdict", times), ("human_verdict_from_word", words)):
        for share in (0.5, 0.95):
            found[f"{name}_ms_p{share * 100:.0f}"] = round(quantile(ordered, share)) if ordered else None
    found["humans_ever_called_mailbox"] = sum(any(s.kind == "mailbox" for s in m.said) for m in humans)
    found["humans"], found["human_voices"] = len(humans), len({m.clip.voice for m in humans})
    found["mailboxes"] = len(mailboxes)
    return {prefix + key: value for key, value in found.items()}


def playing(marks: Sequence[Mark]) -> dict[str, Any]:
    """What an unattended engine would play to."""
    played = [(m, m.plays) for m in marks if m.plays is not None]
    mailboxes = sum(m.clip.kind == "mailbox" for m in marks)
    return {
        "played_to": dict(Counter(m.clip.kind for m, _ in played)),
        "humans_played_to": [m.clip.file for m, _ in played if m.clip.kind == "human"],
        "mailboxes_played_to_pct": round(100 * sum(m.clip.kind == "mailbox" for m, _ in played) / max(1, mailboxes), 2),
        "played_without_beep": sum(one.reason != "beep" for _, one in played),
    }


def confusion(marks: Sequence[Mark]) -> dict[str, dict[str, int]]:
    """How many clips of each kind were called what."""
    table: dict[str, dict[str, int]] = {}
    for m in marks:
        table.setdefault(m.clip.kind, Counter())[m.kind] += 1
    return {kind: dict(row) for kind, row in table.items()}


def by_part(marks: Sequence[Mark]) -> dict[str, dict[str, Any]]:
    """Of each kind of answer, greeting and layout: how many, and how many were called what."""
    table: dict[str, Counter[str]] = {}
    for m in marks:
        for part in (f"{m.clip.kind}: {m.clip.what}", f"{m.clip.kind}, {m.clip.layout}" if m.clip.layout else ""):
            if part:
                table.setdefault(part, Counter())[m.kind] += 1
    return {part: dict(row) for part, row in sorted(table.items())}


def complaints(marks: Sequence[Mark]) -> list[dict[str, Any]]:
    """Humans called mailboxes and the other way round, with what is needed to look at them."""
    return [
        {
            "file": m.clip.file,
            "what": m.clip.what,
            "layout": m.clip.layout,
            "voice": m.clip.voice,
            "said": [[s.kind, s.reason, s.t_ms] for s in m.said],
            "spoken_ms": m.clip.spoken_ms[:6],
            "beep_ms": m.clip.beep_ms,
            "line": m.clip.line,
        }
        for m in marks
        if m.clip.kind in ("human", "mailbox") and (m.kind != m.clip.kind) and {m.kind, m.clip.kind} & {"mailbox"}
    ]
