"""What a call's state machine asks the engine to do."""

from __future__ import annotations

from dataclasses import dataclass

from voicedrop.model import Outcome


@dataclass(frozen=True, slots=True)
class PlaceCall:
    """Unattended: begin the call, or the first of two."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Put a tap on the callee's leg."""


@dataclass(frozen=True, slots=True)
class Identify:
    """Ask Asterisk what the receipt tells of the leg: SIP Call-ID, linkedid, caller ID."""


@dataclass(frozen=True, slots=True)
class SendSilence:
    """Send silent RTP on the callee's leg until something plays."""


@dataclass(frozen=True, slots=True)
class Play:
    """Play the message to the callee, under this id."""

    playback_id: str


@dataclass(frozen=True, slots=True)
class StopPlayback:
    playback_id: str


@dataclass(frozen=True, slots=True)
class HangUpCallee:
    cause: int = 16


@dataclass(frozen=True, slots=True)
class GiveToDialplan:
    """Hand the callee's leg to the dialplan context that finishes it without us."""


@dataclass(frozen=True, slots=True)
class RelayDigits:
    """Send the agent's digits on to the callee."""

    digits: str


@dataclass(frozen=True, slots=True)
class StartDrop:
    """The agent pressed the code of this slot, or somebody else asked (`request`) for a slot or a message: accept the
    drop and take the callee's leg over."""

    slot: int
    message_id: str = ""
    request: str = ""


@dataclass(frozen=True, slots=True)
class RefuseRequest:
    """What somebody asked for cannot be: nobody is on the line yet."""

    request: str


@dataclass(frozen=True, slots=True)
class ToneOn:
    """Play a tone to the agent; `name` is "confirmation" or "error"."""

    name: str


@dataclass(frozen=True, slots=True)
class ToneOff:
    """Stop the tone that the agent hears."""


@dataclass(frozen=True, slots=True)
class FreeAgent:
    """The agent is done with this call: hang up, or on in the dialplan, as configured."""


@dataclass(frozen=True, slots=True)
class EndAgent:
    """The call ended with this hangup cause: tell the agent's telephone."""

    cause: int


@dataclass(frozen=True, slots=True)
class Finish:
    """Nothing more will happen; `outcome` is a drop's, None for a conversation."""

    outcome: Outcome | None
    reason: str


Command = (
    PlaceCall
    | Listen
    | Identify
    | SendSilence
    | Play
    | StopPlayback
    | HangUpCallee
    | GiveToDialplan
    | RelayDigits
    | StartDrop
    | RefuseRequest
    | ToneOn
    | ToneOff
    | FreeAgent
    | EndAgent
    | Finish
)
