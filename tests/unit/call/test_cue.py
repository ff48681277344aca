"""When to start the message, and when to take a start back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp import BeepEnded, Detection
from voicedrop.call.cue import CuePolicy, CueSettings, GiveUp, Ruling, TakeBack
from voicedrop.call.hearing import Hearing
from voicedrop.model import Cue, CueReason

from .said import beep_dropped, beep_ended, beep_started, speech_ended, speech_started


class Ear:
    """A hearing and the policy that goes by it."""

    def __init__(self, *, whole: bool = True, settings: CueSettings | None = None) -> None:
        self.hearing = Hearing(whole=whole)
        self.policy = CuePolicy(settings or CueSettings(), self.hearing)

    def before(self, detection: Detection, now: float) -> None:
        """Heard before the drop waits."""
        self.hearing.note(detection, now)

    def hear(self, detection: Detection, now: float) -> Ruling:
        self.hearing.note(detection, now)
        return self.policy.hear(detection, now)


def reason(ruling: Ruling) -> CueReason | None:
    return ruling.reason if isinstance(ruling, Cue) else None


# -- a beep that passed before the code ------------------------------------------------------------


@pytest.mark.parametrize("ago_s", [0.0, 0.5, 9.9, 10.0])
def test_a_beep_of_up_to_ten_seconds_ago_starts_at_once(ago_s: float) -> None:
    ear = Ear()
    ear.before(beep_ended(ago_s=0.0), 100.0)
    ruling = ear.policy.begin(100.0 + ago_s)
    assert reason(ruling) is CueReason.ALREADY_PASSED
    assert isinstance(ruling, Cue)
    assert ruling.at == 100.0 + ago_s
    assert ruling.beep is ear.hearing.last_beep


def test_a_beep_of_a_little_more_than_ten_seconds_ago_does_not() -> None:
    ear = Ear()
    ear.before(beep_ended(ago_s=0.0), 100.0)
    assert ear.policy.begin(110.1) is None


def test_a_beep_with_speech_since_does_not() -> None:
    ear = Ear()
    ear.before(beep_ended(ago_s=0.0), 100.0)
    ear.before(speech_started(), 101.0)
    assert ear.policy.begin(101.5) is None


def test_speech_before_the_beep_does_not_matter() -> None:
    ear = Ear()
    ear.before(speech_started(), 90.0)
    ear.before(speech_ended(), 95.0)
    ear.before(beep_ended(ago_s=0.0), 100.0)
    assert reason(ear.policy.begin(101.0)) is CueReason.ALREADY_PASSED


# -- a beep while we wait ---------------------------------------------------------------------------


def test_the_end_of_a_beep_is_the_cue_and_its_beginning_is_not() -> None:
    ear = Ear()
    assert ear.policy.begin(0.0) is None
    assert ear.hear(beep_started(), 5.0) is None
    ruling = ear.hear(beep_ended(ago_s=0.1), 5.5)
    assert reason(ruling) is CueReason.BEEP
    assert isinstance(ruling, Cue)
    assert ruling.beep is not None
    assert ruling.beep.ended_at == pytest.approx(5.4)


def test_a_tone_that_was_no_beep_is_no_cue() -> None:
    ear = Ear()
    ear.policy.begin(0.0)
    ear.hear(beep_started(), 5.0)
    assert ear.hear(beep_dropped(), 6.0) is None


# -- silence ----------------------------------------------------------------------------------------


def test_three_seconds_of_silence_behind_speech_start_and_a_moment_less_does_not() -> None:
    ear = Ear()
    ear.policy.begin(0.0)
    ear.hear(speech_started(), 1.0)
    ear.hear(speech_ended(ago_s=0.5), 4.5)
    assert ear.policy.due == pytest.approx(7.0)
    assert ear.policy.tick(6.99) is None
    ruling = ear.policy.tick(7.0)
    assert reason(ruling) is CueReason.SILENCE
    assert isinstance(ruling, Cue)
    assert ruling.beep is None


def test_silence_that_follows_no_speech_does_not_start() -> None:
    ear = Ear()
    ear.policy.begin(0.0)
    assert ear.policy.due == 60.0
    assert ear.policy.tick(59.9) is None


def test_an_ear_that_came_late_waits_longer_than_the_pause_before_a_beep() -> None:
    ear = Ear(whole=False)
    ear.policy.begin(0.0)
    assert ear.policy.due == 8.0
    assert ear.policy.tick(7.9) is None
    assert reason(ear.policy.tick(8.0)) is CueReason.SILENCE


def test_silence_that_was_there_before_the_code_counts() -> None:
    ear = Ear()
    ear.before(speech_started(), 1.0)
    ear.before(speech_ended(ago_s=0.0), 10.0)
    ear.policy.begin(12.0)
    assert ear.policy.due == pytest.approx(13.0)


def test_a_silence_that_is_over_due_when_the_drop_begins_starts_with_the_first_tick() -> None:
    ear = Ear()
    ear.before(speech_started(), 1.0)
    ear.before(speech_ended(ago_s=0.0), 10.0)
    assert ear.policy.begin(20.0) is None
    assert ear.policy.due is not None
    assert ear.policy.due <= 20.0
    assert reason(ear.policy.tick(20.0)) is CueReason.SILENCE


def test_no_silence_is_counted_while_the_callee_speaks() -> None:
    ear = Ear(whole=False)
    ear.before(speech_started(), 1.0)
    ear.policy.begin(2.0)
    assert ear.policy.due == 62.0


def test_no_silence_is_counted_while_it_beeps() -> None:
    ear = Ear()
    ear.before(speech_started(), 1.0)
    ear.before(speech_ended(ago_s=0.0), 2.0)
    ear.before(beep_started(), 2.5)
    ear.policy.begin(2.6)
    assert ear.policy.due == pytest.approx(62.6)


@pytest.mark.parametrize("interruption", [speech_started(), beep_started()])
def test_speech_and_a_tone_interrupt_the_silence(interruption: Detection) -> None:
    ear = Ear()
    ear.policy.begin(0.0)
    ear.hear(speech_started(), 1.0)
    ear.hear(speech_ended(ago_s=0.0), 4.0)
    ear.hear(interruption, 6.9)
    assert ear.policy.tick(7.0) is None
    assert ear.policy.due == 60.0


def test_after_a_tone_that_was_no_beep_the_silence_is_counted_anew() -> None:
    ear = Ear()
    ear.policy.begin(0.0)
    ear.hear(speech_started(), 1.0)
    ear.hear(speech_ended(ago_s=0.0), 4.0)
    ear.hear(beep_started(), 5.0)
    ear.hear(beep_dropped(), 6.0)
    assert ear.policy.due == pytest.approx(9.0)


def test_a_tone_within_speech_that_was_no_beep_starts_no_silence() -> None:
    ear = Ear()
    ear.policy.begin(0.0)
    ear.hear(speech_started(), 1.0)
    ear.hear(beep_started(), 2.0)
    ear.hear(beep_dropped(), 2.5)
    assert ear.policy.due == 60.0
    assert ear.policy.tick(5.5) is None


def test_speech_whose_end_is_told_during_a_beep_starts_no_silence() -> None:
    ear = Ear()
    ear.policy.begin(0.0)
    ear.hear(speech_started(), 1.0)
    ear.hear(beep_started(), 4.0)
    ear.hear(speech_ended(ago_s=0.3), 4.1)
    assert ear.policy.due == 60.0
    ear.hear(beep_dropped(), 6.0)
    assert ear.policy.due == pytest.approx(9.0)


def test_a_tone_before_anybody_spoke_starts_no_silence() -> None:
    ear = Ear()
    ear.policy.begin(0.0)
    ear.hear(beep_started(), 1.0)
    ear.hear(beep_dropped(), 2.0)
    assert ear.policy.due == 60.0


# -- giving up --------------------------------------------------------------------------------------


def test_after_sixty_seconds_it_gives_up_and_a_moment_before_it_does_not() -> None:
    ear = Ear()
    ear.policy.begin(100.0)
    assert ear.policy.tick(159.99) is None
    assert ear.policy.tick(160.0) == GiveUp()


def test_endless_speech_is_given_up() -> None:
    ear = Ear()
    ear.policy.begin(0.0)
    ear.hear(speech_started(), 1.0)
    assert ear.policy.due == 60.0
    assert ear.policy.tick(60.0) == GiveUp()


# -- taking back ------------------------------------------------------------------------------------


def playing() -> Ear:
    """The message plays since 10.0, after a silence."""
    ear = Ear()
    ear.policy.begin(0.0)
    ear.hear(speech_started(), 1.0)
    ear.hear(speech_ended(ago_s=0.0), 7.0)
    assert reason(ear.policy.tick(10.0)) is CueReason.SILENCE
    return ear


def test_nothing_is_due_while_it_plays() -> None:
    ear = playing()
    assert ear.policy.due is None
    assert ear.policy.tick(1000.0) is None


@pytest.mark.parametrize(
    ("detection", "why"), [(beep_started(), "beep"), (beep_ended(), "beep"), (speech_started(), "speech")]
)
def test_a_beep_or_a_voice_takes_the_start_back(detection: Detection, why: str) -> None:
    ear = playing()
    assert ear.hear(detection, 15.0) == TakeBack(why)
    assert ear.policy.restarts == 1


@pytest.mark.parametrize("detection", [speech_ended(), beep_dropped()])
def test_the_end_of_something_takes_nothing_back(detection: Detection) -> None:
    ear = playing()
    assert ear.hear(detection, 11.0) is None
    assert ear.policy.restarts == 0


def test_a_start_is_taken_back_for_ten_seconds_and_not_longer() -> None:
    assert playing().hear(beep_started(), 20.0) == TakeBack("beep")
    assert playing().hear(beep_started(), 20.1) is None


def test_speech_from_before_the_beep_that_is_told_behind_it_takes_nothing_back() -> None:
    ear = Ear()
    ear.policy.begin(0.0)
    assert reason(ear.hear(beep_ended(ago_s=0.0), 5.0)) is CueReason.BEEP
    assert ear.hear(speech_started(ago_s=0.3), 5.2) is None
    assert ear.hear(speech_ended(ago_s=0.0), 5.3) is None
    assert ear.hear(speech_started(ago_s=0.1), 6.0) == TakeBack("speech")


def test_a_beginning_beep_takes_back_and_its_end_starts_again() -> None:
    ear = playing()
    ear.hear(beep_started(), 12.0)
    assert ear.policy.again(12.0) is None
    assert reason(ear.hear(beep_ended(), 12.5)) is CueReason.BEEP


def test_a_beep_that_is_over_when_it_is_told_starts_again_at_once() -> None:
    ear = playing()
    assert ear.hear(beep_ended(length_s=0.06), 12.0) == TakeBack("beep")
    again = ear.policy.again(12.0)
    assert reason(again) is CueReason.BEEP
    assert isinstance(again, Cue)
    assert again.beep is ear.hearing.last_beep


def test_after_a_voice_took_it_back_silence_may_start_again() -> None:
    ear = playing()
    ear.hear(speech_started(), 12.0)
    assert ear.policy.again(12.0) is None
    ear.hear(speech_ended(ago_s=0.0), 14.0)
    assert ear.policy.due == pytest.approx(17.0)


def test_a_tone_that_took_it_back_and_was_no_beep_lets_silence_start_again() -> None:
    ear = playing()
    ear.hear(beep_started(), 12.0)
    ear.hear(beep_dropped(), 13.0)
    assert ear.policy.due == pytest.approx(16.0)


def test_a_beep_alone_lets_silence_start_again_after_a_false_take_back() -> None:
    ear = Ear()
    ear.policy.begin(0.0)
    ear.hear(beep_ended(), 5.0)
    assert ear.hear(beep_started(), 7.0) == TakeBack("beep")
    ear.hear(beep_dropped(), 8.0)
    assert ear.policy.due == pytest.approx(11.0)


def test_after_a_take_back_the_time_to_give_up_begins_anew() -> None:
    ear = playing()
    ear.hear(beep_started(), 12.0)
    assert ear.policy.due == pytest.approx(72.0)
    assert ear.policy.tick(72.0) == GiveUp()


def test_after_two_restarts_silence_does_not_start_any_more_but_a_beep_does() -> None:
    ear = playing()
    ear.hear(speech_started(), 12.0)
    ear.hear(speech_ended(ago_s=0.0), 14.0)
    assert reason(ear.policy.tick(17.0)) is CueReason.SILENCE
    assert ear.hear(speech_started(), 18.0) == TakeBack("speech")
    assert ear.policy.restarts == 2
    ear.hear(speech_ended(ago_s=0.0), 19.0)
    assert ear.policy.due == pytest.approx(78.0)
    assert ear.policy.tick(30.0) is None
    assert reason(ear.hear(beep_ended(), 31.0)) is CueReason.BEEP


def test_where_no_restart_is_allowed_only_a_beep_ever_starts() -> None:
    ear = Ear(whole=False, settings=CueSettings(max_restarts=0))
    ear.policy.begin(0.0)
    ear.hear(speech_started(), 1.0)
    ear.hear(speech_ended(), 2.0)
    assert ear.policy.due == 60.0
    assert reason(ear.hear(beep_ended(), 3.0)) is CueReason.BEEP


def test_a_resumed_message_is_taken_back_like_one_of_our_own() -> None:
    ear = Ear(whole=False)
    ear.policy.begin(50.0)
    ear.policy.resumed(45.0)
    assert ear.policy.due is None
    assert ear.hear(beep_started(), 55.0) == TakeBack("beep")


def test_a_resumed_message_that_has_played_for_long_is_not_taken_back() -> None:
    ear = Ear(whole=False)
    ear.policy.begin(50.0)
    ear.policy.resumed(40.0)
    assert ear.hear(beep_ended(), 55.0) is None


# -- properties -------------------------------------------------------------------------------------

HEARD = st.sampled_from([beep_started(), beep_ended(), beep_dropped(), speech_started(), speech_ended()])


@given(whole=st.booleans(), course=st.lists(st.tuples(st.floats(0.0, 5.0), HEARD), max_size=40))
def test_whatever_is_heard_it_is_cued_only_when_it_does_not_play(
    whole: bool, course: list[tuple[float, Detection]]
) -> None:
    ear = Ear(whole=whole)
    now, plays, taken_back = 0.0, False, 0
    assert ear.policy.begin(now) is None
    for gap, detection in course:
        now += gap
        while (due := ear.policy.due) is not None and due <= now:
            ruling = ear.policy.tick(due)
            assert not plays
            if isinstance(ruling, GiveUp):
                return
            assert isinstance(ruling, Cue), "what is due must come to something"
            assert taken_back < 2 or ruling.reason is CueReason.BEEP
            plays = True
        ruling = ear.hear(detection, now)
        if isinstance(ruling, TakeBack):
            assert plays
            plays, taken_back = False, taken_back + 1
            ruling = ear.policy.again(now)
            assert (ruling is not None) == isinstance(detection, BeepEnded)
        if isinstance(ruling, Cue):
            assert not plays
            plays = True
        assert ear.policy.restarts == taken_back
        assert (ear.policy.due is None) == plays


# -- one beep that the ear follows twice ------------------------------------------------------------


def test_a_beep_that_was_over_before_the_start_takes_nothing_back() -> None:
    ear = Ear()
    ear.policy.begin(0.0)
    assert reason(ear.hear(beep_ended(ago_s=0.1), 5.0)) is CueReason.BEEP
    assert ear.hear(beep_started(ago_s=0.4), 5.0) is None  # began with the same beep
    assert ear.hear(beep_ended(ago_s=0.1), 5.0) is None
    assert ear.hear(beep_ended(ago_s=0.14), 5.14) is None
    assert ear.policy.restarts == 0


def test_a_beep_that_ended_a_moment_after_the_start_does_and_cues_again() -> None:
    ear = Ear()
    ear.policy.begin(0.0)
    ear.hear(beep_ended(ago_s=0.1), 5.0)
    assert ear.hear(beep_started(ago_s=0.4), 5.0) is None
    assert ear.hear(beep_ended(ago_s=0.1), 5.2) == TakeBack("beep")
    assert reason(ear.policy.again(5.2)) is CueReason.BEEP


def test_a_beep_that_began_after_the_last_one_ended_takes_the_start_back() -> None:
    ear = Ear()
    ear.policy.begin(0.0)
    ear.hear(beep_ended(ago_s=0.1), 5.0)
    assert ear.hear(beep_started(ago_s=0.09), 5.0) == TakeBack("beep")
