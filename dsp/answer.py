"""Who or what answered an unattended call."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from dsp.answer_settings import AnswerSettings
from dsp.detector import Detector
from dsp.events import BeepDropped, BeepEnded, BeepStarted, Detection, ToneIdentified
from dsp.spectrum import Hop, Samples
from dsp.voice_track import VoiceTrack

AnswerKind = Literal["human", "mailbox", "screening", "fax", "announcement", "silence", "unsure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Who answered, why it is thought so, how sure that is (0 to 1), and when it was said in stream time."""

    kind: AnswerKind
    reason: str
    confidence: float
    t_ms: float


class Heard(NamedTuple):
    """The voice so far."""

    now_ms: float
    first_ms: float
    greeting_ms: float
    voiced_ms: float
    pause_ms: float
    longest_pause_ms: float
    last_ms: float
    before_last_ms: float
    stretches: int
    level_dbfs: float


class AnswerListener:
    def __init__(self, settings: AnswerSettings | None = None, detector: Detector | None = None) -> None:
        self.settings = settings or AnswerSettings()
        self._detector = detector or Detector()
        self._track = VoiceTrack(self.settings.voice)
        self.verdict: Verdict | None = None
        self._beeping = False
        self._since_ms = 0.0

    def feed(self, samples: Samples) -> list[Verdict]:
        said: list[Verdict] = []
        for hop in self._detector.stream.feed(samples):
            said += self.hear(hop, self._detector.hear([hop]))
        return said

    def hear(self, hop: Hop, detections: Sequence[Detection]) -> list[Verdict]:
        said = [self._heard(one) for one in detections]
        if self._track.feed(hop) and not self._beeping:
            said.append(self._look(hop.end_ms))
        return [one for one in said if one is not None]
