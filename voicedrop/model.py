"""The words of the product: what an outcome is, a cue, a message, an id."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from uuid6 import uuid7


class Outcome(StrEnum):
    """What a drop achieved. Every drop ends in exactly one."""

    DELIVERED = "delivered"
    PARTLY_DELIVERED = "partly_delivered"
    NO_CUE = "no_cue"
    CALLEE_HUNG_UP = "callee_hung_up"
    HUMAN_ANSWERED = "human_answered"
    """Unattended: a person answered, was hung up on, and heard none of the message."""
    SCREENED = "screened"
    """Unattended: an assistant answered, which asks who is calling."""
    NOT_MAILBOX = "not_mailbox"
    """Unattended: a fax, a modem or an announcement of the network."""
    BLOCKED = "blocked"
    """Unattended: the policy said no, or the order was cancelled, and no call was placed."""
    NOT_CONNECTED = "not_connected"
    FAILED = "failed"


class CueReason(StrEnum):
    """Why a message was started."""

    BEEP = "beep"
    SILENCE = "silence"
    ALREADY_PASSED = "already_passed"


class EventKind(StrEnum):
    """What the live feed and webhooks tell of."""

    DROP_ACCEPTED = "drop.accepted"
    DROP_PLAYING = "drop.playing"
    DROP_ENDED = "drop.ended"
    DROP_WITHDRAWN = "drop.withdrawn"
    DROP_REFUSED = "drop.refused"
    MESSAGE_CREATED = "message.created"
    MESSAGE_UPDATED = "message.updated"
    MESSAGE_DELETED = "message.deleted"


class HungUpBy(StrEnum):
    """Who ended the leg."""

    ENGINE = "engine"
    CALLEE = "callee"
    LIMIT = "limit"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Message:
    """One recorded message, ready to play."""

    slot: int
    """Under which it was asked for; 0: by its id."""
    label: str
    file: Path
    """Where the engine reads it."""
    media: str
    """The same file as Asterisk names it: its path without the extension."""
    duration_s: float
    sha256: str
    """Of `file`."""
    id: str = ""
    """In the library; empty: it is not from there."""
    version: int = 0
    evidence: bool = False
    """Whether the audio of its drops is kept."""
    callback_number: str = ""
    """What it asks to call back."""


@dataclass(frozen=True, kw_only=True)
class Cue:
    """The moment and the reason to start a message. Times are the engine's monotonic seconds."""

    reason: CueReason
    at: float
    beep: HeardBeep | None = None


@dataclass(frozen=True, kw_only=True)
class HeardBeep:
    """A beep on the engine's own clock (monotonic seconds)."""

    started_at: float
    ended_at: float
    frequencies_hz: tuple[float, ...]
    level_dbfs: float

    @property
    def length_ms(self) -> float:
        return (self.ended_at - self.started_at) * 1000


@dataclass(frozen=True)
class Ids:
    """Names of everything that belongs to one call: ``vd.<node>.<call>.<role>``.

    They are chosen before the object is created, so that its events can be awaited, and recovery
    knows by the prefix what is its own node's.
    """

    node: str
    call: str

    def __call__(self, role: str) -> str:
        return f"{prefix(self.node)}{self.call}.{role}"


def prefix(node: str) -> str:
    """What every id of a node begins with."""
    return f"vd.{node}."


def new_id() -> str:
    """A UUIDv7: sorts by the time it was made."""
    return str(uuid7())
