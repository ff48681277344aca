"""What a drop comes to when something ends it before it is done. Pure."""

from __future__ import annotations

from collections.abc import Callable

from voicedrop.call import events as ev
from voicedrop.call.states import S
from voicedrop.model import Outcome

Ending = tuple[Outcome, str]
"""The outcome, and why."""


def never_placed(event: ev.Event) -> Ending | None:
    """What ends an unattended drop whose leg is not placed yet; None: this does not."""
    match event:
        case ev.Blocked(reason):
            return Outcome.BLOCKED, reason
        case ev.TakenBack(reason):
            return Outcome.NOT_CONNECTED, reason
        case ev.HandOver():
            return Outcome.NOT_CONNECTED, "the engine stopped before the call"
        case ev.Cancelled(by):
            return Outcome.NOT_CONNECTED, f"cancelled by {by}"
        case ev.Broken(reason):
            return Outcome.FAILED, reason
    return None


def leg_gone(event: ev.CalleeGone, state: S, answered: bool, planned: Ending, played: Callable[[], Outcome]) -> Ending:
    """The leg has ended in this state; `planned` is what it was being ended for, `played` what was heard by then."""
    match state:
        case S.HANGING_UP:
            return planned
        case S.TAIL if planned[0] is Outcome.DELIVERED:
            return planned
        case S.STARTING | S.PLAYING | S.TAIL:
            heard = played()
            unheard = heard is Outcome.FAILED and event.by_callee and event.seen
            return (Outcome.CALLEE_HUNG_UP if unheard else heard), "the leg ended while the message was playing"
        case _ if not event.seen:
            return Outcome.FAILED, "the leg ended while Asterisk's events were lost"
        case _ if not answered:
            return Outcome.NOT_CONNECTED, "the callee did not answer"
        case _ if not event.by_callee:
            return Outcome.NO_CUE, "the leg reached its time limit"
    return Outcome.CALLEE_HUNG_UP, "the callee hung up before the message"
