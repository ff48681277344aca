"""What is known of a drop's course."""

from __future__ import annotations

from dataclasses import dataclass, field

from voicedrop.call.cue_settings import CueSettings
from voicedrop.call.verdict import Verdict
from voicedrop.model import Cue, HungUpBy, Outcome


@dataclass(frozen=True, kw_only=True)
class DropSettings:
    """Every time in seconds."""

    cue: CueSettings = field(default_factory=CueSettings)
    tail_s: float = 0.5
    """Silence behind the message before the call ends."""
    vouched: bool = True
    """Somebody says that this is a mailbox. False: the ear must find out, and in doubt nothing is played."""
    sure: float = 0.9
    """Unless vouched for: a verdict of mailbox as sure as this lets a silence start the message; more than 1: only a
    beep does."""


@dataclass(kw_only=True)
class DropFacts:
    """What the receipt is made of. Times are the engine's monotonic seconds, None: did not happen."""

    accepted_at: float
    answered_at: float | None = None
    cue: Cue | None = None
    first_voice_at: float | None = None
    quiet_since: float | None = None
    play_started_at: float | None = None
    play_ended_at: float | None = None
    hung_up_at: float | None = None
    played_s: float = 0.0
    restarts: int = 0
    deaf: str = ""
    verdict: Verdict | None = None
    outcome: Outcome | None = None
    reason: str = ""
    hung_up_by: HungUpBy = HungUpBy.UNKNOWN
    hangup_cause: int = 0
    sip_status: int = 0
    steps: list[tuple[str, float]] = field(default_factory=list)
