"""What the receipt says of an attempt: how its calls were made, and how they ended. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from voicedrop.call.disposition import Disposition, disposition, retry
from voicedrop.call.facts import DropFacts
from voicedrop.call.pair import Leg
from voicedrop.model import HungUpBy, Outcome


def attempt(
    method: str, first: Leg, second: Leg | None, facts: DropFacts, outcome: Outcome, utc: Callable[[float | None], Any]
) -> dict[str, Any]:
    """`second` is None for the single method; `facts` are those of the leg that was to be left the message."""
    if outcome is Outcome.BLOCKED:
        how, cause, first, second = None, 0, Leg(), None
    else:
        how, cause = _decided(first, second, facts)
    if second is not None and second.up:  # the pair looks away once the second is alone
        second.ended_at, second.cause = facts.hung_up_at, facts.hangup_cause
    return {
        "method": method,
        "disposition": None if how is None else str(how),
        "retry": str(retry(outcome, how or Disposition.FAILED, cause)),
        "first": _told(first, utc),
        "second": None if second is None else _told(second, utc),
    }


def _decided(first: Leg, second: Leg | None, facts: DropFacts) -> tuple[Disposition, int]:
    """How the call ended that decided: the one for the message, or the first where that was never made."""
    leg = second if second is not None and second.placed_at is not None else first
    taken_back = leg.hung_up_at is not None or facts.hung_up_by is HungUpBy.ENGINE
    answered = facts.answered_at is not None or (leg is first and leg.answered_at is not None)
    cause = facts.hangup_cause or leg.cause
    how = disposition(answered=answered, taken_back=taken_back, cause=cause)
    if how is not Disposition.CANCELLED or leg is first:
        return how, cause
    # The second was taken back for something that the first came to.
    if first.answered_at is not None:
        return Disposition.ANSWERED, cause
    if first.ended_at is not None and first.hung_up_at is None:
        return disposition(answered=False, taken_back=False, cause=first.cause), first.cause
    return how, cause


def _told(leg: Leg, utc: Callable[[float | None], Any]) -> dict[str, Any] | None:
    if leg.placed_at is None:
        return None
    return {
        "placed": utc(leg.placed_at),
        "rang": utc(leg.rang_at),
        "answered": utc(leg.answered_at),
        "hung_up": utc(leg.hung_up_at),
        "ended": utc(leg.ended_at),
        "cause": leg.cause or None,
    }
