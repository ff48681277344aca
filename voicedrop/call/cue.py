"""When to start the message, and when to take a start back.

Pure: detections and the time go in, "start now", "take it back" or "give up" come out. Starting early
is safe because the ear listens on while the message plays: a beep or a voice in the first seconds means
that the mailbox was not recording yet, so the message is stopped and begun again behind the beep.
"""

from __future__ import annotations

from dataclasses import dataclass

from dsp import BeepDropped, BeepEnded, BeepStarted, Detection, SpeechEnded, SpeechStarted
from voicedrop.call.hearing import Hearing
from voicedrop.model import Cue, CueReason


@dataclass(frozen=True, kw_only=True)
class CueSettings:
    """Every time in seconds."""

    silence_s: float = 3.0
    """A silence this long behind speech starts the message: a mailbox without a beep."""
    silence_unheard_s: float = 8.0
    """The same where the ear came late and may have missed the greeting: longer than the 5 s that
    mailboxes are known to leave before their beep."""
    give_up_s: float = 60.0
    """With no cue for this long the drop ends without a message."""
    beep_memory_s: float = 10.0
    """A beep that ended this long ago still counts, if nobody has spoken since."""
    take_back_s: float = 10.0
    """For this long after a start, a beep or a voice takes it back."""
    max_restarts: int = 2
    """After this many restarts only a beep starts the message again."""


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Stop the message: the start was early."""

    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Nothing will come any more."""


Ruling = Cue | TakeBack | GiveUp | None


class CuePolicy:
    """The cue of one drop. `begin` once, then `hear` each detection and `tick` at `due`."""

    def __init__(self, settings: CueSettings, hearing: Hearing) -> None:
        self._settings = settings
        self._hearing = hearing
        self._silence_due: float | None = None
        self._give_up_due: float | None = None
        self._playing_since: float | None = None
        self._beep_took_it_back = False
        self.restarts = 0

    @property
    def due(self) -> float | None:
        """When `tick` is wanted next; None: not before something is heard."""
        if self._playing_since is not None:
            return None
        times = [t for t in (self._silence_due, self._give_up_due) if t is not None]
        return min(times, default=None)

    def begin(self, now: float) -> Ruling:
        """The drop starts to wait: the call is answered and the code was pressed."""
        settings, hearing = self._settings, self._hearing
        self._give_up_due = now + settings.give_up_s
        beep = hearing.last_beep
        if beep and not hearing.spoken_since_beep and now - beep.ended_at <= settings.beep_memory_s:
            return self._cue(CueReason.ALREADY_PASSED, now)
        ended = hearing.speech_ended_at
        self._wait_for_silence(now if ended is None else ended)
        return None

    def resumed(self, began_at: float) -> None:
        """An earlier run began the message; from here on it is as if this one had."""
        self._playing_since = began_at

    def hear(self, detection: Detection, now: float) -> Ruling:
        """A detection that `hearing` has noted already."""
        if self._playing_since is not None:
            return self._hear_while_playing(detection, now)
        match detection:
            case BeepEnded():
                return self._cue(CueReason.BEEP, now)
            case BeepStarted() | SpeechStarted():
                self._silence_due = None
            case BeepDropped():
                self._wait_for_silence(now)
            case SpeechEnded():
                assert self._hearing.speech_ended_at is not None
                self._wait_for_silence(self._hearing.speech_ended_at)
        return None

    def tick(self, now: float) -> Ruling:
        """The time in `due` has come."""
        if self._playing_since is not None:
            return None
        if self._silence_due is not None and now >= self._silence_due:
            return self._cue(CueReason.SILENCE, now)
        if self._give_up_due is not None and now >= self._give_up_due:
            return GiveUp()
        return None

    def _hear_while_playing(self, detection: Detection, now: float) -> Ruling:
        assert self._playing_since is not None
        if now - self._playing_since > self._settings.take_back_s:
            return None
        match detection:
            case BeepStarted() | BeepEnded():
                reason = "beep"
            # Speech that runs into its own end behind the beep began before it; it takes nothing back.
            case SpeechStarted() if self._hearing.last_beep is None or self._hearing.spoken_since_beep:
                reason = "speech"
            case _:
                return None
        self._playing_since = None
        self._silence_due = None
        self._give_up_due = now + self._settings.give_up_s
        self.restarts += 1
        self._beep_took_it_back = isinstance(detection, BeepEnded)
        return TakeBack(reason)

    def again(self, now: float) -> Ruling:
        """Once the playback is stopped: a beep so short that it was over when it was announced has
        taken the start back and is the next cue as well."""
        return self._cue(CueReason.BEEP, now) if self._beep_took_it_back else None

    def _wait_for_silence(self, since: float) -> None:
        """A silence that began at `since`, if it is one, starts the message when it is long enough."""
        settings, hearing = self._settings, self._hearing
        if hearing.speaking or hearing.beeping or self.restarts >= settings.max_restarts:
            return
        if hearing.speech_ended_at is not None or hearing.last_beep is not None:
            self._silence_due = since + settings.silence_s
        elif not hearing.whole:
            self._silence_due = since + settings.silence_unheard_s

    def _cue(self, reason: CueReason, now: float) -> Cue:
        self._silence_due = None
        self._playing_since = now
        beep = self._hearing.last_beep if reason is not CueReason.SILENCE else None
        return Cue(reason=reason, at=now, beep=beep)
