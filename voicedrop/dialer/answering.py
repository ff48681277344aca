"""Who answered, by how long somebody speaks and whether he then waits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dsp import BeepEnded, Detector, SpeechEnded, SpeechStarted

RATE_PER_MS = 8
HUMAN_GREETING_MS = 2500.0
HUMAN_PAUSE_MS = 900.0
MAILBOX_GREETING_MS = 4000.0
SILENCE_MS = 6000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    kind: str
    reason: str
    confidence: float


class AnswerListener:
    """One answer; says one verdict."""

    def __init__(self) -> None:
        self._detector = Detector()
        self._now_ms = 0.0
        self._first_ms: float | None = None
        self._quiet_ms: float | None = 0.0
        self._said = False

    def feed(self, samples: npt.NDArray[np.int16]) -> list[Said]:
        self._now_ms += len(samples) / RATE_PER_MS
        if self._said:
            return []
        for one in self._detector.feed(samples):
            match one:
                case BeepEnded():
                    return self._say("mailbox", "a beep", 1.0)
                case SpeechStarted():
                    self._first_ms = one.start_ms if self._first_ms is None else self._first_ms
                    self._quiet_ms = None
                case SpeechEnded():
                    self._quiet_ms = one.end_ms
        if self._first_ms is None:
            return self._say("silence", "nobody spoke", 1.0) if self._now_ms > SILENCE_MS else []
        until = self._now_ms if self._quiet_ms is None else self._quiet_ms
        if until - self._first_ms > MAILBOX_GREETING_MS:
            return self._say("mailbox", "somebody speaks for longer than a person who answers", 0.95)
        if self._quiet_ms is not None and self._now_ms - self._quiet_ms > HUMAN_PAUSE_MS:
            if until - self._first_ms < HUMAN_GREETING_MS:
                return self._say("human", "a short greeting, and somebody waits", 0.9)
            return self._say("unsure", "a greeting of middling length", 0.5)
        return []

    def _say(self, kind: str, reason: str, confidence: float) -> list[Said]:
        self._said = True
        return [Said(kind=kind, reason=reason, confidence=confidence)]
