"""A drop's life, row by row, and what holds whatever happens."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicedrop.call import commands as do
from voicedrop.call import events as ev
from voicedrop.call.commands import Command
from voicedrop.call.cue_settings import CueSettings
from voicedrop.call.drop import HEARD_S, Drop, DropSettings
from voicedrop.call.hearing import Hearing
from voicedrop.call.states import S
from voicedrop.call.verdict import Answer, Verdict
from voicedrop.model import CueReason, HungUpBy, Outcome

from .said import beep_dropped, beep_ended, beep_started, speech_ended, speech_level, speech_started

MESSAGE_S = 20.0
Kind = TypeVar("Kind")


class Line:
    """One drop in virtual time; due ticks are given as the engine gives them."""

    def __init__(self, *, answered: bool = True, tapped: bool = True, whole: bool = True, tail_s: float = 0.5) -> None:
        self.now = 0.0
        self.commands: list[Command] = []
        self.machine = Drop(
            settings=DropSettings(tail_s=tail_s),
            message_s=MESSAGE_S,
            hearing=Hearing(whole=whole),
            tapped=tapped,
            playback_id=lambda count: f"vd.n1.d.play{count}",
            accepted_at=0.0,
            answered_at=-5.0 if answered else None,
        )

    def give(self, event: ev.Event, at: float) -> list[Command]:
        """Let the time pass to `at`, then tell the machine; what it commands upon this event."""
        self.until(at)
        got = self.machine.handle(event, at)
        self.commands += got
        return got

    def hear(self, detection: Any, at: float) -> list[Command]:
        return self.give(ev.Heard(detection), at)

    def talk(self, since: float, seconds: float = 0.6) -> list[Command]:
        """A voice: what its first tenths of a second come to."""
        got = self.hear(speech_started(), since)
        for k in range(1, round(seconds * 10)):
            got += self.hear(speech_level(), since + k / 10)
        return got

    def until(self, at: float) -> list[Command]:
        """Give every tick that is due by then; what was commanded."""
        assert at >= self.now
        got: list[Command] = []
        while (due := self.machine.due) is not None and due <= at:
            now = max(due, self.now)
            got += self.machine.handle(ev.Tick(), now)
            if self.machine.due == due:
                raise AssertionError(
                    f"a tick at {due} in {self.machine.state.name} changes nothing: the engine would spin"
                )
            self.now = now
        self.commands += got
        self.now = at
        return got

    def all(self, kind: type[Kind]) -> list[Kind]:
        return [one for one in self.commands if isinstance(one, kind)]

    @property
    def finish(self) -> do.Finish:
        (one,) = self.all(do.Finish)
        return one

    @property
    def facts(self) -> Any:
        return self.machine.facts


def kinds(commands: list[Command]) -> list[type]:
    return [type(one) for one in commands]


def waiting(**how: Any) -> Line:
    """In the drop app since 0.1, waiting for a cue."""
    line = Line(**how)
    line.give(ev.Arrived(), 0.1)
    assert line.machine.state is S.WAITING
    return line


def starting(**how: Any) -> Line:
    """A beep ended at 5.0 and Play was sent."""
    line = waiting(**how)
    line.hear(beep_ended(ago_s=0.0), 5.0)
    assert line.machine.state is S.STARTING
    return line


def playing(**how: Any) -> Line:
    """Asterisk plays since 5.01."""
    line = starting(**how)
    line.give(ev.PlaybackStarted("vd.n1.d.play1"), 5.01)
    assert line.machine.state is S.PLAYING
    return line


def tail(**how: Any) -> Line:
    """The whole message was played by 25.01."""
    line = playing(**how)
    line.give(ev.PlaybackFinished("vd.n1.d.play1"), 25.01)
    assert line.machine.state is S.TAIL
    return line


def hanging_up(**how: Any) -> Line:
    """The tail passed as well; the leg was told to end at 25.51."""
    line = tail(**how)
    line.until(25.51)
    assert line.machine.state is S.HANGING_UP
    return line


def ringing(**how: Any) -> Line:
    line = Line(answered=False, **how)
    line.give(ev.Arrived(), 0.1)
    assert line.machine.state is S.RINGING
    return line


def arriving(**how: Any) -> Line:
    return Line(**how)


# -- the life that goes well ------------------------------------------------------------------------


def test_a_drop_from_the_code_to_the_end() -> None:
    line = Line()
    assert do.SendSilence() in line.give(ev.Arrived(), 0.1)
    assert line.hear(beep_started(), 4.6) == []
    assert line.hear(beep_ended(ago_s=0.04), 5.0) == [do.Play("vd.n1.d.play1"), do.SendSilence()]
    assert line.give(ev.PlaybackStarted("vd.n1.d.play1"), 5.01) == []
    assert line.give(ev.PlaybackFinished("vd.n1.d.play1"), 25.01) == []
    assert line.until(25.50) == []
    assert line.until(25.51) == [do.HangUpCallee()]
    assert line.give(ev.CalleeGone(16), 25.52) == [do.Finish(Outcome.DELIVERED, "the whole message was played")]
    facts = line.facts
    assert facts.cue.reason is CueReason.BEEP
    assert facts.cue.beep.ended_at == pytest.approx(4.96)
    assert (facts.play_started_at, facts.play_ended_at, facts.hung_up_at) == (5.01, 25.01, 25.52)
    assert facts.played_s == MESSAGE_S
    assert facts.restarts == 0
    assert facts.hung_up_by is HungUpBy.ENGINE
    assert facts.hangup_cause == 16
    assert [name for name, _ in facts.steps] == ["cue_beep", "message_start", "message_end", "ended"]


def test_silence_is_sent_from_the_arrival_on_and_queued_behind_the_message() -> None:
    line = waiting()
    assert kinds(line.commands)[0] is do.SendSilence
    got = line.hear(beep_ended(), 5.0)
    assert kinds(got) == [do.Play, do.SendSilence]


def test_a_leg_without_a_tap_gets_one_on_arrival_and_a_tapped_one_does_not() -> None:
    assert do.Listen() in waiting(tapped=False).commands
    assert do.Listen() not in waiting(tapped=True).commands


def test_a_beep_that_passed_before_the_code_starts_upon_arrival() -> None:
    line = Line()
    line.machine.hearing.note(beep_ended(ago_s=0.0), -3.0)
    got = line.give(ev.Arrived(), 0.1)
    assert do.Play("vd.n1.d.play1") in got
    assert line.facts.cue.reason is CueReason.ALREADY_PASSED


@pytest.mark.parametrize(("ended_at", "starts"), [(-9.9, True), (-10.0, False)])
def test_a_beep_counts_for_ten_seconds_until_the_arrival(ended_at: float, starts: bool) -> None:
    line = Line()
    line.machine.hearing.note(beep_ended(ago_s=0.0), ended_at)
    got = line.give(ev.Arrived(), 0.1)
    assert (do.Play("vd.n1.d.play1") in got) is starts


def test_a_beep_that_is_heard_on_the_way_into_the_drop_counts() -> None:
    line = Line()
    assert line.hear(beep_ended(), 0.05) == []
    assert do.Play("vd.n1.d.play1") in line.give(ev.Arrived(), 0.1)


def test_silence_behind_speech_starts_after_three_seconds() -> None:
    line = waiting()
    line.hear(speech_started(), 1.0)
    line.hear(speech_ended(ago_s=0.3), 6.3)
    assert line.until(8.99) == []
    assert do.Play("vd.n1.d.play1") in line.until(9.0)
    assert line.facts.cue.reason is CueReason.SILENCE


def test_without_a_cue_it_gives_up_after_sixty_seconds() -> None:
    line = waiting()
    assert line.until(60.09) == []
    assert line.until(60.1) == [do.HangUpCallee()]
    line.give(ev.CalleeGone(16), 60.2)
    assert line.finish.outcome is Outcome.NO_CUE
    assert line.facts.hung_up_by is HungUpBy.ENGINE
    assert not line.all(do.Play)


# -- not answered yet -------------------------------------------------------------------------------


def test_a_code_before_the_answer_waits_for_the_answer() -> None:
    line = ringing()
    assert line.hear(beep_ended(), 1.0) == []
    assert line.until(500.0) == []
    assert line.machine.due is None


def test_early_media_is_forgotten_with_the_answer() -> None:
    line = ringing()
    line.hear(beep_ended(), 1.0)
    assert line.give(ev.Answered(), 2.0) == [do.SendSilence()]
    assert line.machine.state is S.WAITING
    assert line.facts.answered_at == 2.0
    assert line.hear(beep_ended(), 3.0)[0] == do.Play("vd.n1.d.play1")


def test_an_answer_on_the_way_into_the_drop_is_not_lost() -> None:
    line = Line(answered=False)
    line.give(ev.Answered(), 0.05)
    line.give(ev.Arrived(), 0.1)
    assert line.machine.state is S.WAITING
    assert line.facts.answered_at == 0.05


def test_the_first_answer_is_the_answer() -> None:
    line = ringing()
    line.give(ev.Answered(), 2.0)
    line.give(ev.Answered(), 3.0)
    assert line.facts.answered_at == 2.0
    assert [name for name, _ in line.facts.steps] == ["answered"]


def test_a_callee_who_never_answers_is_not_connected() -> None:
    line = ringing()
    assert line.give(ev.CalleeGone(19, 480), 30.0) == [do.Finish(Outcome.NOT_CONNECTED, "the callee did not answer")]
    assert (line.facts.hangup_cause, line.facts.sip_status) == (19, 480)


# -- arriving ---------------------------------------------------------------------------------------


def test_a_leg_that_does_not_arrive_is_hung_up_after_three_seconds() -> None:
    line = Line()
    assert line.until(2.99) == []
    assert line.until(3.0) == [do.HangUpCallee()]
    line.give(ev.CalleeGone(16), 3.1)
    assert line.finish == do.Finish(Outcome.FAILED, "the leg did not arrive in the drop app")


def test_arriving_twice_changes_nothing() -> None:
    line = waiting()
    assert line.give(ev.Arrived(), 0.2) == []


# -- taking back ------------------------------------------------------------------------------------


def test_a_beep_that_begins_while_it_plays_stops_it_and_its_end_starts_it_anew() -> None:
    line = playing()
    assert line.hear(beep_started(), 8.0) == [do.StopPlayback("vd.n1.d.play1"), do.SendSilence()]
    assert line.machine.state is S.WAITING
    assert line.give(ev.PlaybackFinished("vd.n1.d.play1"), 8.01) == []
    assert line.until(8.9) == []
    assert line.hear(beep_ended(), 9.0) == [do.Play("vd.n1.d.play2"), do.SendSilence()]
    line.give(ev.PlaybackStarted("vd.n1.d.play2"), 9.01)
    line.give(ev.PlaybackFinished("vd.n1.d.play2"), 29.01)
    line.until(29.6)
    line.give(ev.CalleeGone(16), 29.7)
    assert line.finish.outcome is Outcome.DELIVERED
    assert line.facts.restarts == 1
    assert line.facts.play_started_at == 9.01
    assert "taken_back_beep" in [name for name, _ in line.facts.steps]


def test_a_start_is_taken_back_before_asterisk_has_said_that_it_plays() -> None:
    line = starting()
    assert line.hear(beep_started(ago_s=0.0), 5.005) == [do.StopPlayback("vd.n1.d.play1"), do.SendSilence()]
    assert line.give(ev.PlaybackStarted("vd.n1.d.play1"), 5.01) == []
    assert line.machine.state is S.WAITING
    assert line.facts.play_started_at is None


def test_a_short_beep_while_it_plays_stops_and_starts_at_once() -> None:
    line = playing()
    assert line.hear(beep_ended(length_s=0.06), 8.0) == [
        do.StopPlayback("vd.n1.d.play1"),
        do.SendSilence(),
        do.Play("vd.n1.d.play2"),
        do.SendSilence(),
    ]
    assert line.machine.state is S.STARTING
    # The first one's end comes only now.
    assert line.give(ev.PlaybackFinished("vd.n1.d.play1"), 8.01) == []
    assert line.machine.state is S.STARTING


def test_a_voice_while_it_plays_stops_it_and_silence_starts_it_anew() -> None:
    line = playing()
    assert line.talk(7.0) == [do.StopPlayback("vd.n1.d.play1"), do.SendSilence()]
    line.hear(speech_ended(ago_s=0.0), 9.0)
    assert do.Play("vd.n1.d.play2") in line.until(12.0)
    assert line.facts.cue.reason is CueReason.SILENCE


def test_how_much_was_played_is_by_asterisks_clock_where_events_come_late() -> None:
    line = playing()
    line.give(ev.PlaybackFinished("vd.n1.d.play1", lasted_s=MESSAGE_S - 0.01), 5.01 + MESSAGE_S - 1.5)
    line.until(26.0)
    line.give(ev.CalleeGone(16), 26.1)
    assert line.finish.outcome is Outcome.DELIVERED


def test_a_short_playback_whose_end_is_told_late_was_short_all_the_same() -> None:
    line = playing()
    line.give(ev.PlaybackFinished("vd.n1.d.play1", lasted_s=3.0), 5.01 + MESSAGE_S)
    line.until(26.0)
    line.give(ev.CalleeGone(16), 26.1)
    assert line.finish.outcome is Outcome.PARTLY_DELIVERED
    assert line.facts.played_s == 3.0


def test_a_mailbox_that_beeps_every_two_seconds_ends_as_one_without_a_cue() -> None:
    line = playing()
    now = 7.0
    while line.machine.state not in (S.HANGING_UP, S.ENDED):
        line.hear(beep_started(), now)
        line.hear(beep_ended(), now + 0.4)
        if line.machine.state is S.STARTING:
            line.give(ev.PlaybackStarted(present(line)), now + 0.42)
        now += 2.0
    assert now < 20.0
    assert kinds(line.commands)[-3:] == [do.StopPlayback, do.SendSilence, do.HangUpCallee]
    line.give(ev.CalleeGone(16), now)
    assert line.finish.outcome is Outcome.NO_CUE
    assert line.facts.reason == "the message was started 5 times, and each time too early"
    assert line.facts.restarts == 5
    assert len(line.all(do.Play)) == len(line.all(do.StopPlayback)) == 5


def test_ten_seconds_after_the_start_nothing_takes_it_back() -> None:
    line = playing()
    assert line.hear(beep_started(), 15.01) == []
    assert line.machine.state is S.PLAYING


def test_after_two_restarts_only_a_beep_cues() -> None:
    line = playing()
    line.talk(7.0)
    line.hear(speech_ended(ago_s=0.0), 8.0)
    line.until(11.0)
    line.give(ev.PlaybackStarted("vd.n1.d.play2"), 11.01)
    line.talk(12.0)
    assert line.facts.restarts == 2
    line.hear(speech_ended(ago_s=0.0), 13.0)
    assert line.until(40.0) == []
    assert line.hear(beep_ended(), 41.0)[0] == do.Play("vd.n1.d.play3")


def test_a_drop_that_ends_without_a_cue_after_a_take_back_shows_no_cue() -> None:
    line = playing()
    line.hear(beep_started(), 7.0)
    line.until(67.0)
    line.give(ev.CalleeGone(16), 67.1)
    assert line.finish.outcome is Outcome.NO_CUE
    assert line.facts.cue is None
    assert line.facts.restarts == 1


# -- events that name another playback --------------------------------------------------------------


@pytest.mark.parametrize("reach", [arriving, ringing, waiting, starting, playing, tail, hanging_up])
@pytest.mark.parametrize("event", [ev.PlaybackStarted("other"), ev.PlaybackFinished("other", failed=True)])
def test_an_event_of_another_playback_changes_nothing(reach: Callable[[], Line], event: ev.Event) -> None:
    line = reach()
    before, due, facts = line.machine.state, line.machine.due, copy.deepcopy(line.facts)
    assert line.machine.handle(event, line.now) == []
    assert (line.machine.state, line.machine.due, line.facts) == (before, due, facts)


# -- how much was played ----------------------------------------------------------------------------


@pytest.mark.parametrize(("early_s", "outcome"), [(0.24, Outcome.DELIVERED), (0.26, Outcome.PARTLY_DELIVERED)])
def test_a_playback_that_ends_a_quarter_second_early_was_whole(early_s: float, outcome: Outcome) -> None:
    line = playing()
    line.give(ev.PlaybackFinished("vd.n1.d.play1"), 25.01 - early_s)
    line.until(25.6)
    line.give(ev.CalleeGone(16), 25.7)
    assert line.finish.outcome is outcome
    assert line.facts.played_s == pytest.approx(MESSAGE_S if outcome is Outcome.DELIVERED else MESSAGE_S - early_s)


def test_a_playback_that_ends_early_is_partly_delivered_with_its_seconds() -> None:
    line = playing()
    line.give(ev.PlaybackFinished("vd.n1.d.play1"), 12.01)
    assert line.until(12.51) == [do.HangUpCallee()]
    line.give(ev.CalleeGone(16), 12.6)
    assert line.finish == do.Finish(Outcome.PARTLY_DELIVERED, "the playback ended early")
    assert line.facts.played_s == pytest.approx(7.0)


def test_a_file_that_asterisk_cannot_play_has_failed() -> None:
    # As measured: Asterisk reports a start, and the failure within the same millisecond.
    line = playing()
    line.give(ev.PlaybackFinished("vd.n1.d.play1", failed=True), 5.011)
    line.until(6.0)
    line.give(ev.CalleeGone(16), 6.1)
    assert line.finish == do.Finish(Outcome.FAILED, "Asterisk could not play the message")


def test_a_playback_that_fails_before_it_starts_has_failed() -> None:
    line = starting()
    line.give(ev.PlaybackFinished("vd.n1.d.play1", failed=True), 5.2)
    line.until(6.0)
    line.give(ev.CalleeGone(16), 6.1)
    assert line.finish == do.Finish(Outcome.FAILED, "Asterisk could not play the message")


def test_a_playback_that_never_starts_is_given_up_after_thirteen_seconds() -> None:
    line = starting()
    assert line.until(17.99) == []
    assert line.until(18.0) == [do.HangUpCallee()]
    line.give(ev.CalleeGone(16), 18.1)
    assert line.finish == do.Finish(Outcome.FAILED, "the message did not start to play")


def test_a_message_whose_end_is_not_reported_ends_five_seconds_late() -> None:
    line = playing()
    assert line.until(30.0) == []
    assert line.until(30.01) == [do.HangUpCallee()]
    line.give(ev.CalleeGone(16), 30.1)
    assert line.finish == do.Finish(Outcome.DELIVERED, "the message's end was not reported")
    assert line.facts.played_s == MESSAGE_S


# -- the callee hangs up ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reach", "outcome", "by"),
    [
        (arriving, Outcome.CALLEE_HUNG_UP, HungUpBy.CALLEE),
        (ringing, Outcome.NOT_CONNECTED, HungUpBy.CALLEE),
        (waiting, Outcome.CALLEE_HUNG_UP, HungUpBy.CALLEE),
        (starting, Outcome.CALLEE_HUNG_UP, HungUpBy.CALLEE),
        (tail, Outcome.DELIVERED, HungUpBy.CALLEE),
        (hanging_up, Outcome.DELIVERED, HungUpBy.ENGINE),
    ],
)
def test_a_callee_who_hangs_up_ends_the_drop_at_every_stage(
    reach: Callable[[], Line], outcome: Outcome, by: HungUpBy
) -> None:
    line = reach()
    got = line.give(ev.CalleeGone(16, 0), line.now + 0.01)
    assert kinds(got) == [do.Finish]
    assert line.finish.outcome is outcome
    assert line.facts.outcome is outcome
    assert line.facts.reason == line.finish.reason
    assert line.facts.hung_up_by is by
    assert line.facts.hung_up_at == pytest.approx(line.now)


@pytest.mark.parametrize(
    ("after_s", "outcome"),
    [
        (0.09, Outcome.CALLEE_HUNG_UP),
        (0.11, Outcome.PARTLY_DELIVERED),
        (10.0, Outcome.PARTLY_DELIVERED),
        (19.74, Outcome.PARTLY_DELIVERED),
        (19.76, Outcome.DELIVERED),
    ],
)
def test_a_callee_who_hangs_up_during_the_message_has_what_was_played(after_s: float, outcome: Outcome) -> None:
    line = playing()
    line.give(ev.CalleeGone(16), 5.01 + after_s)
    assert line.finish.outcome is outcome
    assert line.facts.played_s == pytest.approx(MESSAGE_S if outcome is Outcome.DELIVERED else after_s)


def test_a_hang_up_that_ends_the_playback_first_is_the_callees() -> None:
    line = playing()
    line.give(ev.PlaybackFinished("vd.n1.d.play1", failed=True), 9.01)
    line.give(ev.CalleeGone(16), 9.02)
    assert line.finish.outcome is Outcome.PARTLY_DELIVERED
    assert line.facts.played_s == pytest.approx(4.0)
    assert line.facts.hung_up_by is HungUpBy.CALLEE


@pytest.mark.parametrize(
    ("reach", "outcome"),
    [(waiting, Outcome.NO_CUE), (starting, Outcome.FAILED), (tail, Outcome.DELIVERED)],
)
def test_the_legs_time_limit_is_not_the_callee(reach: Callable[[], Line], outcome: Outcome) -> None:
    line = reach()
    line.give(ev.CalleeGone(16, by_callee=False), line.now + 0.1)
    assert line.finish.outcome is outcome
    assert line.facts.hung_up_by is HungUpBy.LIMIT


def test_a_hang_up_that_is_never_confirmed_ends_after_five_seconds() -> None:
    line = hanging_up()
    assert line.until(30.50) == []
    assert kinds(line.until(30.51)) == [do.Finish]
    assert line.finish.outcome is Outcome.DELIVERED
    assert line.facts.hung_up_by is HungUpBy.ENGINE


# -- things that break ------------------------------------------------------------------------------


@pytest.mark.parametrize("reach", [arriving, ringing, waiting])
def test_without_its_ear_a_drop_that_has_not_started_has_failed(reach: Callable[[], Line]) -> None:
    line = reach()
    assert line.give(ev.TapLost("no audio for 5 s"), line.now + 0.1) == [do.HangUpCallee()]
    line.give(ev.CalleeGone(16), line.now + 0.1)
    assert line.finish == do.Finish(Outcome.FAILED, "the live audio was lost: no audio for 5 s")


@pytest.mark.parametrize("reach", [starting, playing])
def test_a_message_goes_on_without_its_ear(reach: Callable[[], Line]) -> None:
    line = reach()
    before = line.machine.state
    assert line.give(ev.TapLost("gone"), line.now + 0.1) == []
    assert line.machine.state is before
    assert line.facts.deaf == "gone"


@pytest.mark.parametrize("reach", [tail, hanging_up])
def test_behind_the_message_the_ear_is_not_missed(reach: Callable[[], Line]) -> None:
    line = reach()
    before = line.machine.state
    assert line.give(ev.TapLost("gone"), line.now + 0.1) == []
    assert line.machine.state is before
    assert line.facts.deaf == ""


@pytest.mark.parametrize(
    ("reach", "outcome"),
    [
        (arriving, Outcome.FAILED),
        (ringing, Outcome.FAILED),
        (waiting, Outcome.FAILED),
        (starting, Outcome.FAILED),
        (tail, Outcome.DELIVERED),
    ],
)
def test_what_breaks_hangs_up_and_keeps_what_was_achieved(reach: Callable[[], Line], outcome: Outcome) -> None:
    line = reach()
    assert line.give(ev.Broken("Play: 500"), line.now + 0.01) == [do.HangUpCallee()]
    line.give(ev.CalleeGone(16), line.now + 0.1)
    assert line.finish == do.Finish(outcome, "Play: 500")


def test_what_breaks_during_the_message_leaves_it_partly_delivered() -> None:
    line = playing()
    assert line.give(ev.Broken("the connection"), 9.01) == [do.HangUpCallee()]
    line.give(ev.CalleeGone(16), 9.5)
    assert line.finish == do.Finish(Outcome.PARTLY_DELIVERED, "the connection")
    assert line.facts.played_s == pytest.approx(4.0)


def test_what_breaks_while_it_hangs_up_changes_nothing() -> None:
    line = hanging_up()
    assert line.give(ev.Broken("late"), 25.6) == []
    line.give(ev.CalleeGone(16), 25.7)
    assert line.finish == do.Finish(Outcome.DELIVERED, "the whole message was played")


@pytest.mark.parametrize(
    ("reach", "outcome"),
    [
        (arriving, Outcome.FAILED),
        (ringing, Outcome.FAILED),
        (waiting, Outcome.FAILED),
        (starting, Outcome.FAILED),
        (tail, Outcome.DELIVERED),
        (hanging_up, Outcome.DELIVERED),
    ],
)
def test_a_leg_that_is_taken_away_is_not_touched_any_more(reach: Callable[[], Line], outcome: Outcome) -> None:
    line = reach()
    got = line.give(ev.CalleeTaken(), line.now + 0.01)
    assert got == [do.Finish(outcome, "the leg was taken out of the drop")]
    assert line.facts.hung_up_by is HungUpBy.UNKNOWN


# -- the engine stops -------------------------------------------------------------------------------


def test_a_drop_without_an_answer_ends_with_the_engine() -> None:
    line = ringing()
    assert line.give(ev.HandOver(), line.now + 0.1) == [do.HangUpCallee()]
    line.give(ev.CalleeGone(16), line.now + 0.1)
    assert line.finish == do.Finish(Outcome.FAILED, "the engine stopped before the answer")


def test_nothing_is_sent_before_the_answer() -> None:
    """Asterisk refuses it (412), and the drop would fail for it."""
    line = Line(answered=False)
    assert do.SendSilence() not in line.give(ev.Arrived(), 0.1)


def test_what_was_not_seen_does_not_count_as_played() -> None:
    """Asterisk died in the message and was found without the leg long after its end."""
    line = playing()
    started = line.facts.play_started_at
    assert started is not None
    line.give(ev.EventsLost(), started + 1.0)
    line.give(ev.CalleeGone(0, seen=False), started + 60.0)
    assert line.facts.played_s == pytest.approx(1.0)
    assert line.facts.outcome is Outcome.PARTLY_DELIVERED
    assert line.facts.hung_up_by is HungUpBy.UNKNOWN


def test_a_message_that_went_on_unseen_counts_when_its_leg_is_found_again() -> None:
    line = playing()
    started = line.facts.play_started_at
    assert started is not None
    line.give(ev.EventsLost(), started + 1.0)
    line.give(ev.EventsBack(), started + 21.0)
    line.give(ev.PlaybackFinished("vd.n1.d.play1"), started + 21.0)
    line.until(started + 30.0)
    line.give(ev.CalleeGone(16), started + 30.0)
    assert line.facts.outcome is Outcome.DELIVERED


def test_a_leg_that_was_found_gone_while_it_waited_has_failed() -> None:
    line = waiting()
    line.give(ev.EventsLost(), line.now + 0.1)
    line.give(ev.CalleeGone(0, seen=False), line.now + 9)
    assert line.facts.outcome is Outcome.FAILED


@pytest.mark.parametrize("reach", [arriving, waiting])
def test_a_drop_that_waits_is_handed_to_the_dialplan(reach: Callable[[], Line]) -> None:
    line = reach()
    got = line.give(ev.HandOver(), line.now + 0.1)
    assert got == [
        do.GiveToDialplan(),
        do.Finish(Outcome.FAILED, "the engine stopped and gave the leg to the dialplan"),
    ]


@pytest.mark.parametrize("reach", [starting, playing, tail, hanging_up])
def test_a_message_that_has_begun_is_finished(reach: Callable[[], Line]) -> None:
    line = reach()
    before = line.machine.state
    assert line.give(ev.HandOver(), line.now + 0.01) == []
    assert line.machine.state is before


@pytest.mark.parametrize("detection", [beep_started(), beep_ended(), None])
def test_a_message_that_is_taken_back_after_the_hand_over_goes_to_the_dialplan(detection: Any) -> None:
    line = playing()
    line.give(ev.HandOver(), 6.0)
    got = line.hear(detection, 7.0) if detection else line.talk(7.0)
    assert kinds(got) == [do.StopPlayback, do.GiveToDialplan, do.Finish]


# -- adopted from an earlier run --------------------------------------------------------------------


def resumed(*, answered: bool = True) -> Line:
    """The second start of an earlier run plays since -6.0; this run came at 0.1."""
    line = Line(answered=answered, tapped=False, whole=False)
    line.give(ev.Arrived(), 0.1)
    line.give(ev.Resumed("vd.n1.d.play2", -6.0), 0.1)
    return line


@pytest.mark.parametrize("answered", [True, False])
def test_a_message_that_an_earlier_run_began_is_seen_to_its_end(answered: bool) -> None:
    line = resumed(answered=answered)
    assert line.machine.state is S.PLAYING
    line.give(ev.PlaybackFinished("vd.n1.d.play2"), 14.0)
    line.until(14.5)
    line.give(ev.CalleeGone(16), 14.6)
    assert line.finish.outcome is Outcome.DELIVERED
    assert not line.all(do.Play)


def test_a_leg_that_plays_was_answered_even_if_the_journal_did_not_know() -> None:
    assert resumed(answered=False).facts.answered_at == -6.0


def test_a_resumed_message_that_ended_unseen_is_overdue_like_any_other() -> None:
    line = resumed()
    assert line.until(18.99) == []
    assert line.until(19.0) == [do.HangUpCallee()]


def test_a_beep_late_in_a_resumed_message_starts_nothing() -> None:
    line = resumed()
    assert line.hear(beep_started(), 5.0) == []
    assert line.hear(beep_ended(), 5.5) == []
    assert line.machine.state is S.PLAYING


def test_a_resumed_message_is_taken_back_and_the_next_start_has_an_id_of_its_own() -> None:
    line = resumed()
    assert line.hear(beep_started(), 2.0) == [do.StopPlayback("vd.n1.d.play2"), do.SendSilence()]
    assert line.hear(beep_ended(), 2.5)[0] == do.Play("vd.n1.d.play3")
    assert line.facts.restarts == 2, "the first start's restart in the earlier run counts"


def test_nothing_is_resumed_once_we_play_ourselves() -> None:
    line = playing()
    assert line.give(ev.Resumed("vd.n1.d.play9", 0.0), 6.0) == []
    line.give(ev.PlaybackFinished("vd.n1.d.play1"), 25.01)
    assert line.machine.state is S.TAIL


@pytest.mark.parametrize(
    ("reach", "outcome"), [(arriving, Outcome.FAILED), (waiting, Outcome.FAILED), (tail, Outcome.DELIVERED)]
)
def test_a_drop_whose_end_nobody_saw_is_written_off(reach: Callable[[], Line], outcome: Outcome) -> None:
    line = reach()
    assert line.machine.write_off("the engine was away", line.now) == do.Finish(outcome, "the engine was away")
    assert line.machine.state is S.ENDED
    assert line.facts.outcome is outcome


# -- the end is the end -----------------------------------------------------------------------------

EVENTS: list[ev.Event] = [
    ev.Answered(),
    ev.MayCall(),
    ev.Placed(),
    ev.TakenBack("the line is free"),
    ev.Blocked("suppressed"),
    ev.Judged(Verdict(answer=Answer.HUMAN, confidence=0.9, reason="waits", at=0.0)),
    ev.EarlyMedia(),
    ev.Arrived(),
    ev.Heard(beep_started()),
    ev.Heard(beep_ended()),
    ev.Heard(beep_dropped()),
    ev.Heard(speech_started()),
    ev.Heard(speech_level()),
    ev.Heard(speech_level(-45.0)),
    ev.Heard(speech_ended()),
    ev.TapLost("gone"),
    ev.Digit("5"),
    ev.PlaybackStarted("vd.n1.d.play1"),
    ev.PlaybackStarted("vd.n1.d.play2"),
    ev.PlaybackStarted("vd.n1.d.play3"),
    ev.PlaybackFinished("vd.n1.d.play1"),
    ev.PlaybackFinished("vd.n1.d.play2"),
    ev.PlaybackFinished("vd.n1.d.play3", failed=True),
    ev.Resumed("vd.n1.d.play1", 0.0),
    ev.AgentGone(16),
    ev.CalleeGone(16),
    ev.CalleeGone(16, 0, by_callee=False),
    ev.AgentReplaced("agent2"),
    ev.CalleeTaken(),
    ev.DropTaken(),
    ev.CodeRefused("no"),
    ev.DropWanted("r", 1, ""),
    ev.Cancelled("x"),
    ev.Broken("broken"),
    ev.HandOver(),
    ev.Tick(),
    ev.EventsLost(),
    ev.EventsBack(),
]


@pytest.mark.parametrize("event", EVENTS, ids=repr)
def test_after_the_end_nothing_is_commanded_and_no_fact_changes(event: ev.Event) -> None:
    line = Line(answered=False)
    line.give(ev.CalleeGone(17, 486), 0.1)
    facts = copy.deepcopy(line.facts)
    assert line.machine.due is None
    assert line.machine.handle(event, 1.0) == []
    assert line.facts == facts


def test_every_event_is_tried_above() -> None:
    assert {type(one) for one in EVENTS} == set(ev.Event.__args__)


def test_every_state_is_left_only_where_the_table_allows() -> None:
    line = tail()
    with pytest.raises(AssertionError, match="from TAIL to PLAYING"):
        line.machine._to(S.PLAYING, ev.Tick())
    assert line.machine.state is S.TAIL


# Endings are rare among them, or every course would be a short one. A string stands for an event of the
# playback that is the present one when its turn comes.
ENDINGS = ev.TakenBack | ev.CalleeGone | ev.CalleeTaken | ev.Broken | ev.HandOver | ev.TapLost
LASTING = [one for one in EVENTS if not isinstance(one, ENDINGS)]
HEARD = [one for one in EVENTS if isinstance(one, ev.Heard)]
EVENT = st.one_of(
    st.sampled_from(HEARD),
    st.sampled_from(HEARD),
    st.just("starts"),
    st.sampled_from(["starts", "ends"]),
    st.sampled_from(LASTING),
    st.sampled_from(EVENTS),
)
GAP_S = st.one_of(st.floats(0.0, 0.5), st.floats(0.0, 6.0), st.sampled_from([3.0, 10.0, 20.0]))
COURSE = st.lists(st.tuples(GAP_S, EVENT), max_size=30)


def meant(event: ev.Event | str, current: str) -> ev.Event:
    match event:
        case "starts":
            return ev.PlaybackStarted(current)
        case "ends":
            return ev.PlaybackFinished(current)
        case _:
            assert not isinstance(event, str)
            return event


def present(line: Line) -> str:
    """The id of the playback that counts now; empty: none has been begun."""
    return line.machine._playback


def names_another(event: ev.Event, current: str) -> bool:
    return isinstance(event, ev.PlaybackStarted | ev.PlaybackFinished) and event.playback_id != current


@settings(max_examples=300)
@given(
    reach=st.sampled_from([arriving, ringing, waiting, starting, playing]),
    tapped=st.booleans(),
    whole=st.booleans(),
    course=COURSE,
)
def test_whatever_happens_a_drop_ends_exactly_once(
    reach: Callable[..., Line], tapped: bool, whole: bool, course: list[tuple[float, ev.Event | str]]
) -> None:
    line = reach(tapped=tapped, whole=whole)
    answered, now = reach is not ringing, line.now
    for gap, what in course:
        now += gap
        line.until(now)
        over = bool(line.all(do.Finish))
        before, facts, current = line.machine.state, copy.deepcopy(line.facts), present(line)
        event = meant(what, current)
        if not over:
            answered = answered or isinstance(event, ev.Answered)
            answered = answered or (isinstance(event, ev.Resumed) and before is S.RINGING)
        got = line.give(event, now)
        if over:
            assert got == []
            assert line.facts == facts
        if names_another(event, current):
            assert (got, line.machine.state, line.facts) == ([], before, facts)
        for command in got:
            if isinstance(command, do.Play):
                assert answered, "the message must not play to a telephone that rings"
                assert line.facts.restarts < 2 or line.facts.cue.reason is CueReason.BEEP
            if isinstance(command, do.StopPlayback):
                assert before in (S.STARTING, S.PLAYING)
                assert command.playback_id == current
    if not line.all(do.Finish):
        line.give(ev.CalleeGone(16), now + 1.0)
    assert line.until(now + 10_000.0) == []
    outcome = line.finish.outcome
    assert isinstance(outcome, Outcome)
    assert outcome is line.facts.outcome
    assert isinstance(line.commands[-1], do.Finish)
    assert line.machine.state is S.ENDED
    started = [one.playback_id for one in line.all(do.Play)]
    assert len(set(started)) == len(started), "each start has an id of its own"
    playing_id = ""
    for command in line.commands:
        if isinstance(command, do.Play):
            assert not playing_id, "what is taken back is stopped before the next start"
            playing_id = command.playback_id
        elif isinstance(command, do.StopPlayback):
            playing_id = ""
    assert line.facts.restarts <= CueSettings().most_restarts
    assert 0.0 <= line.facts.played_s <= MESSAGE_S
    assert (outcome is Outcome.DELIVERED) == (line.facts.played_s == MESSAGE_S)
    if outcome is Outcome.NOT_CONNECTED:
        assert not answered or any(isinstance(what, ev.TakenBack) for _, what in course)
    if outcome is Outcome.PARTLY_DELIVERED:
        assert line.facts.played_s >= HEARD_S


@given(reach=st.sampled_from([waiting, starting, playing]), course=COURSE)
def test_left_alone_an_answered_drop_ends_by_itself(
    reach: Callable[[], Line], course: list[tuple[float, ev.Event | str]]
) -> None:
    line = reach()
    now = line.now
    for gap, what in course:
        now += gap
        line.until(now)
        line.give(meant(what, present(line)), now)
    line.until(now + CueSettings().give_up_s + MESSAGE_S + 20.0)
    assert len(line.all(do.Finish)) == 1


# -- cancelled --------------------------------------------------------------------------------------


def test_cancelled_while_it_waits_nothing_is_played() -> None:
    line = waiting()
    assert kinds(line.give(ev.Cancelled("token:desk"), 3.0)) == [do.HangUpCallee]
    line.give(ev.CalleeGone(16), 3.1)
    assert line.finish == do.Finish(Outcome.FAILED, "cancelled by token:desk")
    assert line.facts.hung_up_by is HungUpBy.ENGINE
    assert "cancelled" in [name for name, _ in line.facts.steps]


def test_cancelled_while_it_plays_the_receipt_says_how_much() -> None:
    line = waiting()
    line.hear(beep_ended(), 2.0)
    line.give(ev.PlaybackStarted("vd.n1.d.play1"), 2.1)
    line.give(ev.Cancelled("token:desk"), 7.1)
    line.give(ev.CalleeGone(16), 7.2)
    assert line.finish.outcome is Outcome.PARTLY_DELIVERED
    assert line.facts.played_s == pytest.approx(5.0)


def test_a_message_that_is_out_is_not_cancelled() -> None:
    line = waiting()
    line.hear(beep_ended(), 2.0)
    line.give(ev.PlaybackStarted("vd.n1.d.play1"), 2.1)
    line.give(ev.PlaybackFinished("vd.n1.d.play1"), 22.1)
    assert line.give(ev.Cancelled("token:desk"), 22.2) == []
    line.until(22.6)
    line.give(ev.CalleeGone(16), 22.7)
    assert line.finish.outcome is Outcome.DELIVERED
