"""The memory of one leg: the last beep, and whether anybody has spoken since."""

from __future__ import annotations

import pytest

from voicedrop.call.hearing import Hearing

from .said import beep_dropped, beep_ended, beep_started, speech_ended, speech_level, speech_started


def test_a_beep_is_remembered_on_the_engines_clock() -> None:
    hearing = Hearing(whole=True)
    hearing.note(beep_ended(ago_s=0.2, length_s=0.5), now=100.0)
    assert hearing.last_beep is not None
    assert hearing.last_beep.ended_at == pytest.approx(99.8)
    assert hearing.last_beep.started_at == pytest.approx(99.3)
    assert hearing.last_beep.length_ms == pytest.approx(500.0)
    assert hearing.last_beep.frequencies_hz == (1000.0,)


def test_a_tone_that_was_no_beep_is_not_remembered() -> None:
    hearing = Hearing(whole=True)
    hearing.note(beep_started(), now=1.0)
    assert hearing.beeping
    hearing.note(beep_dropped(), now=2.0)
    assert not hearing.beeping
    assert hearing.last_beep is None


def test_the_end_of_a_beep_is_the_end_of_beeping() -> None:
    hearing = Hearing(whole=True)
    hearing.note(beep_started(), now=1.0)
    hearing.note(beep_ended(), now=1.4)
    assert not hearing.beeping


def test_the_later_of_two_beeps_counts_and_makes_speech_before_it_forgotten() -> None:
    hearing = Hearing(whole=True)
    hearing.note(beep_ended(), now=1.0)
    hearing.note(speech_started(), now=2.0)
    assert hearing.spoken_since_beep
    hearing.note(beep_ended(), now=3.0)
    assert not hearing.spoken_since_beep
    assert hearing.last_beep is not None
    assert hearing.last_beep.ended_at == pytest.approx(2.95)


def test_speech_that_began_after_the_beep_is_speech_since() -> None:
    hearing = Hearing(whole=True)
    hearing.note(beep_ended(ago_s=0.0), now=10.0)
    hearing.note(speech_started(ago_s=0.1), now=10.2)
    assert hearing.spoken_since_beep


def test_speech_that_began_before_the_beep_and_is_told_after_it_is_not() -> None:
    hearing = Hearing(whole=True)
    hearing.note(beep_ended(ago_s=0.0), now=10.0)
    hearing.note(speech_started(ago_s=0.3), now=10.2)
    assert not hearing.spoken_since_beep
    assert hearing.voice


def test_speech_is_followed_from_its_start_to_its_end() -> None:
    hearing = Hearing(whole=True)
    hearing.note(speech_started(ago_s=0.15), now=5.0)
    assert hearing.voice
    assert hearing.speaking
    assert hearing.voice_ended_at is None
    hearing.note(speech_ended(ago_s=0.3), now=8.0)
    assert not hearing.voice
    assert not hearing.speaking
    assert hearing.voice_ended_at == hearing.speech_ended_at == pytest.approx(7.7)


def greeted(level_dbfs: float = -20.0) -> Hearing:
    """Half a second of a greeting until 1.5, which is enough to know how loud it is."""
    hearing = Hearing(whole=True)
    hearing.note(speech_started(ago_s=0.1, level_dbfs=level_dbfs), now=1.1)
    for k in range(4):
        hearing.note(speech_level(level_dbfs), now=1.2 + k / 10)
    return hearing


def test_a_voice_is_what_is_less_than_ten_decibels_below_the_loudest() -> None:
    hearing = greeted()
    assert hearing.is_voice(-30.0)
    assert not hearing.is_voice(-30.1)


def test_until_half_a_second_was_heard_any_speech_is_a_voice() -> None:
    hearing = Hearing(whole=True)
    for _ in range(4):
        hearing.note(speech_level(-10.0), now=1.0)
    assert hearing.is_voice(-60.0)
    hearing.note(speech_level(-10.0), now=1.0)
    assert not hearing.is_voice(-20.1)


def test_a_bang_makes_nobody_a_background() -> None:
    hearing = greeted()
    for _ in range(4):
        hearing.note(speech_level(-3.0), now=2.0)
    assert hearing.is_voice(-29.0)


def test_where_a_voice_gives_way_to_talk_in_the_background_it_has_ended() -> None:
    hearing = greeted()
    hearing.note(speech_level(-35.0), now=1.6)
    assert not hearing.voice
    assert hearing.speaking
    assert hearing.voice_ended_at == pytest.approx(1.5)
    hearing.note(speech_level(-35.0), now=1.7)
    assert hearing.voice_ended_at == pytest.approx(1.5)
    hearing.note(speech_level(-25.0), now=1.8)
    assert hearing.voice


def test_talk_in_the_background_is_no_speech_since_the_beep() -> None:
    hearing = greeted()
    hearing.note(beep_ended(), now=3.0)
    hearing.note(speech_started(level_dbfs=-40.0), now=4.0)
    assert not hearing.spoken_since_beep


def test_the_first_voice_stays_the_first() -> None:
    hearing = Hearing(whole=True)
    hearing.note(speech_started(ago_s=0.1), now=5.0)
    hearing.note(speech_ended(), now=6.0)
    hearing.note(speech_started(ago_s=0.1), now=9.0)
    assert hearing.first_voice_at == pytest.approx(4.9)


def test_the_answer_makes_early_media_forgotten() -> None:
    hearing = Hearing(whole=True)
    hearing.note(speech_started(), now=1.0)
    hearing.note(speech_ended(), now=2.0)
    hearing.note(beep_ended(), now=3.0)
    hearing.note(speech_started(), now=3.5)
    hearing.answered()
    assert hearing.last_beep is None
    assert hearing.voice_ended_at is None
    assert hearing.speech_ended_at is None
    assert not hearing.spoken_since_beep


def test_the_answer_makes_forgotten_how_loud_early_media_was() -> None:
    hearing = greeted(-5.0)
    assert not hearing.is_voice(-25.0)
    hearing.answered()
    assert hearing.is_voice(-25.0)


def test_who_speaks_while_it_is_answered_is_still_speaking() -> None:
    hearing = Hearing(whole=True)
    hearing.note(speech_started(), now=1.0)
    hearing.answered()
    assert hearing.voice
