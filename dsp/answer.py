"""Who or what answered an unattended call."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from dsp.answer_settings import AnswerSettings
from dsp.detector import Detector
from dsp.events import BeepDropped, BeepEnded, BeepStarted, Detection, ToneIdentified
from dsp.recent import Samples, blocks
from dsp.spectrum import WINDOW_CENTRE_MS, Hop
from dsp.voice_track import BEEP_EDGE_MS, Stretch, VoiceTrack

AnswerKind = Literal["human", "mailbox", "screening", "fax", "announcement", "silence", "unsure"]
AnswerReason = Literal[
    "waits", "asks_again", "over_noise", "beep", "faint_beep", "no_beep", "tone", "nothing", "words", "too_long"
]
_OF_TONE: Final[dict[str, AnswerKind]] = {
    "fax_cng": "fax",
    "fax_ced": "fax",
    "modem_answer": "fax",
    "sit": "announcement",
    "busy": "announcement",
    "reorder": "announcement",
    "dial_tone": "announcement",
    "stutter_dial_tone": "announcement",
}
_HOPS_KEPT: Final = 300
"""3 s: what is asked about behind a beep, even if another tone (at most 1.75 s) is looked at first."""
_LOUD_SHARE: Final = 0.9
"""How loud it is: so much of it is no louder. A click or a lost packet says nothing."""
_SAME_BEEP: Final = 0.015
"""Relative difference in frequency, as `ProgressSettings.same_tone`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Who answered."""

    kind: AnswerKind
    reason: AnswerReason
    confidence: float
    """0 to 1: a rank, not a measured probability. A verdict is revised only by a surer one."""
    t_ms: float
    """When it was said: the end of the samples consumed by then, in stream time."""
    tone: str | None = None
    """The name of the tone that says it."""


class AnswerListener:
    """Samples from the answer on, verdicts out: the first, and each that revises it.

    Input: int16, mono, 8 kHz, shape (n,), any n. However the stream is cut, the verdicts are the same, at the same
    stream times. State is bounded. A verdict is said at a multiple of 50 ms, or with the detection that brings it.
    """

    def __init__(self, settings: AnswerSettings | None = None, detector: Detector | None = None) -> None:
        self.settings = settings or AnswerSettings()
        self.detector = detector or Detector()
        self._track = VoiceTrack(self.settings.voice)
        self._levels: deque[tuple[float, float]] = deque(maxlen=_HOPS_KEPT)  # centre in ms, dBFS
        self._beeping = False
        self._last_beep: BeepEnded | None = None
        """The one before, whether it settled anything or not."""
        self._waiting_beep: BeepEnded | None = None
        """It settles it if nothing follows."""
        self._since_ms = 0.0
        """What was before does not count."""
        self._bare_beep_ms = 0.0
        """Where a beep ended before which nobody had spoken."""
        self.verdict: Verdict | None = None
        """The last one."""

    def feed(self, samples: Samples) -> list[Verdict]:
        """Take samples; what is to be said of them, in order."""
        said: list[Verdict] = []
        for block in blocks(samples):
            for hop in self.detector.stream.feed(block):
                said += self.hear(hop, self.detector.hear([hop]))
        return said

    def hear(self, hop: Hop, detections: Sequence[Detection]) -> list[Verdict]:
        """The second half of `feed`, for those who have a detector of their own: a hop and what it brought."""
        self._levels.append((hop.end_ms - WINDOW_CENTRE_MS, hop.dbfs))
        said = [self._detected(one) for one in detections]
        if self._track.feed(hop) and not self._beeping:
            said.append(self._look(hop.end_ms))
        return [one for one in said if one is not None]

    def read(self, kind: AnswerKind, confidence: float, now_ms: float) -> list[Verdict]:
        """Take the verdict of who recognises words, if anybody does: they say what sounds cannot, such as screening."""
        said = self._say(kind, "words", confidence, now_ms)
        return [said] if said is not None else []

    def _detected(self, detection: Detection) -> Verdict | None:
        match detection:
            case BeepStarted():
                self._beeping = True
            case BeepDropped():
                self._beeping = False
            case BeepEnded():
                self._beeping = False
                self._track.drop(detection.start_ms)
                self._beep(detection)
            case ToneIdentified(name="ringback"):
                # Forwarded: whoever answers has not spoken yet.
                self._track.clear(detection.frequencies_hz)
                self._since_ms = detection.at_ms
                self._waiting_beep = None
            case ToneIdentified(name=name) if name in _OF_TONE:
                return self._say(_OF_TONE[name], "tone", 0.98, detection.at_ms, name)
        return None

    def _look(self, now_ms: float) -> Verdict | None:
        settings = self.settings
        voice = self._track.stretches()
        if not voice:
            return self._look_at_nothing(now_ms)
        if self._waiting_beep is not None:
            return self._look_behind(self._waiting_beep, voice, now_ms)
        if now_ms - self._since_ms >= settings.give_up_ms:
            return self._say("unsure", "too_long", 0.5, now_ms)
        silence_ms = now_ms - voice[-1].end_ms
        if self._track.sounded_ms > voice[-1].end_ms:
            # Somebody in the background, or a fainter word.
            silence_ms = max(now_ms - self._track.sounded_ms, silence_ms - settings.background_ms)
        turns = _turns(voice, settings.turn_ms)
        if self._track.in_tone:
            return None
        lone_ms = self._lone_tone_ms(voice, turns)
        if lone_ms is not None:
            sure = now_ms - lone_ms >= settings.lone_silence_ms
            return self._say("mailbox", "faint_beep", 0.8, now_ms) if sure else None
        if self._asks_again(turns, silence_ms):
            return self._say("human", "asks_again", 0.9, now_ms)
        if len(turns) == 1 and silence_ms >= self._human_after_ms(turns[0]):
            return self._say("human", "waits", 0.9, now_ms)
        if self._is_over_the_noise(now_ms):
            return self._say("human", "over_noise", 0.9, now_ms)
        if turns[0].length_ms >= settings.no_beep_greeting_ms and silence_ms >= settings.no_beep_silence_ms:
            sure = turns[0].length_ms >= settings.play_greeting_ms
            return self._say("mailbox", "no_beep", 0.95 if sure else 0.8, now_ms)
        if silence_ms >= settings.unsure_silence_ms:
            return self._say("unsure", "no_beep", 0.5, now_ms)
        return None

    def _asks_again(self, turns: Sequence[Stretch], silence_ms: float) -> bool:
        settings = self.settings
        if len(turns) < 2 or turns[-1].length_ms > settings.again_ms:
            return False
        is_long = sum(turn.length_ms for turn in turns) >= settings.long_voice_ms
        return silence_ms >= (settings.again_after_long_ms if is_long else settings.again_after_ms)

    def _lone_tone_ms(self, voice: Sequence[Stretch], turns: Sequence[Stretch]) -> float | None:
        """Where a tone on its own behind a greeting ended that was no beep to the detector."""
        settings = self.settings
        ended_ms = self._track.lone_tone.ended_ms
        if ended_ms is None or ended_ms < voice[-1].end_ms - BEEP_EDGE_MS or self._last_beep is not None:
            return None
        if len(turns) > 1 and turns[-1].length_ms < settings.beep_turn_ms:
            return None
        return ended_ms if sum(one.length_ms for one in voice) >= settings.lone_voice_ms else None

    def _human_after_ms(self, greeting: Stretch) -> float:
        settings = self.settings
        for longest_ms, after_ms in settings.human_after_ms:
            if greeting.length_ms <= longest_ms:
                faint = greeting.level_dbfs < settings.faint_dbfs
                return max(after_ms, settings.faint_after_ms) if faint else after_ms
        return math.inf

    def _beep(self, beep: BeepEnded) -> None:
        """A beep settles it behind a greeting, or behind nothing, if nothing follows. Behind a word it does not."""
        if beep.confidence < self.settings.least_beep:
            return
        before, self._last_beep, self._waiting_beep = self._last_beep, beep, None
        voice = self._track.stretches()
        if not voice:
            self._bare_beep_ms = beep.end_ms
        elif self._is_behind_a_greeting(beep, before, voice):
            self._waiting_beep = beep

    def _is_behind_a_greeting(self, beep: BeepEnded, before: BeepEnded | None, voice: Sequence[Stretch]) -> bool:
        """Or behind a word, behind who asks again, or in a series of beeps?"""
        settings = self.settings
        spoken_ms = sum(one.length_ms for one in voice)
        turns = _turns(voice, settings.turn_ms)
        if spoken_ms < settings.beep_voice_ms:
            return False
        if len(turns) > 1 and turns[-1].length_ms < settings.beep_turn_ms and spoken_ms < settings.beep_turns_voice_ms:
            return False
        if before is not None and _alike(before, beep):
            pause_ms = beep.start_ms - before.end_ms
            return not settings.double_beep_ms <= pause_ms < settings.series_ms
        return True

    def _look_behind(self, beep: BeepEnded, voice: Sequence[Stretch], now_ms: float) -> Verdict | None:
        """A mailbox is silent behind its beep, a room need not be: a beep settles it if nothing as loud follows."""
        settings = self.settings
        spoken_ms = sum(one.length_ms for one in voice)
        is_long = spoken_ms >= settings.long_voice_ms
        until_ms = beep.end_ms + (settings.beep_hold_long_ms if is_long else settings.beep_hold_ms)
        if now_ms < until_ms:
            return None
        self._waiting_beep = None
        behind = sorted(dbfs for at_ms, dbfs in self._levels if beep.end_ms + BEEP_EDGE_MS < at_ms <= until_ms)
        if not behind:
            return None
        below_db = beep.level_dbfs - behind[int(_LOUD_SHARE * (len(behind) - 1))]
        if below_db >= (settings.beep_after_long_db if is_long else settings.beep_after_db):
            return self._say("mailbox", "beep", 0.97, now_ms)
        return None

    def _look_at_nothing(self, now_ms: float) -> Verdict | None:
        """Nobody has spoken so far."""
        settings = self.settings
        since_ms = max(self._since_ms, self._track.ignored_ms)
        if self._bare_beep_ms > since_ms:
            if now_ms - self._bare_beep_ms < settings.bare_beep_ms:
                return None
            if self._track.sounding_share(self._bare_beep_ms, now_ms) <= settings.bare_share:
                return self._say("mailbox", "beep", 0.9, now_ms)
            self._bare_beep_ms = 0.0
        if now_ms - since_ms >= settings.silence_ms:
            return self._say("silence", "nothing", 0.9, now_ms)
        return None

    def _is_over_the_noise(self, now_ms: float) -> bool:
        """Short and much louder than what goes on around it, as a machine's voice is not."""
        settings = self.settings
        turns = _turns(self._track.stretches(settings.loud_db), settings.loud_turn_ms)
        silence_ms = now_ms - turns[-1].end_ms if turns else 0.0
        return (
            bool(turns)
            and all(turn.length_ms <= settings.loud_greeting_ms for turn in turns)
            and silence_ms >= settings.loud_after_ms
            and self._track.sounding_share(turns[-1].end_ms, now_ms) >= settings.noise_share
        )

    def _say(
        self, kind: AnswerKind, reason: AnswerReason, confidence: float, t_ms: float, tone: str | None = None
    ) -> Verdict | None:
        said = Verdict(kind=kind, reason=reason, confidence=confidence, t_ms=t_ms, tone=tone)
        before = self.verdict
        if before is not None and not _revises(before, said):
            return None
        self.verdict = said
        return said


def _turns(voice: Sequence[Stretch], pause_ms: float) -> list[Stretch]:
    """Stretches joined where the pause is shorter."""
    turns: list[Stretch] = []
    for one in voice:
        if turns and one.start_ms - turns[-1].end_ms < pause_ms:
            before = turns[-1]
            turns[-1] = Stretch(before.start_ms, one.end_ms, max(before.level_dbfs, one.level_dbfs))
        else:
            turns.append(one)
    return turns


def _alike(one: BeepEnded, other: BeepEnded) -> bool:
    """The same beep again?"""
    return abs(one.frequencies_hz[0] - other.frequencies_hz[0]) <= _SAME_BEEP * one.frequencies_hz[0]


def _revises(before: Verdict, said: Verdict) -> bool:
    """Silence and doubt give way to any other kind, all else to what is surer."""
    if before.kind in ("silence", "unsure"):
        return said.kind != before.kind
    return said.confidence > before.confidence
