"""When to start the message, and when to take a start back.

Pure: detections and the time go in, "start now", "take it back" or "give up" come out. Starting early
is safe because the ear listens on while the message plays: a beep or a voice in the first seconds means
that the mailbox was not recording yet, so the message is stopped and begun again behind the beep. Our own
echo coming back is a voice too: an ear that knows the message tells it from another's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from dsp import BeepDropped, BeepEnded, BeepStarted, Detection, SpeechEnded, SpeechStarted
from voicedrop.call.hearing import Hearing
from voicedrop.model import Cue, CueReason

_ANY_DBFS: Final = -100.0


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
    background_db: float = 10.0
    """A voice over the message that is so much fainter than the loudest one before is somebody in the background
    and takes nothing back. On the bench's tuning half this raised `delivered_pct` from 89 to 94: voices 10 to
    30 dB below the greeting had taken back what a beep had started."""
    echo_check_s: float = 0.1
    """While a voice is heard over the message, it is held against the message so often."""
    echo_checks: int = 3
    """So many checks in a row must find something other than our echo. On the bench's tuning voices one alone
    errs in pauses of the message; an echo that comes back for 10 s then passes for a voice."""


class EchoEar(Protocol):
    """Knows the message that is being played."""

    def foreign(self, weakest_dbfs: float) -> bool:
        """Was there something else, of this level or more, in what was heard just now than the message's echo?"""


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Stop the message: the start was early."""

    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Nothing will come any more."""


Ruling = Cue | TakeBack | GiveUp | None


class CuePolicy:
    """The cue of one drop. `begin` once, then `hear` each detection and `tick` at `due`.

    Without `echo` any voice over the message takes the start back.
    """

    def __init__(self, settings: CueSettings, hearing: Hearing, echo: EchoEar | None = None) -> None:
        self._settings = settings
        self._hearing = hearing
        self._echo = echo
        self._check_due: float | None = None
        self._foreign_checks = 0
        self._silence_due: float | None = None
        self._give_up_due: float | None = None
        self._playing_since: float | None = None
        self._beep_took_it_back = False
        self.restarts = 0

    @property
    def due(self) -> float | None:
        """When `tick` is wanted next; None: not before something is heard."""
        if self._playing_since is not None:
            return self._check_due
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

    def deafened(self) -> None:
        """Nothing more will be heard: what is playing is not doubted any more."""
        self._check_due = None

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
            return self._check(now) if self._check_due is not None and now >= self._check_due else None
        if self._silence_due is not None and now >= self._silence_due:
            return self._cue(CueReason.SILENCE, now)
        if self._give_up_due is not None and now >= self._give_up_due:
            return GiveUp()
        return None

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
            # A word of our echo may begin like a beep, and is dropped later: then the beep's end is waited for.
            case BeepStarted() if self._echo is not None and not self._echo.foreign(_ANY_DBFS):
                return None
            case BeepStarted() | BeepEnded():
                return self._take_back("beep", now, by_whole_beep=isinstance(detection, BeepEnded))
            # Speech that runs into its own end behind the beep began before it; it takes nothing back.
            case SpeechStarted() if beep is None or self._hearing.spoken_since_beep:
                if self._echo is not None:
                    return self._check(now)
                return self._take_back("speech", now) if detection.level_dbfs >= self._background_dbfs else None
        return None

    @property
    def _background_dbfs(self) -> float:
        return self._hearing.loudest_voice_dbfs - self._settings.background_db

    def _check(self, now: float) -> Ruling:
        """A voice goes on: is it ours? Asked again and again, for another may join in."""
        assert self._echo is not None
        assert self._playing_since is not None
        self._check_due = None
        if not self._hearing.speaking or now - self._playing_since > self._settings.take_back_s:
            self._foreign_checks = 0
            return None
        self._foreign_checks = self._foreign_checks + 1 if self._echo.foreign(self._background_dbfs) else 0
        if self._foreign_checks >= self._settings.echo_checks:
            return self._take_back("speech", now)
        self._check_due = now + self._settings.echo_check_s
        return None

    def _take_back(self, reason: str, now: float, *, by_whole_beep: bool = False) -> TakeBack:
        self._playing_since = self._silence_due = self._check_due = None
        self._foreign_checks = 0
        self._give_up_due = now + self._settings.give_up_s
        self.restarts += 1
        self._beep_took_it_back = by_whole_beep
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
