"""Two calls to one number: each turn of events, and what holds in all of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicedrop.call.pair import (
    Answered,
    Cancel,
    Command,
    Event,
    Gone,
    HangUpFirst,
    Pair,
    PairSettings,
    PlaceSecond,
    Ringing,
    S,
    TakeBackSecond,
    Tick,
)

GAP, TO_RING, FORWARDED = 2.0, 8.0, 2.5
SETTINGS = PairSettings(gap_s=GAP, to_ring_s=TO_RING, forwarded_s=FORWARDED)


def play(*events: tuple[float, Event]) -> tuple[Pair, list[tuple[float, Command]]]:
    """A pair whose first call is placed at 0; Ticks come by themselves."""
    pair, done = Pair(SETTINGS, 0.0), []
    for at, event in events:
        while pair.due is not None and pair.due <= at:
            due = pair.due
            done += [(due, command) for command in pair.handle(Tick(), due)]
        done += [(at, command) for command in pair.handle(event, at)]
    return pair, done


def later(pair: Pair) -> list[Command]:
    """What its next deadline brings."""
    assert pair.due is not None
    return pair.handle(Tick(), pair.due)


FIRST_RINGS, SECOND_RINGS = Ringing(first=True), Ringing(first=False)
FIRST_ANSWERED, SECOND_ANSWERED = Answered(first=True), Answered(first=False)


def test_as_it_should_be() -> None:
    """The line rings, the second call is forwarded to the mailbox and rings there; the first is hung up."""
    pair, done = play((0.4, FIRST_RINGS), (2.5, SECOND_RINGS), (2.6, Gone(True, 16)), (3.0, SECOND_ANSWERED))
    assert done == [(GAP, PlaceSecond()), (2.5, HangUpFirst())]
    assert pair.over
    assert pair.reason == ""
    assert (pair.first.rang_at, pair.first.answered_at, pair.first.hung_up_at, pair.first.ended_at) == (
        0.4,
        None,
        2.5,
        2.6,
    )
    assert (pair.second.placed_at, pair.second.rang_at, pair.second.answered_at) == (GAP, 2.5, 3.0)


def test_the_second_is_answered_before_the_first_is_down() -> None:
    pair, done = play((0.4, FIRST_RINGS), (2.3, SECOND_ANSWERED), (2.5, Gone(True, 16)))
    assert done == [(GAP, PlaceSecond()), (2.3, HangUpFirst())]
    assert pair.over


def test_the_second_gets_audio_without_ringing() -> None:
    _, done = play((0.4, FIRST_RINGS), (2.5, Ringing(first=False, audio=True)))
    assert done[-1] == (2.5, HangUpFirst())


@pytest.mark.parametrize("cause", [17, 1, 34, 21, 0])
def test_the_first_does_not_get_through(cause: int) -> None:
    pair, done = play((0.3, Gone(True, cause)))
    assert done == [(0.3, TakeBackSecond("the first call did not get through"))]
    assert pair.over
    assert pair.first.cause == cause
    assert pair.second.placed_at is None


def test_a_human_answers_the_first_at_once() -> None:
    pair, done = play((0.4, FIRST_RINGS), (1.5, FIRST_ANSWERED))
    assert [command for _, command in done] == [HangUpFirst(), TakeBackSecond(pair.reason)]
    assert pair.second.placed_at is None


def test_a_human_answers_the_first_while_the_second_is_on_its_way() -> None:
    pair, done = play((0.4, FIRST_RINGS), (2.4, FIRST_ANSWERED))
    assert [command for _, command in done] == [PlaceSecond(), HangUpFirst(), TakeBackSecond(pair.reason)]


def test_a_line_that_forwards_at_once() -> None:
    """A mobile that is off: neither call rings, a mailbox answers both."""
    pair, done = play((0.5, FIRST_ANSWERED), (0.6, Gone(True, 16)), (1.1, SECOND_ANSWERED))
    assert done == [(0.5, HangUpFirst()), (0.5, PlaceSecond())]
    assert pair.over
    assert pair.reason == ""


def test_a_slow_line_that_forwards_at_once() -> None:
    pair, done = play((2.5, FIRST_ANSWERED), (2.7, Gone(True, 16)), (3.9, SECOND_ANSWERED))
    assert done == [(GAP, PlaceSecond()), (2.5, HangUpFirst())]
    assert pair.reason == ""


@pytest.mark.parametrize("audio", [False, True])
def test_a_free_line_on_which_the_second_is_not_answered(audio: bool) -> None:
    pair, _ = play((0.5, FIRST_ANSWERED), (0.9, Ringing(first=False, audio=audio)))
    if audio:
        assert later(pair) == [TakeBackSecond(pair.reason)]
        assert pair.second.hung_up_at == 0.5 + FORWARDED
    else:
        assert pair.second.hung_up_at == 0.9
    assert pair.state is S.ENDED


def test_the_second_never_rings() -> None:
    pair, _ = play((0.4, FIRST_RINGS), (3.0, FIRST_RINGS))
    assert later(pair) == [HangUpFirst(), TakeBackSecond("the second call never rang")]
    assert not pair.over
    pair.handle(Gone(True, 16), 10.1)
    assert pair.over


@pytest.mark.parametrize("cause", [17, 34, 1])
def test_the_second_does_not_get_through(cause: int) -> None:
    pair, done = play((0.4, FIRST_RINGS), (2.3, Gone(False, cause)))
    assert done[1:] == [(2.3, HangUpFirst())]
    assert pair.reason == ""  # the drop's own receipt says it
    assert pair.second.cause == cause


def test_the_callee_rejects_the_first() -> None:
    """The line is free, and its owner is there: the second would ring at him."""
    pair, done = play((0.4, FIRST_RINGS), (2.2, Gone(True, 21)))
    assert done[-1] == (2.2, TakeBackSecond(pair.reason))


@pytest.mark.parametrize("at", [1.0, 2.2])
def test_cancelled(at: float) -> None:
    pair, done = play((0.4, FIRST_RINGS), (at, Cancel("opted out")))
    assert done[-2:] == [(at, HangUpFirst()), (at, TakeBackSecond("opted out"))]
    assert (pair.second.placed_at is None) == (at < GAP)


EVENTS = st.one_of(
    st.builds(Ringing, st.booleans(), st.booleans()),
    st.builds(Answered, st.booleans()),
    st.builds(Gone, st.booleans(), st.sampled_from([0, 16, 17, 21, 34])),
    st.just(Cancel("stop")),
    st.just(Tick()),
)


@given(st.lists(st.tuples(st.floats(0, 4), EVENTS), max_size=25))
def test_whatever_happens(story: list[tuple[float, Event]]) -> None:
    """Nothing is ordered twice, the second is never placed onto a line that the first has left after ringing, and in
    the end no call is left: each has ended, was told to end, or is the drop's."""
    pair, now, placed, hung, taken = Pair(SETTINGS, 0.0), 0.0, 0, 0, 0
    for pause, event in story:
        about_second = isinstance(event, Ringing | Answered | Gone) and not event.first
        if about_second and pair.second.placed_at is None:
            continue  # a leg that was not placed tells nothing
        now += pause
        before = pair.state
        for command in pair.handle(event, now):
            match command:
                case PlaceSecond():
                    placed += 1
                    assert before is S.FIRST_OUT
                    assert pair.first.ended_at is None
                    assert pair.first.answered_at is None or pair.first.rang_at is None
                case HangUpFirst():
                    hung += 1
                case TakeBackSecond(reason):
                    taken += 1
                    assert reason
        assert pair.state >= before
    while pair.due is not None:
        now = max(now, pair.due)
        for command in pair.handle(Tick(), now):
            placed += isinstance(command, PlaceSecond)
            hung += isinstance(command, HangUpFirst)
            taken += isinstance(command, TakeBackSecond)
    assert max(placed, hung, taken) <= 1
    if pair.state is S.ENDED:
        assert pair.first.hung_up_at is not None or pair.first.ended_at is not None
        second = pair.second
        assert taken or second.ended_at is not None or second.answered_at is not None
    else:  # the second rings: the drop waits for its answer, and Asterisk limits the time
        assert pair.state is S.SECOND_ALONE
        assert pair.first.hung_up_at is not None or pair.first.ended_at is not None
