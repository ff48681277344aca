"""Two calls to one number: the first occupies the line, so that the second goes to the mailbox.

Pure: no socket, no clock. `now` is the engine's monotonic time in seconds. What becomes of the second leg once it is
answered is a drop's business (`call/drop.py`); here the two are placed, and what must not go on is ended. The rule
in doubt: a free line with a second call on its way to it would ring at a human, so that call is taken back.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import IntEnum, auto

log = logging.getLogger(__name__)


class S(IntEnum):
    """In the order of a pair's life."""

    FIRST_OUT = auto()  # the first call is out; the second waits for its turn
    BOTH_OUT = auto()  # the second is out as well, and has not rung
    LINE_FREE = auto()  # the first was answered without ringing: so must the second be, at once
    SECOND_ALONE = auto()  # the second rings; the first has been hung up
    ENDED = auto()


ALLOWED: dict[S, frozenset[S]] = {
    S.FIRST_OUT: frozenset({S.BOTH_OUT, S.LINE_FREE, S.ENDED}),
    S.BOTH_OUT: frozenset({S.LINE_FREE, S.SECOND_ALONE, S.ENDED}),
    S.LINE_FREE: frozenset({S.ENDED}),
    S.SECOND_ALONE: frozenset({S.ENDED}),
    S.ENDED: frozenset(),
}


@dataclass(frozen=True, kw_only=True)
class PairSettings:
    """Every time in seconds."""

    gap_s: float = 2.0
    """From the first call to the second."""
    to_ring_s: float = 8.0
    """A second call that has not rung by then is given up, and the first with it."""
    forwarded_s: float = 2.5
    """Where the first was answered without ringing, the second must be by then."""


# -- what happens ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ringing:
    """A leg rings (180), or the network sends audio instead (183: `audio`)."""

    first: bool
    audio: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    first: bool


@dataclass(frozen=True, slots=True)
class Gone:
    """A leg has ended, or could not be made. `cause` is the Q.850 hangup cause, 0 if there is none."""

    first: bool
    cause: int = 0


@dataclass(frozen=True, slots=True)
class Cancel:
    """It is to end now: an opt-out, a stop, a fault."""

    reason: str


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline in `due` has come."""


Event = Ringing | Answered | Gone | Cancel | Tick


# -- what is to be done ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlaceSecond:
    """Call the number once more."""


@dataclass(frozen=True, slots=True)
class HangUpFirst:
    pass


@dataclass(frozen=True, slots=True)
class TakeBackSecond:
    """End the second leg, or do not place it: no message."""

    reason: str


Command = PlaceSecond | HangUpFirst | TakeBackSecond


@dataclass(kw_only=True)
class Leg:
    """What is known of one leg. Times are the engine's monotonic seconds, None: did not happen."""

    placed_at: float | None = None
    rang_at: float | None = None
    answered_at: float | None = None
    hung_up_at: float | None = None
    """When we said that it is to end."""
    ended_at: float | None = None
    cause: int = 0

    @property
    def up(self) -> bool:
        return self.placed_at is not None and self.ended_at is None


class Pair:
    """The life of one pair: the first leg is placed at `now`. Give each event to `handle`, Tick when `due` has come."""

    def __init__(self, settings: PairSettings, now: float) -> None:
        self.state = S.FIRST_OUT
        self.first = Leg(placed_at=now)
        self.second = Leg()
        self.reason = ""
        """Why the second leg was not placed, or was taken back; empty while neither was."""
        self._settings = settings
        self._deadline: float | None = now + settings.gap_s

    @property
    def due(self) -> float | None:
        """When a Tick is wanted."""
        return self._deadline

    @property
    def over(self) -> bool:
        """Nothing more will happen here: the first leg is gone, and the second is the drop's or gone."""
        return self.state is S.ENDED and not self.first.up

    def handle(self, event: Event, now: float) -> list[Command]:
        """Take in one event; what is to be done, in order."""
        self._note(event, now)
        match self.state, event:
            case S.ENDED, _:
                return []
            case _, Cancel(reason):
                return self._end(reason, event, now)

            case S.FIRST_OUT, Answered(first=True) if self.first.rang_at is None:
                # Forwarded at once, as a mobile that is off: so is the second.
                self._to(S.LINE_FREE, event, now + self._settings.forwarded_s)
                return [*self._hang_up_first(now), *self._place_second(now)]
            case S.FIRST_OUT, Answered(first=True):
                return self._end("the first call was answered before the second was placed", event, now)
            case S.FIRST_OUT, Gone(first=True):
                return self._end("the first call did not get through", event, now)
            case S.FIRST_OUT, Tick() if self._overdue(now):
                self._to(S.BOTH_OUT, event, now + self._settings.to_ring_s)
                return self._place_second(now)

            case S.BOTH_OUT, Ringing(first=False):
                self._to(S.SECOND_ALONE, event)
                return self._hang_up_first(now)
            case S.BOTH_OUT, Answered(first=True) if self.first.rang_at is None:
                self._to(S.LINE_FREE, event, now + self._settings.forwarded_s)
                return self._hang_up_first(now)
            case S.BOTH_OUT, Answered(first=True):
                return self._end("the first call was answered while the second was on its way", event, now)
            case S.BOTH_OUT, Gone(first=True):
                return self._end("the first call ended while the second was on its way", event, now)
            case S.BOTH_OUT, Tick() if self._overdue(now):
                return self._end("the second call never rang", event, now)
            case S.LINE_FREE, Ringing(first=False, audio=False):
                return self._end("the second call rings on a free line", event, now)
            case S.LINE_FREE, Tick() if self._overdue(now):
                return self._end("the first call was answered, and the second was not", event, now)

            case _, (Answered(first=False) | Gone(first=False)):
                return self._end("", event, now)  # what comes now is the drop's
        return []

    def _note(self, event: Event, now: float) -> None:
        """Each leg's times, whatever the state."""
        match event:
            case Ringing(first):
                leg = self.first if first else self.second
                leg.rang_at = now if leg.rang_at is None else leg.rang_at
            case Answered(first):
                leg = self.first if first else self.second
                leg.answered_at = now if leg.answered_at is None else leg.answered_at
            case Gone(first, cause):
                leg = self.first if first else self.second
                if leg.ended_at is None:
                    leg.ended_at, leg.cause = now, cause

    def _place_second(self, now: float) -> list[Command]:
        self.second.placed_at = now
        return [PlaceSecond()]

    def _hang_up_first(self, now: float) -> list[Command]:
        if not self.first.up or self.first.hung_up_at is not None:
            return []
        self.first.hung_up_at = now
        return [HangUpFirst()]

    def _end(self, reason: str, event: Event, now: float) -> list[Command]:
        """The first leg is not needed any more; with a reason, the second is not wanted either."""
        commands = self._hang_up_first(now)
        if reason and self.second.ended_at is None:
            self.reason = reason
            if self.second.placed_at is not None:
                self.second.hung_up_at = now
            commands.append(TakeBackSecond(reason))
        self._to(S.ENDED, event)
        return commands

    def _to(self, state: S, event: Event, deadline: float | None = None) -> None:
        if state not in ALLOWED[self.state]:
            raise AssertionError(f"a pair cannot go from {self.state.name} to {state.name}")
        log.debug("%s -> %s (%s)", self.state.name, state.name, type(event).__name__)
        self.state, self._deadline = state, deadline

    def _overdue(self, now: float) -> bool:
        return self._deadline is not None and now >= self._deadline
