"""A drop that nobody vouches for: in doubt nothing is played."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicedrop.call import commands as do
from voicedrop.call import events as ev
from voicedrop.call.commands import Command
from voicedrop.call.disposition import Disposition, Retry, disposition, retry
from voicedrop.call.drop import Drop, DropSettings
from voicedrop.call.hearing import Hearing
from voicedrop.call.states import S
from voicedrop.call.verdict import ENDS_IN, Answer, Verdict
from voicedrop.model import CueReason, Outcome

from .said import beep_ended, beep_started, speech_ended, speech_level, speech_started

SURE = 0.9


def verdict(answer: Answer, confidence: float = 0.97, at: float = 0.0, reason: str = "waits") -> ev.Judged:
    return ev.Judged(Verdict(answer=answer, confidence=confidence, reason=reason, at=at))


def ordered() -> Drop:
    return Drop(
        settings=DropSettings(vouched=False, sure=SURE),
        message_s=20.0,
        hearing=Hearing(whole=True),
        tapped=False,
        playback_id=lambda count: f"vd.n1.d.play{count}",
        accepted_at=0.0,
        answered_at=None,
        placed=False,
    )


def waiting() -> Drop:
    """Answered at 2.0."""
    machine = ordered()
    for at, event in ((1.0, ev.Placed()), (1.1, ev.Arrived()), (2.0, ev.Answered())):
        machine.handle(event, at)
    assert machine.state is S.WAITING
    return machine


def outcome(commands: list[Command]) -> Outcome | None:
    return next((one.outcome for one in commands if isinstance(one, do.Finish)), None)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (ev.Blocked("suppressed"), Outcome.BLOCKED),
        (ev.TakenBack("the first call did not get through"), Outcome.NOT_CONNECTED),
        (ev.HandOver(), Outcome.NOT_CONNECTED),
        (ev.Cancelled("an opt-out"), Outcome.NOT_CONNECTED),
        (ev.Broken("no message"), Outcome.FAILED),
    ],
    ids=repr,
)
def test_before_a_leg_is_placed_it_ends_without_one(event: ev.Event, expected: Outcome) -> None:
    machine = ordered()
    assert machine.due is None
    commands = machine.handle(event, 5.0)
    assert [type(one) for one in commands] == [do.Finish]
    assert outcome(commands) is expected


def test_a_call_is_begun_unless_the_drop_has_ended_before() -> None:
    machine = ordered()
    assert machine.handle(ev.MayCall(), 5.0) == [do.PlaceCall()]
    assert machine.state is S.ORDERED
    ended = ordered()
    ended.handle(ev.Cancelled("an opt-out"), 4.0)
    assert ended.handle(ev.MayCall(), 5.0) == []


def test_a_leg_that_is_taken_back_while_it_rings_is_hung_up() -> None:
    machine = ordered()
    machine.handle(ev.Placed(), 1.0)
    machine.handle(ev.Arrived(), 1.1)
    assert machine.handle(ev.TakenBack("the second call never rang"), 3.0) == [do.HangUpCallee()]
    assert outcome(machine.handle(ev.CalleeGone(16), 3.1)) is Outcome.NOT_CONNECTED


@pytest.mark.parametrize("answer", [one for one in Answer if one is not Answer.MAILBOX])
def test_whoever_is_no_mailbox_is_hung_up_on_at_once(answer: Answer) -> None:
    machine = waiting()
    assert machine.handle(verdict(answer), 3.5) == [do.HangUpCallee()]
    assert outcome(machine.handle(ev.CalleeGone(16), 3.6)) is ENDS_IN[answer]
    assert machine.facts.verdict is not None


def test_a_beep_alone_starts_nothing_until_it_is_a_mailboxs() -> None:
    machine = waiting()
    assert machine.handle(ev.Heard(beep_started()), 6.0) == []
    assert machine.handle(ev.Heard(beep_ended(ago_s=0.0)), 6.5) == []
    assert [type(one) for one in machine.handle(verdict(Answer.MAILBOX), 6.5)] == [do.Play, do.SendSilence]
    assert machine.facts.cue is not None
    assert machine.facts.cue.reason is CueReason.BEEP


def test_a_beep_behind_the_verdict_starts_at_once() -> None:
    machine = waiting()
    machine.handle(verdict(Answer.MAILBOX, 0.8), 6.0)
    assert [type(one) for one in machine.handle(ev.Heard(beep_ended(ago_s=0.0)), 9.0)] == [do.Play, do.SendSilence]


@pytest.mark.parametrize("reason", ["no_beep", "faint_beep"])
def test_a_beep_behind_a_guess_starts_nothing_until_the_ear_says_so(reason: str) -> None:
    """A human who talked long and waits may have an appliance that beeps."""
    machine = waiting()
    assert machine.handle(verdict(Answer.MAILBOX, 0.8, reason=reason), 15.0) == []
    assert machine.handle(ev.Heard(beep_ended(ago_s=0.0)), 16.0) == []
    commands = machine.handle(verdict(Answer.MAILBOX, 0.97, reason="beep"), 16.6)
    assert [type(one) for one in commands] == [do.Play, do.SendSilence]


def test_a_beep_before_a_guess_starts_nothing() -> None:
    machine = waiting()
    machine.handle(ev.Heard(beep_ended(ago_s=0.0)), 9.0)
    assert machine.handle(verdict(Answer.MAILBOX, 0.8, reason="faint_beep"), 11.0) == []


@pytest.mark.parametrize(("confidence", "plays"), [(SURE, True), (0.8, False)])
def test_a_silence_starts_only_where_the_ear_is_sure(confidence: float, plays: bool) -> None:
    machine = waiting()
    machine.handle(ev.Heard(speech_started()), 2.5)
    for tenth in range(30, 140):
        machine.handle(ev.Heard(speech_level()), tenth / 10)
    machine.handle(ev.Heard(speech_ended()), 14.0)
    commands = machine.handle(verdict(Answer.MAILBOX, confidence), 19.0)
    assert any(isinstance(one, do.Play) for one in commands) is plays


def test_who_speaks_over_the_message_does_not_get_it_again() -> None:
    """A kitchen's beep behind a sentence was taken for a mailbox's."""
    machine = waiting()
    machine.handle(ev.Heard(beep_ended(ago_s=0.0)), 5.0)
    assert any(isinstance(one, do.Play) for one in machine.handle(verdict(Answer.MAILBOX, reason="beep"), 5.6))
    machine.handle(ev.PlaybackStarted("vd.n1.d.play1"), 5.7)
    commands: list[Command] = []
    for tenth in range(5):
        said = speech_level() if tenth else speech_started()
        commands += machine.handle(ev.Heard(said), 7.0 + tenth / 10)
    assert do.StopPlayback("vd.n1.d.play1") in commands
    commands += machine.handle(ev.Heard(speech_ended(ago_s=0.0)), 7.6)
    while machine.due is not None and machine.due < 15.0:
        commands += machine.handle(ev.Tick(), machine.due)
    commands += machine.handle(ev.Heard(beep_ended(ago_s=0.0)), 15.0)
    assert not any(isinstance(one, do.Play) for one in commands)
    assert machine.handle(verdict(Answer.HUMAN), 15.5) == [do.HangUpCallee()]


def test_a_message_that_a_greeting_took_back_comes_again_once_the_ear_says_mailbox_again() -> None:
    machine = waiting()
    machine.handle(ev.Heard(beep_ended(ago_s=0.0)), 5.0)
    machine.handle(verdict(Answer.MAILBOX, reason="beep"), 5.6)
    machine.handle(ev.PlaybackStarted("vd.n1.d.play1"), 5.7)
    for tenth in range(5):
        machine.handle(ev.Heard(speech_level() if tenth else speech_started()), 7.0 + tenth / 10)
    machine.handle(ev.Heard(speech_ended(ago_s=0.0)), 9.0)
    machine.handle(ev.Heard(beep_ended(ago_s=0.0)), 9.5)
    commands = machine.handle(verdict(Answer.MAILBOX, reason="beep"), 10.1)
    assert [type(one) for one in commands] == [do.Play, do.SendSilence]


def test_an_engine_that_stops_gives_the_leg_to_nobody() -> None:
    """The dialplan would play to whoever is silent."""
    assert waiting().handle(ev.HandOver(), 4.0) == [do.HangUpCallee()]


HEARD = [beep_started(), beep_ended(), speech_started(), speech_level(), speech_ended()]
EVENT = st.one_of(
    st.sampled_from([ev.Heard(one) for one in HEARD]),
    st.sampled_from([verdict(one, sure) for one in Answer for sure in (0.5, 0.97)]),
    st.sampled_from([ev.Answered(), ev.Placed(), ev.Arrived(), ev.TakenBack("no"), ev.Cancelled("x"), ev.HandOver()]),
)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.floats(0.0, 6.0), EVENT), max_size=25))
def test_nothing_is_played_before_it_is_a_mailbox(course: list[tuple[float, ev.Event]]) -> None:
    machine, now, mailbox = ordered(), 0.0, False
    for gap, event in course:
        now += gap
        commands: list[Command] = []
        while machine.due is not None and machine.due <= now:
            commands += machine.handle(ev.Tick(), machine.due)
        assert mailbox or not any(isinstance(one, do.Play) for one in commands)
        state = machine.state
        if isinstance(event, ev.Judged) and state is S.WAITING:
            mailbox = event.verdict.answer is Answer.MAILBOX
        commands = machine.handle(event, now)
        assert mailbox or not any(isinstance(one, do.Play) for one in commands)
        assert not any(isinstance(one, do.GiveToDialplan) for one in commands)
        if any(isinstance(one, do.StopPlayback) for one in commands):  # taken back: it is in doubt again
            assert not any(isinstance(one, do.Play) for one in commands)
            mailbox = False


@pytest.mark.parametrize(
    ("cause", "expected"),
    [(17, "busy"), (18, "no_answer"), (19, "no_answer"), (20, "unreachable"), (21, "rejected"), (34, "congested")],
)
def test_the_network_says_how_it_ended(cause: int, expected: str) -> None:
    assert disposition(answered=False, taken_back=False, cause=cause) == expected
    assert disposition(answered=True, taken_back=True, cause=cause) is Disposition.ANSWERED
    assert disposition(answered=False, taken_back=True, cause=cause) is Disposition.CANCELLED


def test_every_outcome_says_whether_to_try_again() -> None:
    for one in Outcome:
        for how in Disposition:
            assert isinstance(retry(one, how, 0), Retry)


def test_a_number_that_does_not_exist_is_not_tried_again() -> None:
    assert retry(Outcome.NOT_CONNECTED, Disposition.FAILED, 1) is Retry.NO
    assert retry(Outcome.NOT_CONNECTED, Disposition.FAILED, 0) is Retry.LATER
