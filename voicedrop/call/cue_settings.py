"""Every constant of the cue, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class CueSettings:
    """Times in seconds. "The bench" is the tuning half of `tests/bench/detection`: 460 mailboxes."""

    silence_s: float = 3.0
    """A silence this long behind a voice starts the message: a mailbox without a beep. The bench's greetings have
    no voice for 2.9 s at most, ringing left out."""
    talk_more_s: float = 0.5
    """So much longer while somebody in the background talks on: it may be the same voice, softer. More cannot be
    tried on the bench, whose mailboxes without a beep end as early as 4.1 s behind their greeting."""
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
    most_restarts: int = 5
    """After this many the drop ends without a message: what beeps again and again is no mailbox that could be
    reached. The bench's mailboxes need 2 at most; the third is for a false beep, the rest for those not in it."""

    background_db: float = 10.0
    """Speech so much below the loudest of the call is somebody in the background, or an echo, and no voice. Of
    the bench's lines with other people's talk, 10 to 30 dB below the greeting, 12 dB lose four and 10 dB one; at 8 dB
    greetings with loud and soft words have no voice for up to 3.3 s."""
    loudest_s: float = 0.5
    """The loudest speech is what speech reached for so long in all: a bang or a click is shorter."""
    voice_after_beep_s: float = 0.4
    """A voice takes back what a beep has started when it was heard for so long..."""
    voice_after_silence_s: float = 0.3
    """...and what a silence has started, which is less sure, for so long..."""
    voice_within_s: float = 1.0
    """...within this time. Talk in the background does that behind a beep on one of the bench's lines. With 0.6 s it
    does on none, but another's voice over our echo, as loud as the greeting, is then missed in 7 % and not in 3 %."""


DEFAULT = CueSettings()
