"""A drop that is only imagined: its cue, restarts and end on a recorded call, with stream time as the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from dsp import Detection
from voicedrop.call.cue import CuePolicy, GiveUp, Ruling, TakeBack
from voicedrop.call.cue_settings import CueSettings
from voicedrop.call.hearing import Hearing
from voicedrop.model import Cue

MESSAGE_MS: Final = 15_000.0
"""A message's usual length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CueEvent:
    """What the drop did at ``t_ms`` of the stream."""

    event: Literal["cue", "restart", "give_up"]
    t_ms: float
    reason: str
    """Of a cue: beep, silence or already_passed; of a restart: beep or speech."""


class ImaginedDrop:
    """Waits for its cue from the stream's first sample on, with an ear that has heard everything.

    From each cue on ``message_ms`` of playback are imagined, to which the stream goes on as the far end. Give
    it each frame's detections in order; deadlines that pass between frames are kept at their own times. When
    the message has been played to its end, or the wait was given up, it does nothing more.
    """

    def __init__(self, message_ms: float = MESSAGE_MS, settings: CueSettings | None = None) -> None:
        self._message_s = message_ms / 1000
        self._hearing = Hearing(whole=True)
        self._policy = CuePolicy(settings or CueSettings(), self._hearing)
        self._message_ends: float | None = None
        self._over = False
        self._policy.begin(0.0)  # nothing has been heard, so there is no cue yet

    def frame(self, detections: Sequence[Detection], end_ms: float) -> list[CueEvent]:
        """Take what was heard in the frame that ended at ``end_ms``, often nothing."""
        now = end_ms / 1000
        done = self._before(now)
        for detection in detections:
            self._hearing.note(detection, now)
            if not self._over:
                done += self._carry_out(self._policy.hear(detection, now), now)
        # As in a live call, what has been heard counts before a deadline of the same moment.
        if not self._over and self._policy.due is not None and self._policy.due <= now:
            done += self._carry_out(self._policy.tick(now), now)
        return done

    def _before(self, now: float) -> list[CueEvent]:
        """What came between the last frame and the one that ends at ``now``."""
        if self._message_ends is not None and self._message_ends < now:
            self._over = True
        due = self._policy.due
        if self._over or due is None or due >= now:
            return []
        return self._carry_out(self._policy.tick(due), due)

    def _carry_out(self, ruling: Ruling, now: float) -> list[CueEvent]:
        at_ms = round(now * 1000, 1)
        match ruling:
            case Cue(reason=reason):
                self._message_ends = now + self._message_s
                return [CueEvent(event="cue", t_ms=at_ms, reason=str(reason))]
            case TakeBack(reason):
                self._message_ends = None
                restart = CueEvent(event="restart", t_ms=at_ms, reason=reason)
                return [restart, *self._carry_out(self._policy.again(now), now)]
            case GiveUp(reason):
                self._over = True
                return [CueEvent(event="give_up", t_ms=at_ms, reason=reason)]
            case None:
                return []
