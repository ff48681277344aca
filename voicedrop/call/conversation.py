"""The agent's call through the ARI-bridged door, from the ringing to the end, as a state machine.

Pure: no socket, no clock. `now` is the engine's monotonic time in seconds. The call is set up by the
engine (channel, bridge, dial); from the first ring on, what happens is decided here.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import Enum, auto

from voicedrop.call import commands as do
from voicedrop.call import events as ev
from voicedrop.call.commands import Command
from voicedrop.call.digits import Code, FeatureCode, Relay

log = logging.getLogger(__name__)

CONFIRMATION_S = 0.12  # long enough to be heard, short enough that the agent is free within 200 ms
ERROR_TONE_S = 0.5
NORMAL_CLEARING = 16
TEMPORARY_FAILURE = 41


class S(Enum):
    """In the order of a call's life."""

    RINGING = auto()  # the callee has not answered; early media may pass already
    TALKING = auto()
    ASKING = auto()  # a code was pressed; the engine has not said whether it takes the drop
    CONFIRMING = auto()  # the callee's leg has gone to the drop; the agent hears that it worked
    ENDED = auto()


ALLOWED: dict[S, frozenset[S]] = {
    S.RINGING: frozenset({S.TALKING, S.ASKING, S.ENDED}),
    S.TALKING: frozenset({S.ASKING, S.ENDED}),
    S.ASKING: frozenset({S.RINGING, S.TALKING, S.CONFIRMING, S.ENDED}),
    S.CONFIRMING: frozenset({S.ENDED}),
    S.ENDED: frozenset(),
}


@dataclass(frozen=True, kw_only=True)
class ConversationSettings:
    code: str = "*9"
    """What the agent presses before the slot's digit."""
    half_code_s: float = 1.5
    """Half a code goes on to the callee after this many seconds."""
    confirmation: bool = True
    """Whether the agent hears a short tone before he is free."""


class Conversation:
    """The life of one agent's call. Give each event to `handle`, and Tick when `due` has come."""

    def __init__(self, settings: ConversationSettings) -> None:
        self.state = S.RINGING
        self.answered_at: float | None = None
        self._settings = settings
        self._code = FeatureCode(settings.code, settings.half_code_s)
        self._audible = False
        self._tone_due: float | None = None
        self._held: list[tuple[ev.Event, float]] = []  # what happened while ASKING

    @property
    def due(self) -> float | None:
        """When a Tick is wanted."""
        if self.state is S.ENDED:
            return None
        return min((t for t in (self._tone_due, self._code.due) if t is not None), default=None)

    @property
    def audible(self) -> bool:
        """Whether the agent hears the callee's side: early media, or answered."""
        return self._audible

    def handle(self, event: ev.Event, now: float) -> list[Command]:
        """Take in one event; what is to be done, in order."""
        match self.state, event:
            case S.ENDED, _:
                return []

            case S.RINGING, ev.EarlyMedia() if not self._audible:
                self._audible = True
                return [do.Listen()]
            case S.RINGING, ev.Answered():
                self.answered_at = now
                listen: list[Command] = [] if self._audible else [do.Listen()]
                self._audible = True
                self._to(S.TALKING, event)
                return listen

            case ((S.RINGING | S.TALKING), ev.Digit(digit)):
                return self._pressed(self._code.press(digit, now), event)
            case ((S.RINGING | S.TALKING), ev.DropWanted(request, slot, message_id)):
                if not self._audible:
                    return [do.RefuseRequest(request)]
                self._to(S.ASKING, event)
                return [do.StartDrop(slot, message_id, request)]
            case S.ASKING, ev.DropTaken():
                return self._taken(event, now)
            case S.ASKING, ev.CodeRefused(_, audible):
                return self._refused(event, now, audible=audible)
            case ((S.RINGING | S.TALKING | S.ASKING), ev.Tick()):
                return self._tick(event, now)
            case ((S.RINGING | S.TALKING), ev.CalleeGone(cause)):
                self._to(S.ENDED, event)
                return [do.EndAgent(cause), do.Finish(None, "the callee's leg ended")]
            case ((S.RINGING | S.TALKING), ev.AgentGone()):
                self._to(S.ENDED, event)
                return [do.HangUpCallee(NORMAL_CLEARING), do.Finish(None, "the agent hung up")]
            case ((S.RINGING | S.TALKING), ev.CalleeTaken()):
                self._to(S.ENDED, event)
                return [do.FreeAgent(), do.Finish(None, "the callee was taken out of the call")]
            case ((S.RINGING | S.TALKING | S.ASKING), ev.Broken(reason)):
                self._to(S.ENDED, event)
                return [
                    do.HangUpCallee(TEMPORARY_FAILURE),
                    do.EndAgent(TEMPORARY_FAILURE),
                    do.Finish(None, reason),
                ]

            case ((S.RINGING | S.TALKING), ev.HandOver()):
                self._to(S.ENDED, event)
                return [do.Finish(None, "the engine stops; the two stay joined")]
            case S.ASKING, _:
                # The leg may be a drop's already: a digit would reach its mailbox, and an agent who hangs up
                # at once must not take the leg along.
                self._held.append((event, now))
                return []

            case S.CONFIRMING, ev.Tick() if self._tone_due is not None and now >= self._tone_due:
                self._to(S.ENDED, event)
                return [do.ToneOff(), do.FreeAgent(), do.Finish(None, "the agent is free")]
            case S.CONFIRMING, ev.AgentGone():
                self._to(S.ENDED, event)
                return [do.Finish(None, "the agent hung up")]
            case S.CONFIRMING, ev.Broken(reason):
                self._to(S.ENDED, event)
                return [do.EndAgent(TEMPORARY_FAILURE), do.Finish(None, reason)]
        return []

    def _pressed(self, what: list[Relay | Code], event: ev.Event) -> list[Command]:
        out: list[Command] = []
        for one in what:
            if isinstance(one, Relay):
                # Before there is a path to the callee a digit has nowhere to go.
                out += [do.RelayDigits(one.digits)] if self._audible else []
            elif self._audible:
                self._to(S.ASKING, event)
                out.append(do.StartDrop(one.slot))
        return out

    def _taken(self, event: ev.Event, now: float) -> list[Command]:
        off = self._tone_off()
        self._to(S.CONFIRMING, event)
        if any(isinstance(one, ev.AgentGone) for one, _ in self._held):
            self._to(S.ENDED, event)
            return [do.Finish(None, "the agent hung up")]
        if not self._settings.confirmation:
            self._to(S.ENDED, event)
            return [*off, do.FreeAgent(), do.Finish(None, "the agent is free")]
        self._tone_due = now + CONFIRMATION_S
        return [*off, do.ToneOn("confirmation")]

    def _refused(self, event: ev.Event, now: float, *, audible: bool) -> list[Command]:
        out: list[Command] = []
        if audible:
            out = [*self._tone_off(), do.ToneOn("error")]
            self._tone_due = now + ERROR_TONE_S
        self._to(S.RINGING if self.answered_at is None else S.TALKING, event)
        held, self._held = self._held, []
        for one, at in held:
            out += self.handle(one, at)
        return out

    def _tick(self, event: ev.Event, now: float) -> list[Command]:
        out: list[Command] = self._pressed(self._code.tick(now), event)
        if self._tone_due is not None and now >= self._tone_due:
            out += self._tone_off()
        return out

    def _tone_off(self) -> list[Command]:
        """Stop the tone that is on: a second one would wait behind it for ever."""
        off: list[Command] = [] if self._tone_due is None else [do.ToneOff()]
        self._tone_due = None
        return off

    def _to(self, state: S, event: ev.Event) -> None:
        if state not in ALLOWED[self.state]:
            raise AssertionError(f"a call cannot go from {self.state.name} to {state.name}")
        log.debug("%s -> %s (%s)", self.state.name, state.name, type(event).__name__)
        self.state = state
