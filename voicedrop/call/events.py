"""What happens to a call, as its state machine is told. One dataclass an event, the time apart."""

from __future__ import annotations

from dataclasses import dataclass

from dsp import Detection
from voicedrop.call.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Answered:
    """The callee answered."""


@dataclass(frozen=True, slots=True)
class EarlyMedia:
    """The callee's side sends audio before it answers (183)."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """The callee's leg is in the drop app."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The tap's detector heard something. Its stream times are turned to the engine's by `now`,
    the moment at which the last of its samples arrived."""

    detection: Detection


@dataclass(frozen=True, slots=True)
class TapLost:
    """The live audio ended, or never began."""

    reason: str


@dataclass(frozen=True, slots=True)
class Digit:
    """A key on the agent's telephone."""

    digit: str


@dataclass(frozen=True, slots=True)
class PlaybackStarted:
    playback_id: str


@dataclass(frozen=True, slots=True)
class PlaybackFinished:
    playback_id: str
    failed: bool = False
    lasted_s: float | None = None
    """By Asterisk's clock; None: its start was not seen."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """An earlier run of the engine began this playback at `began_at`; its end is still to come. The id
    ends in its count, so that starts of this run get ids of their own."""

    playback_id: str
    began_at: float


@dataclass(frozen=True, slots=True)
class AgentGone:
    """The agent's leg ended."""

    cause: int


@dataclass(frozen=True, slots=True)
class CalleeGone:
    """The callee's leg ended. `cause` is the Q.850 hangup cause, `sip` the SIP status (0: none)."""

    cause: int
    sip: int = 0
    by_callee: bool = True
    seen: bool = True
    """False: it was found gone after a time in which nothing was seen."""


@dataclass(frozen=True, slots=True)
class EventsLost:
    """The connection to Asterisk's events is gone: what happens now is not seen."""


@dataclass(frozen=True, slots=True)
class EventsBack:
    """It is there again, and the leg as well."""


@dataclass(frozen=True, slots=True)
class AgentReplaced:
    """A transfer put another channel in the agent's place."""

    channel_id: str


@dataclass(frozen=True, slots=True)
class CalleeTaken:
    """The callee's leg went elsewhere (a transfer, a redirect): it is no longer ours."""


@dataclass(frozen=True, slots=True)
class DropTaken:
    """The drop that a code asked for is accepted: the callee's leg is no longer in this call."""


@dataclass(frozen=True, slots=True)
class DropWanted:
    """Somebody other than the agent asks for what the code does: by `slot`, or by `message_id`."""

    request: str
    slot: int
    message_id: str


@dataclass(frozen=True, slots=True)
class CodeRefused:
    """The engine could not accept the drop that was asked for; the agent hears it if he asked himself."""

    reason: str
    audible: bool = True


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Somebody does not want the drop any more."""

    by: str


@dataclass(frozen=True, slots=True)
class Broken:
    """Something the call needs failed: a command, the bridge, the connection to Asterisk."""

    reason: str


@dataclass(frozen=True, slots=True)
class HandOver:
    """The engine is stopping and cannot wait for this call."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A deadline that the machine asked for has come."""


@dataclass(frozen=True, slots=True)
class MayCall:
    """Unattended: its call may be begun."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Unattended: the leg is being made now."""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """Unattended: the leg is not to be, or no longer."""

    reason: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """Unattended: the policy said no."""

    reason: str


@dataclass(frozen=True, slots=True)
class Judged:
    """Unattended: it was heard who answered."""

    verdict: Verdict


Event = (
    Answered
    | EarlyMedia
    | Arrived
    | Heard
    | TapLost
    | Digit
    | PlaybackStarted
    | PlaybackFinished
    | Resumed
    | AgentGone
    | CalleeGone
    | EventsLost
    | EventsBack
    | AgentReplaced
    | CalleeTaken
    | DropTaken
    | DropWanted
    | CodeRefused
    | Cancelled
    | Broken
    | HandOver
    | MayCall
    | Placed
    | TakenBack
    | Blocked
    | Judged
    | Tick
)
