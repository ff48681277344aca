"""What a receipt says of an attempt."""

from __future__ import annotations

import pytest

from voicedrop.call.facts import DropFacts
from voicedrop.call.pair import Leg
from voicedrop.dialer.attempt import attempt
from voicedrop.model import HungUpBy, Outcome

LATER, NO, ANOTHER = "later", "no", "at another time of day"


def facts(**more: object) -> DropFacts:
    return DropFacts(accepted_at=0.0, **more)


@pytest.mark.parametrize(
    ("first", "second", "of_drop", "outcome", "expected"),
    [
        (Leg(placed_at=1, ended_at=2, cause=17), None, facts(hangup_cause=17), "not_connected", ("busy", LATER)),
        (Leg(placed_at=1, ended_at=2, cause=17), Leg(), facts(), "not_connected", ("busy", LATER)),
        (
            Leg(placed_at=1, ended_at=4, cause=17),
            Leg(placed_at=3, hung_up_at=4),
            facts(hung_up_by=HungUpBy.ENGINE),
            "not_connected",
            ("busy", LATER),
        ),
        (
            Leg(placed_at=1, answered_at=4, hung_up_at=4, ended_at=5),
            Leg(placed_at=3, hung_up_at=4),
            facts(hung_up_by=HungUpBy.ENGINE),
            "not_connected",
            ("answered", ANOTHER),
        ),
        (
            Leg(placed_at=1, hung_up_at=11, ended_at=11),
            Leg(placed_at=3, hung_up_at=11),
            facts(hung_up_by=HungUpBy.ENGINE),
            "not_connected",
            ("cancelled", ANOTHER),
        ),
        (
            Leg(placed_at=1, hung_up_at=3, ended_at=3),
            Leg(placed_at=3, answered_at=4),
            facts(answered_at=4.0, hung_up_at=30.0, hung_up_by=HungUpBy.ENGINE),
            "delivered",
            ("answered", NO),
        ),
        (Leg(), None, facts(), "blocked", (None, LATER)),
    ],
)
def test_how_it_ended_and_whether_to_try_again(
    first: Leg, second: Leg | None, of_drop: DropFacts, outcome: str, expected: tuple[str | None, str]
) -> None:
    said = attempt("two_call", first, second, of_drop, Outcome(outcome), lambda at: at)
    assert (said["disposition"], said["retry"]) == expected
    if outcome == "delivered":
        assert said["second"]["ended"] == 30.0
