"""The section of the settings that says how the engine calls for itself."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from voicedrop.sections import Section

NEVER = 2.0  # no verdict is so sure


class TwoCallTimes(Section):
    """The two-call method's times, in seconds."""

    gap_s: Annotated[float, Field(ge=0.5, le=10)] = 2.0
    """From the first call to the second."""
    to_ring_s: Annotated[float, Field(ge=1, le=30)] = 8.0
    """A second call that has not rung by then is given up, and the first with it."""
    forwarded_s: Annotated[float, Field(ge=0.5, le=10)] = 2.5
    """Where the first is answered without ringing, the second must be by then."""


class Unattended(Section):
    """Drops that the engine calls for by itself."""

    ring_timeout_s: Annotated[int, Field(ge=5, le=120)] = 40
    caller_id: Annotated[str, Field(pattern=r"^(\+[0-9]{3,15})?$")] = ""
    """Shown to callees; empty: dial.caller_id. It must be one of policy.caller_ids."""
    two_call: TwoCallTimes = TwoCallTimes()
    silence_cue: bool = True
    """Whether a silence behind a mailbox's greeting may start the message; false: only a beep does."""
    sure: Annotated[float, Field(ge=0.5, le=1)] = 0.9
    """How sure the ear must be of a mailbox for that."""
    workers: Annotated[int, Field(ge=0, le=500)] = 20
    """So many at a time; 0: this engine makes none."""
    calls_per_second: Annotated[float, Field(gt=0, le=100)] = 2.0
    """Calls are begun no faster; the two-call method's second call counts."""
    trunk: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")] = "trunk"
    """The name of this engine's way to the network: its jobs wait under it."""

    def least(self) -> float:
        """How sure a verdict of mailbox must be for a silence to start the message; more than 1: never."""
        return self.sure if self.silence_cue else NEVER
