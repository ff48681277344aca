"""How an attempt ended on the network, and whether another one makes sense. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from voicedrop.model import Outcome


class Disposition(StrEnum):
    """How a call ended on the network."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    CONGESTED = "congested"
    CANCELLED = "cancelled"
    """We took it back before it was answered."""
    FAILED = "failed"
    """There is no such number, or nobody knows why."""


class Retry(StrEnum):
    """Whether another attempt makes sense. Whether it is allowed, the policy says."""

    NO = "no"
    LATER = "later"
    ANOTHER_TIME = "at another time of day"


# Q.850. A number that does not exist, was changed or is no number (1, 2, 3, 22, 28) will not be there later either.
_CAUSES: Final = {
    17: Disposition.BUSY,
    18: Disposition.NO_ANSWER,
    19: Disposition.NO_ANSWER,
    20: Disposition.UNREACHABLE,
    21: Disposition.REJECTED,
    27: Disposition.UNREACHABLE,
    34: Disposition.CONGESTED,
    38: Disposition.CONGESTED,
    41: Disposition.CONGESTED,
    42: Disposition.CONGESTED,
    44: Disposition.CONGESTED,
    47: Disposition.CONGESTED,
}
_GONE: Final = frozenset({1, 2, 3, 22, 28})
_AFTER: Final = {
    Disposition.BUSY: Retry.LATER,
    Disposition.NO_ANSWER: Retry.ANOTHER_TIME,
    Disposition.REJECTED: Retry.NO,
    Disposition.UNREACHABLE: Retry.LATER,
    Disposition.CONGESTED: Retry.LATER,
    Disposition.CANCELLED: Retry.ANOTHER_TIME,
    Disposition.FAILED: Retry.LATER,
    Disposition.ANSWERED: Retry.ANOTHER_TIME,
}
_OUTCOMES: Final = {
    Outcome.DELIVERED: Retry.NO,
    Outcome.PARTLY_DELIVERED: Retry.NO,
    Outcome.HUMAN_ANSWERED: Retry.ANOTHER_TIME,
    Outcome.SCREENED: Retry.NO,
    Outcome.NOT_MAILBOX: Retry.NO,
    Outcome.NO_CUE: Retry.ANOTHER_TIME,
    Outcome.CALLEE_HUNG_UP: Retry.ANOTHER_TIME,
    Outcome.BLOCKED: Retry.LATER,
    Outcome.FAILED: Retry.LATER,
}


def disposition(*, answered: bool, taken_back: bool, cause: int) -> Disposition:
    """`cause` is the Q.850 number of a leg that has ended, 0 where none is known."""
    if answered:
        return Disposition.ANSWERED
    if taken_back:
        return Disposition.CANCELLED
    return _CAUSES.get(cause, Disposition.FAILED)


def retry(outcome: Outcome, how: Disposition, cause: int) -> Retry:
    """`how` and `cause` are those of the leg that decided."""
    if outcome is not Outcome.NOT_CONNECTED:
        return _OUTCOMES[outcome]
    return Retry.NO if how is Disposition.FAILED and cause in _GONE else _AFTER[how]
