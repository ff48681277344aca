"""RingCentral's rule for when to start: seven fixed tones, then 2 s of silence; else 4 s of silence.

It names a moment to start rather than a beep, so it is scored by dead air: from the start of the mailbox's
recording to that moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, ClassVar, Final

import numpy as np

from tests.bench.detection.baselines import GoertzelBank
from tests.bench.detection.manifest import Recording
from tests.bench.detection.score import percent, quantile
from tests.bench.detection.waves import Samples

_FRAME_MS: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """When the message would start, and whether a beep was the reason."""

    at_ms: float
    by_beep: bool


class SevenTones(GoertzelBank):
    """The fixed tones; which seven is not published: round figures and Asterisk's."""

    title: ClassVar[str] = "seven tones"
    TONES_HZ: ClassVar[tuple[float, ...]] = (440, 620, 700, 850, 1000, 1400, 2000)
    SHARE: ClassVar[float] = 0.8
    HOLD_BLOCKS: ClassVar[int] = 10


class RingCentralRule:
    """Feed 20 ms frames; the cue comes once."""

    title: ClassVar[str] = "RingCentral's drop"
    SILENT_DBFS: ClassVar[float] = -42.0
    AFTER_BEEP_MS: ClassVar[float] = 2000.0
    WITHOUT_BEEP_MS: ClassVar[float] = 4000.0

    def __init__(self) -> None:
        self._bank = SevenTones()
        self._beep = False
        self._silent_ms = 0.0
        self._now_ms = 0.0

    def feed(self, frame: Samples) -> Cue | None:
        self._now_ms += _FRAME_MS
        self._beep = bool(self._bank.feed(frame)) or self._beep
        power = 2 * float(np.mean((frame / 32768.0) ** 2))
        self._silent_ms = self._silent_ms + _FRAME_MS if power < 10 ** (self.SILENT_DBFS / 10) else 0.0
        if self._silent_ms >= (self.AFTER_BEEP_MS if self._beep else self.WITHOUT_BEEP_MS):
            return Cue(at_ms=self._now_ms, by_beep=self._beep)
        return None


def cue_of(samples: Samples) -> Cue | None:
    """When the rule would start in this call; None if it does not before the end."""
    rule = RingCentralRule()
    for k in range(len(samples) // 160):
        cue = rule.feed(samples[k * 160 : (k + 1) * 160])
        if cue is not None:
            return cue
    return None


def summary(cues: Sequence[tuple[Recording, Cue | None]]) -> dict[str, Any]:
    """Over mailboxes with a beep: dead air of those it began after the record start, and the rest as shares."""
    known = [(r, cue) for r, cue in cues if r.record_beep is not None and r.record_start_ms is not None]
    dead_air = sorted(
        cue.at_ms - r.record_start_ms for r, cue in known if cue is not None and r.record_start_ms is not None
    )
    after = [ms for ms in dead_air if ms >= 0]
    return {
        "by_beep_pct": percent(cue is not None and cue.by_beep for _, cue in known),
        "too_early_pct": percent(
            cue is not None and r.record_start_ms is not None and cue.at_ms < r.record_start_ms for r, cue in known
        ),
        "never_pct": percent(cue is None for _, cue in known),
        "dead_air_ms_median": round(median(after)) if after else None,
        "dead_air_ms_p95": round(quantile(after, 0.95)) if after else None,
    }
