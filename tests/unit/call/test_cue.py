"""When to start the message, and when to take a start back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp import BeepEnded, Detection
from voicedrop.call.cue import CuePolicy, GiveUp, Ruling, TakeBack
from voicedrop.call.cue_settings import CueSettings
from voicedrop.call.hearing import Hearing
from voicedrop.model import Cue, CueReason

from .said import beep_dropped, beep_ended, beep_started, speech_ended, speech_level, speech_started


class Ear:
    """A hearing and the policy that goes by it."""

    def __init__(self, *, whole: bool = True, settings: CueSettings | None = None) -> None:
        self.settings = settings or CueSettings()
        self.hearing = Hearing(whole=whole, settings=self.settings)
        self.policy = CuePolicy(self.settings, self.hearing)

    def before(self, detection: Detection, now: float) -> None:
        """Heard before the drop waits."""
        self.hearing.note(detection, now)

    def hear(self, detection: Detection, now: float) -> Ruling:
        self.hearing.note(detection, now)
        return self.policy.hear(detection, now)

    def talk(self, since: float, until: float, level_dbfs: float = -18.0) -> tuple[float, Ruling] | None:
        """Somebody speaks, as the ear tells it. When that came to a ruling, and to which; then no more is said."""
        now, said = since, speech_started(ago_s=0.1, level_dbfs=level_dbfs)
        while now < until + 1e-9:
            ruling = self.hear(said, now)
            if ruling is not None:
                return pytest.approx(now), ruling
            now, said = now + 0.1, speech_level(level_dbfs)
        return None


NOTHING = GiveUp("no beep and no silence to start in")


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
    assert ear.policy.tick(160.0) == NOTHING


def test_endless_speech_is_given_up() -> None:
    ear = Ear()
    ear.policy.begin(0.0)
    ear.hear(speech_started(), 1.0)
    assert ear.policy.due == 60.0
    assert ear.policy.tick(60.0) == NOTHING


# -- taking back ------------------------------------------------------------------------------------


def playing() -> Ear:
    """The message plays since 10.0, after a silence."""
    ear = Ear()
    ear.policy.begin(0.0)
    ear.hear(speech_started(), 1.0)
    ear.hear(speech_ended(ago_s=0.0), 7.0)
    assert reason(ear.policy.tick(10.0)) is CueReason.SILENCE
    return ear


def behind_a_beep() -> Ear:
    """A greeting of five seconds at -18 dBFS; the message plays since 10.0, behind the beep."""
    ear = Ear()
    ear.policy.begin(0.0)
    assert ear.talk(1.0, 6.0) is None
    ear.hear(speech_ended(ago_s=0.3), 6.3)
    assert reason(ear.hear(beep_ended(ago_s=0.05), 10.0)) is CueReason.BEEP
    return ear


def test_nothing_is_due_while_it_plays() -> None:
    ear = playing()
    assert ear.policy.due is None
    assert ear.policy.tick(1000.0) is None


@pytest.mark.parametrize("detection", [beep_started(), beep_ended()])
def test_a_beep_takes_the_start_back_at_once(detection: Detection) -> None:
    ear = playing()
    assert ear.hear(detection, 15.0) == TakeBack("beep")
    assert ear.policy.restarts == 1


def test_a_voice_takes_back_what_a_silence_started_within_a_third_of_a_second() -> None:
    ear = playing()
    assert ear.talk(15.0, 20.0) == (15.2, TakeBack("speech"))
    assert ear.policy.restarts == 1


def test_what_a_beep_started_it_takes_back_a_moment_later() -> None:
    assert behind_a_beep().talk(15.0, 20.0) == (15.3, TakeBack("speech"))


def test_a_word_alone_takes_nothing_back_and_nor_do_words_far_apart() -> None:
    ear = playing()
    for at in (11.0, 12.5, 14.0):
        assert ear.talk(at, at + 0.1) is None
        ear.hear(speech_ended(), at + 0.5)
    assert ear.policy.restarts == 0


def test_two_words_within_a_second_do() -> None:
    ear = playing()
    assert ear.talk(11.0, 11.1) is None
    ear.hear(speech_ended(), 11.5)
    assert ear.talk(11.8, 12.5) == (11.8, TakeBack("speech"))


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
    assert ear.talk(6.0, 7.0) == (6.3, TakeBack("speech"))


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
    ear.talk(12.0, 13.0)
    assert ear.policy.again(12.2) is None
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
    assert ear.policy.tick(72.0) == NOTHING


def test_after_two_restarts_silence_does_not_start_any_more_but_a_beep_does() -> None:
    ear = playing()
    ear.talk(12.0, 13.0)
    ear.hear(speech_ended(ago_s=0.0), 14.0)
    assert reason(ear.policy.tick(17.0)) is CueReason.SILENCE
    assert ear.talk(18.0, 19.0) == (18.2, TakeBack("speech"))
    assert ear.policy.restarts == 2
    ear.hear(speech_ended(ago_s=0.0), 19.0)
    assert ear.policy.due == pytest.approx(78.2)
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


# -- talk in the background -------------------------------------------------------------------------


def after_the_greeting() -> Ear:
    """Five seconds at -18 dBFS until 6.0, and no beep."""
    ear = Ear()
    ear.policy.begin(0.0)
    assert ear.talk(1.0, 6.0) is None
    ear.hear(speech_ended(ago_s=0.3), 6.3)
    return ear


def test_talk_in_the_background_holds_the_silence_up_for_half_a_second() -> None:
    ear = after_the_greeting()
    assert ear.policy.due == pytest.approx(9.0)
    assert ear.talk(6.5, 9.4, -28.1) is None
    assert ear.policy.due == pytest.approx(9.5)
    assert ear.policy.tick(9.49) is None
    assert reason(ear.policy.tick(9.5)) is CueReason.SILENCE


def test_where_more_silence_is_asked_for_talk_asks_for_half_a_second_more_than_that() -> None:
    ear = Ear(settings=CueSettings(silence_s=5.0))
    ear.policy.begin(0.0)
    ear.talk(1.0, 6.0)
    ear.hear(speech_ended(ago_s=0.3), 6.3)
    ear.talk(6.5, 9.0, -35.0)
    assert ear.policy.due == pytest.approx(11.5)


def test_talk_that_ends_soon_holds_it_up_for_less() -> None:
    ear = after_the_greeting()
    ear.talk(6.1, 6.2, -30.0)
    ear.hear(speech_ended(ago_s=0.3), 6.5)
    assert ear.policy.due == pytest.approx(9.2)


def test_a_voice_a_little_louder_is_one_and_the_silence_begins_behind_it() -> None:
    ear = after_the_greeting()
    ear.talk(6.5, 9.0, -27.9)
    assert ear.policy.due == 60.0
    ear.hear(speech_ended(ago_s=0.3), 9.3)
    assert ear.policy.due == pytest.approx(12.0)


def test_a_voice_that_goes_over_into_the_background_ends_there() -> None:
    ear = Ear()
    ear.policy.begin(0.0)
    ear.talk(1.0, 6.0)
    for k in range(10):
        ear.hear(speech_level(-40.0), 6.1 + k / 10)
    assert ear.policy.due == pytest.approx(9.5)


@pytest.mark.parametrize(("level_dbfs", "back"), [(-28.1, False), (-27.9, True), (-5.0, True)])
def test_talk_in_the_background_takes_nothing_back(level_dbfs: float, back: bool) -> None:
    taken = behind_a_beep().talk(11.0, 19.0, level_dbfs)
    assert (taken == (11.3, TakeBack("speech"))) if back else (taken is None)


def test_talk_in_the_background_since_the_beep_does_not_make_it_forgotten() -> None:
    ear = Ear()
    for at in range(10, 60):
        ear.before(speech_level(), at / 10)
    ear.before(beep_ended(ago_s=0.0), 8.0)
    ear.before(speech_started(level_dbfs=-40.0), 9.0)
    assert reason(ear.policy.begin(9.5)) is CueReason.ALREADY_PASSED


# -- restarts are bounded ---------------------------------------------------------------------------


def test_what_beeps_again_and_again_is_given_up_after_five_restarts() -> None:
    ear = Ear()
    ear.policy.begin(0.0)
    now, starts = 1.0, 0
    while True:
        ruling = ear.hear(beep_started(), now)
        if isinstance(ruling, TakeBack) and isinstance(end := ear.policy.again(now), GiveUp):
            break
        starts += isinstance(ear.hear(beep_ended(), now + 0.4), Cue)
        now += 2.0
    assert (starts, ear.policy.restarts) == (5, 5)
    assert end == GiveUp("the message was started 5 times, and each time too early")


def test_beeps_too_short_to_be_announced_are_counted_as_well() -> None:
    ear = Ear()
    ear.policy.begin(0.0)
    assert isinstance(ear.hear(beep_ended(length_s=0.06), 1.0), Cue)
    for count in range(5):
        assert ear.hear(beep_ended(length_s=0.06), 3.0 + count) == TakeBack("beep")
        assert isinstance(ear.policy.again(3.0 + count), Cue if count < 4 else GiveUp)


def test_restarts_of_an_earlier_run_count() -> None:
    ear = Ear(whole=False)
    ear.policy.resumed(45.0, restarts=4)
    assert ear.hear(beep_started(), 50.0) == TakeBack("beep")
    assert isinstance(ear.policy.again(50.0), GiveUp)


def test_before_it_begins_nothing_is_ruled() -> None:
    ear = Ear()
    assert ear.hear(beep_ended(), 1.0) is None
    assert ear.talk(2.0, 4.0) is None
    assert ear.policy.due is None
    assert ear.policy.tick(100.0) is None


# -- properties -------------------------------------------------------------------------------------

HEARD = st.sampled_from(
    [
        beep_started(),
        beep_ended(),
        beep_dropped(),
        speech_started(),
        speech_started(level_dbfs=-40.0),
        speech_level(),
        speech_level(-27.0),
        speech_level(-40.0),
        speech_ended(),
    ]
)


@given(whole=st.booleans(), early=st.lists(HEARD, max_size=10), course=st.lists(st.tuples(st.floats(0.0, 5.0), HEARD)))
def test_whatever_is_heard_it_is_cued_only_when_it_does_not_play(
    whole: bool, early: list[Detection], course: list[tuple[float, Detection]]
) -> None:
    ear = Ear(whole=whole)
    now, taken_back = 0.0, 0
    for detection in early:
        assert ear.hear(detection, 0.0) is None, "nothing starts before `begin`"
    ruling = ear.policy.begin(now)
    plays = isinstance(ruling, Cue)
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
            assert taken_back <= 5
            ruling = ear.policy.again(now)
            if taken_back == 5:
                assert isinstance(ruling, GiveUp)
                return
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
