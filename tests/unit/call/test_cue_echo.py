"""Sound over the message: our echo does not take the start back; another's voice does, and so does a beep."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from dsp import BeepEnded, BeepStarted, Detection, Detector
from dsp.echo import EchoFinder
from tests.unit.dsp.signals import Sound, noise, silence, speech, to_int16, tone
from voicedrop.call import commands as do
from voicedrop.call import events as ev
from voicedrop.call.cue import CuePolicy, Ruling, TakeBack
from voicedrop.call.cue_settings import CueSettings
from voicedrop.call.drop import Drop, DropSettings
from voicedrop.call.hearing import Hearing
from voicedrop.call.states import S

from .said import beep_dropped, beep_ended, beep_started, speech_ended, speech_level, speech_started


@dataclass
class Told:
    """An ear that says what it is told to."""

    answer: bool = False
    own_tone: bool = False
    asked: int = 0

    def foreign(self) -> bool:
        self.asked += 1
        return self.answer

    def is_own_tone(self, tone: BeepStarted | BeepEnded) -> bool:
        assert tone.frequencies_hz
        return self.own_tone


class Playing:
    """A policy whose message began at 100 s, behind a beep; the greeting was at -18 dBFS."""

    def __init__(self, *, foreign: bool = False, own_tone: bool = False) -> None:
        self.echo = Told(foreign, own_tone)
        self.hearing = Hearing(whole=True)
        self.policy = CuePolicy(CueSettings(), self.hearing, self.echo)
        self.policy.begin(90.0)
        self.talk(91.0, 2.0)
        self.hear(speech_ended(), 94.0)
        assert self.hear(beep_ended(), 100.0) is not None
        assert self.echo.asked == 0

    def hear(self, detection: Detection, now: float) -> Ruling:
        self.hearing.note(detection, now)
        return self.policy.hear(detection, now)

    def talk(self, since: float, seconds: float, level_dbfs: float = -18.0) -> float | None:
        """How long somebody had spoken when that took the start back."""
        for k in range(round(seconds * 10)):
            said = speech_level(level_dbfs) if k else speech_started(level_dbfs=level_dbfs)
            ruling = self.hear(said, since + k / 10)
            if ruling is not None:
                assert ruling == TakeBack("speech")
                return pytest.approx((k + 1) / 10)
        return None


def test_our_echo_takes_nothing_back_however_long_it_goes_on() -> None:
    call = Playing()
    assert call.talk(100.5, 9.4) is None
    assert call.echo.asked == 94
    assert call.policy.restarts == 0


def test_another_voice_takes_it_back_when_it_was_heard_for_four_tenths_of_a_second() -> None:
    call = Playing(foreign=True)
    assert call.talk(100.5, 2.0) == 0.4
    assert call.policy.restarts == 1
    assert call.policy.due == pytest.approx(160.8)  # it waits again, a minute at most


def test_a_doubt_that_is_not_confirmed_within_a_second_is_forgotten() -> None:
    call = Playing(foreign=True)
    assert call.talk(100.5, 0.3) is None
    call.echo.answer = False
    assert call.talk(100.8, 0.8) is None
    call.echo.answer = True
    assert call.talk(101.6, 2.0) == 0.4


def test_a_voice_that_joins_the_echo_later_takes_it_back() -> None:
    call = Playing()
    assert call.talk(100.5, 2.0) is None
    call.echo.answer = True
    assert call.talk(102.5, 2.0) == 0.4


def test_of_talk_in_the_background_nothing_is_asked() -> None:
    call = Playing(foreign=True)
    assert call.talk(100.5, 5.0, -30.0) is None
    assert call.echo.asked == 0


def test_a_beep_takes_it_back_at_once() -> None:
    call = Playing()
    assert call.hear(beep_started(), 100.55) == TakeBack("beep")


def test_a_tone_of_our_own_takes_nothing_back_neither_when_it_begins_nor_when_it_ends() -> None:
    call = Playing(own_tone=True)
    assert call.hear(beep_started(), 100.55) is None
    assert call.hear(beep_dropped(), 100.8) is None
    assert call.hear(beep_started(), 101.55) is None
    assert call.hear(beep_ended(), 102.0) is None
    assert call.policy.restarts == 0


def test_what_began_like_our_own_tone_and_ended_as_another_is_a_beep() -> None:
    call = Playing(own_tone=True)
    assert call.hear(beep_started(), 100.55) is None
    call.echo.own_tone = False
    assert call.hear(beep_ended(), 101.0) == TakeBack("beep")
    assert call.policy.again(101.0) is not None


def test_the_next_start_is_doubted_like_the_first() -> None:
    call = Playing(foreign=True)
    assert call.talk(100.5, 1.0) == 0.4
    call.hear(speech_ended(), 103.0)
    assert call.hear(beep_ended(), 105.0) is not None
    assert call.talk(106.0, 2.0) == 0.4


# -- in a drop --------------------------------------------------------------------------------------


def playing_drop(echo: Told) -> Drop:
    """Its message plays since 5.01, behind a beep."""
    drop = Drop(
        settings=DropSettings(),
        message_s=20.0,
        hearing=Hearing(whole=True),
        tapped=True,
        playback_id=lambda count: f"play{count}",
        accepted_at=0.0,
        answered_at=-5.0,
        echo=echo,
    )
    drop.handle(ev.Arrived(), 0.1)
    drop.handle(ev.Heard(beep_ended(ago_s=0.0)), 5.0)
    drop.handle(ev.PlaybackStarted("play1"), 5.01)
    return drop


def over_it(drop: Drop, since: float, seconds: float) -> list[do.Command]:
    """A voice over the message: all that it comes to."""
    done = drop.handle(ev.Heard(speech_started()), since)
    for k in range(1, round(seconds * 10)):
        done += drop.handle(ev.Heard(speech_level()), since + k / 10)
    return done


def test_a_drop_stops_for_another_voice_once() -> None:
    drop = playing_drop(Told(True))
    assert over_it(drop, 6.0, 3.0) == [do.StopPlayback("play1"), do.SendSilence()]
    assert drop.state is S.WAITING
    assert drop.facts.restarts == 1


def test_a_drop_plays_on_over_its_own_echo_to_the_end() -> None:
    drop = playing_drop(Told(False))
    assert over_it(drop, 6.0, 15.0) == []
    drop.handle(ev.PlaybackFinished("play1"), 25.01)
    assert drop.state is S.TAIL
    assert drop.facts.restarts == 0


def test_a_drop_whose_tap_is_lost_doubts_its_message_no_more() -> None:
    drop = playing_drop(Told(True))
    over_it(drop, 6.0, 0.3)
    drop.handle(ev.TapLost("gone"), 6.35)
    assert drop.due is not None
    assert drop.due > 25.0
    assert drop.state is S.PLAYING


# -- with the real ears -----------------------------------------------------------------------------

MESSAGE = speech(6000, dbfs=-18.0, seed=11)
ECHO = np.concatenate([silence(220), MESSAGE])[: 6000 * 8] * 0.1


def taken_back(far_end: Sound, *, knows: bool = True) -> tuple[float, str] | None:
    """When and why a message that began with the far end's first sample is taken back; seconds."""
    hearing, detector, finder = Hearing(whole=True), Detector(), EchoFinder(to_int16(MESSAGE))
    detector.feed(to_int16(noise(3000, dbfs=-62.0, seed=3)))
    policy = CuePolicy(CueSettings(), hearing, finder if knows else None)
    policy.resumed(0.0)
    finder.begin()
    samples = to_int16(np.asarray(far_end + noise(len(far_end) / 8, dbfs=-62.0)))
    for at in range(0, len(samples), 160):
        now = (at + 160) / 8000
        finder.feed(samples[at : at + 160])
        rulings = []
        for detection in detector.feed(samples[at : at + 160]):
            hearing.note(detection, now)
            rulings.append(policy.hear(detection, now))
        for ruling in rulings:
            if isinstance(ruling, TakeBack):
                return now, ruling.reason
    return None


def test_an_echo_that_is_not_known_takes_the_start_back_and_one_that_is_does_not() -> None:
    assert taken_back(ECHO, knows=False) is not None
    assert taken_back(ECHO) is None


@pytest.mark.parametrize("dbfs", [-14.0, -22.0, -28.0])
@pytest.mark.parametrize("at_ms", [400, 1500, 3100])
def test_a_voice_over_the_echo_takes_it_back_soon(dbfs: float, at_ms: int) -> None:
    far_end = ECHO.copy()
    far_end[at_ms * 8 :] += speech(6000 - at_ms, dbfs=dbfs, pitch_hz=170.0, seed=4)
    taken = taken_back(far_end)
    assert taken is not None
    assert taken[1] == "speech"
    assert 0 < taken[0] - at_ms / 1000 <= 0.8


@pytest.mark.parametrize("dbfs", [-10.0, -18.0, -24.0])
def test_a_beep_over_the_echo_takes_it_back(dbfs: float) -> None:
    far_end = ECHO.copy()
    far_end[20_000:23_200] += tone(1000.0, ms=400, dbfs=dbfs)
    taken = taken_back(far_end)
    assert taken is not None
    assert taken[1] == "beep"
    assert 2.5 < taken[0] <= 3.0
