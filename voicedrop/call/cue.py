"""When to start the message, and when to take a start back.

Pure: detections and the time go in, "start now", "take it back" or "give up" come out. Starting early
is safe because the ear listens on while the message plays: a beep or a voice in the first seconds means
that the mailbox was not recording yet, so the message is stopped and begun again behind the beep. Our own
echo coming back is a voice too: an ear that knows the message tells it from another's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dsp import BeepDropped, BeepEnded, BeepStarted, Detection, SpeechEnded, SpeechLevel, SpeechStarted
from voicedrop.call.cue_settings import CueSettings
from voicedrop.call.hearing import LEVEL_S, Hearing
from voicedrop.model import Cue, CueReason


class EchoEar(Protocol):
    """Knows the message that is being played."""

    def foreign(self) -> bool:
        """Was there something else, in what was heard just now, than the message's echo?"""

    def is_own_tone(self, tone: BeepStarted | BeepEnded) -> bool:
        """Is the tone that was heard just now the message's?"""


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Stop the message: the start was early. Ask `CuePolicy.again` what comes next."""

    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No message will be started any more."""

    reason: str


Ruling = Cue | TakeBack | GiveUp | None


class CuePolicy:
    """The cue of one drop. `begin` once, then `hear` each detection and `tick` at `due`.

    Without `echo` any voice over the message takes the start back.
    """

    def __init__(self, settings: CueSettings, hearing: Hearing, echo: EchoEar | None = None) -> None:
        self._settings = settings
        self._hearing = hearing
        self._echo = echo
        self._quiet_since: float | None = None
        self._give_up_due: float | None = None
        self._playing_since: float | None = None
        self._voice_needed_s = settings.voice_after_silence_s
        self._voices: list[float] = []  # when a voice over the message was heard, 100 ms each
        self._beep_took_it_back = False
        self.restarts = 0
        # Whether a beep, or a silence, may start the message: not while it is in doubt who answered.
        self.by_beep = self.by_silence = True

    @property
    def due(self) -> float | None:
        """When `tick` is wanted next; None: not before something is heard."""
        if self._playing_since is not None:
            return None
        times = [t for t in (self._silence_due, self._give_up_due) if t is not None]
        return min(times, default=None)

    @property
    def _silence_due(self) -> float | None:
        """When the silence will be long enough to start in, if nothing else comes."""
        settings, hearing, since = self._settings, self._hearing, self._quiet_since
        if since is None or not self.by_silence or self.restarts >= settings.max_restarts:
            return None
        if hearing.voice_ended_at is None and hearing.last_beep is None:
            return None if hearing.whole else since + settings.silence_unheard_s
        talk = since + settings.silence_s + settings.talk_more_s
        if hearing.speaking:
            return talk
        ended = hearing.speech_ended_at
        return since + settings.silence_s if ended is None or ended <= since else min(talk, ended + settings.silence_s)

    def begin(self, now: float) -> Ruling:
        """The drop starts to wait: the call is answered and the code was pressed."""
        settings, hearing = self._settings, self._hearing
        self._give_up_due = now + settings.give_up_s
        beep = hearing.last_beep
        if beep and self.by_beep and not hearing.spoken_since_beep and now - beep.ended_at <= settings.beep_memory_s:
            return self._cue(CueReason.ALREADY_PASSED, now)
        if not hearing.voice and not hearing.beeping:
            self._quiet_since = now if hearing.voice_ended_at is None else hearing.voice_ended_at
        return None

    def judged(self, now: float, *, guessed: bool, sure: bool) -> Ruling:
        """It is said to be a mailbox, so what it has said until now counts. A mere guess starts nothing, nor does any
        beep behind it: the ear goes on, and says more if that was a mailbox's."""
        if guessed and not sure:
            return None
        self.by_beep = True
        self.by_silence |= sure
        beep, hearing = self._hearing.last_beep, self._hearing
        if beep and not hearing.spoken_since_beep and now - beep.ended_at <= self._settings.beep_memory_s:
            return self._cue(CueReason.BEEP, now)
        return self.tick(now)

    def resumed(self, began_at: float, *, restarts: int = 0) -> None:
        """An earlier run began the message, after so many restarts. What cued it is not known, so it is doubted
        like a start after silence; otherwise it is as if this run had begun it."""
        self._playing_since = began_at
        self._voice_needed_s = self._settings.voice_after_silence_s
        self.restarts = restarts

    def hear(self, detection: Detection, now: float) -> Ruling:
        """A detection that `hearing` has noted already."""
        if self._playing_since is not None:
            return self._hear_while_playing(detection, now)
        if self._give_up_due is None:
            return None  # `begin` will ask `hearing`
        match detection:
            case BeepEnded() if self.by_beep:
                return self._cue(CueReason.BEEP, now)
            case BeepEnded() if not self._hearing.voice:
                self._quiet_since = now
            case BeepStarted():
                self._quiet_since = None
            case BeepDropped() if not self._hearing.voice:
                self._quiet_since = now
            case SpeechStarted() | SpeechLevel() | SpeechEnded():
                self._follow_voice()
        return None

    def tick(self, now: float) -> Ruling:
        """The time in `due` has come."""
        if self._playing_since is not None:
            return None
        silence_due = self._silence_due
        if silence_due is not None and now >= silence_due:
            return self._cue(CueReason.SILENCE, now)
        if self._give_up_due is not None and now >= self._give_up_due:
            return GiveUp("no beep and no silence to start in")
        return None

    def again(self, now: float) -> Ruling:
        """What comes behind a take-back, at once. A beep so short that it was over when it was announced
        has taken the start back and is the next cue as well."""
        if self.restarts >= self._settings.most_restarts:
            return GiveUp(f"the message was started {self.restarts} times, and each time too early")
        return self._cue(CueReason.BEEP, now) if self._beep_took_it_back else None

    def _follow_voice(self) -> None:
        """Silence counts from the end of the last voice, whatever goes on in the background."""
        if self._hearing.voice:
            self._quiet_since = None
        elif self._quiet_since is None and not self._hearing.beeping:
            self._quiet_since = self._hearing.voice_ended_at

    def _hear_while_playing(self, detection: Detection, now: float) -> Ruling:
        assert self._playing_since is not None
        if now - self._playing_since > self._settings.take_back_s:
            return None
        beep = self._hearing.last_beep
        match detection:
            # The ear may follow one beep twice: what began before the last one ended is still that one...
            case BeepStarted() if beep and now - (detection.at_ms - detection.start_ms) / 1000 <= beep.ended_at:
                return None
            # ...and a beep that was over before our first sample is not in the message's way.
            case BeepEnded() if beep and beep.ended_at <= self._playing_since:
                return None
            case BeepStarted() | BeepEnded() if self._echo is None or not self._echo.is_own_tone(detection):
                return self._take_back("beep", now, by_whole_beep=isinstance(detection, BeepEnded))
            case SpeechStarted() | SpeechLevel() if self._is_foreign_voice(detection.level_dbfs):
                return self._hear_voice(now)
        return None

    def _is_foreign_voice(self, level_dbfs: float) -> bool:
        """Does somebody speak over the message: not in the background, and not we ourselves?"""
        hearing = self._hearing
        # Speech that runs into its own end behind the beep began before it.
        if hearing.last_beep is not None and not hearing.spoken_since_beep:
            return False
        return hearing.is_voice(level_dbfs) and (self._echo is None or self._echo.foreign())

    def _hear_voice(self, now: float) -> Ruling:
        """A word alone, or our echo once not known for what it is, takes nothing back."""
        earliest = now - self._settings.voice_within_s + LEVEL_S / 2
        self._voices = [*(at for at in self._voices if at > earliest), now]
        if len(self._voices) * LEVEL_S < self._voice_needed_s - LEVEL_S / 2:
            return None
        return self._take_back("speech", now)

    def _take_back(self, reason: str, now: float, *, by_whole_beep: bool = False) -> TakeBack:
        self._playing_since = self._quiet_since = None
        self._give_up_due = now + self._settings.give_up_s
        self.restarts += 1
        self._beep_took_it_back = by_whole_beep
        self._follow_voice()
        return TakeBack(reason)

    def _cue(self, reason: CueReason, now: float) -> Cue:
        self._playing_since = now
        self._voices = []
        silence = reason is CueReason.SILENCE
        self._voice_needed_s = self._settings.voice_after_silence_s if silence else self._settings.voice_after_beep_s
        return Cue(reason=reason, at=now, beep=None if silence else self._hearing.last_beep)
