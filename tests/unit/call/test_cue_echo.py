"""A voice over the message: our echo does not take the start back; another's voice does, and so does a beep."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from dsp import Detector
from dsp.echo import EchoFinder
from tests.unit.dsp.signals import Sound, noise, silence, speech, to_int16, tone
from voicedrop.call import commands as do
from voicedrop.call import events as ev
from voicedrop.call.cue import CuePolicy, CueSettings, Ruling, TakeBack
from voicedrop.call.drop import Drop, DropSettings, S
from voicedrop.call.hearing import Hearing
from voicedrop.model import Cue

from .said import beep_dropped, beep_ended, beep_started, speech_ended, speech_started


@dataclass
class Told:
    """An ear that says what it is told to."""

    answer: bool = False
    asked: int = 0

    asked_dbfs: float = 0.0

    def foreign(self, weakest_dbfs: float) -> bool:
        self.asked += 1
        self.asked_dbfs = weakest_dbfs
        return self.answer


class Playing:
    """A policy whose message began at 100 s, behind a beep."""

    def __init__(self, *, foreign: bool) -> None:
        self.echo = Told(foreign)
        self.hearing = Hearing(whole=True)
        self.policy = CuePolicy(CueSettings(), self.hearing, self.echo)
        self.policy.begin(90.0)
        self.hearing.note(beep_ended(), 100.0)
        assert self.policy.hear(beep_ended(), 100.0) is not None

    def hear(self, detection: object, now: float) -> Ruling:
        self.hearing.note(detection, now)  # type: ignore[arg-type]
        return self.policy.hear(detection, now)  # type: ignore[arg-type]

    def tick(self) -> Ruling:
        due = self.policy.due
        assert due is not None
        return self.policy.tick(due)


def test_our_echo_takes_nothing_back_however_long_it_goes_on() -> None:
    call = Playing(foreign=False)
    assert call.hear(speech_started(), 100.5) is None
    checks = 0
    while call.policy.due is not None:
        assert call.tick() is None
        checks += 1
    assert 90 <= checks <= 97  # until the start cannot be taken back any more
    assert call.policy.restarts == 0


def test_three_checks_in_a_row_take_it_back_a_fifth_of_a_second_later() -> None:
    call = Playing(foreign=True)
    assert call.hear(speech_started(), 100.5) is None
    assert call.policy.due == pytest.approx(100.6)
    assert call.tick() is None
    assert call.policy.due == pytest.approx(100.7)
    assert call.tick() == TakeBack("speech")
    assert call.policy.restarts == 1
    assert call.policy.due == pytest.approx(160.7)  # it waits again, a minute at most


def test_a_doubt_that_is_not_confirmed_is_forgotten() -> None:
    call = Playing(foreign=True)
    call.hear(speech_started(), 100.5)
    assert call.tick() is None
    call.echo.answer = False
    assert call.tick() is None
    call.echo.answer = True
    assert [call.tick(), call.tick()] == [None, None]
    assert call.tick() == TakeBack("speech")


def test_a_voice_that_joins_the_echo_later_takes_it_back() -> None:
    call = Playing(foreign=False)
    call.hear(speech_started(), 100.5)
    for _ in range(20):
        assert call.tick() is None
    call.echo.answer = True
    assert [call.tick(), call.tick(), call.tick()] == [None, None, TakeBack("speech")]


def test_where_nobody_speaks_nothing_is_asked() -> None:
    call = Playing(foreign=True)
    assert call.policy.due is None
    call.hear(speech_started(), 100.5)
    call.hear(speech_ended(), 100.55)
    assert call.tick() is None
    assert call.policy.due is None
    assert call.echo.asked == 1


def test_a_tick_before_its_time_asks_nothing() -> None:
    call = Playing(foreign=True)
    call.hear(speech_started(), 100.5)
    assert call.policy.tick(100.55) is None
    assert call.echo.asked == 1


def test_a_beep_takes_it_back_at_once() -> None:
    call = Playing(foreign=True)
    assert call.hear(beep_started(), 100.55) == TakeBack("beep")


def test_what_begins_like_a_beep_in_our_echo_takes_it_back_only_when_it_was_one() -> None:
    call = Playing(foreign=False)
    assert call.hear(beep_started(), 100.55) is None
    assert call.hear(beep_dropped(), 100.8) is None
    assert call.hear(beep_started(), 101.55) is None
    assert call.hear(beep_ended(), 102.0) == TakeBack("beep")
    assert isinstance(call.policy.again(102.0), Cue)


def test_an_ear_that_has_gone_deaf_doubts_no_more() -> None:
    call = Playing(foreign=True)
    call.hear(speech_started(), 100.5)
    call.policy.deafened()
    assert call.policy.due is None
    assert call.policy.tick(100.7) is None


def test_the_next_start_is_checked_like_the_first() -> None:
    call = Playing(foreign=True)
    call.hear(speech_started(), 100.5)
    call.tick()
    call.tick()
    call.hear(speech_ended(), 103.0)
    call.hear(beep_ended(), 105.0)
    call.hear(speech_started(), 106.0)
    assert [call.tick(), call.tick()] == [None, TakeBack("speech")]


def test_it_is_asked_for_a_voice_no_more_than_ten_decibels_below_the_loudest() -> None:
    call = Playing(foreign=True)
    call.hearing.note(speech_started(level_dbfs=-14.0), 100.1)
    call.hear(speech_started(level_dbfs=-35.0), 100.5)
    assert call.echo.asked_dbfs == -24.0


@pytest.mark.parametrize(("level_dbfs", "back"), [(-28.1, False), (-28.0, True), (-10.0, True)])
def test_without_that_ear_a_voice_in_the_background_takes_nothing_back(level_dbfs: float, back: bool) -> None:
    hearing = Hearing(whole=True)
    policy = CuePolicy(CueSettings(), hearing)
    policy.begin(0.0)
    for now, said in ((1.0, speech_started()), (4.0, speech_ended()), (5.0, beep_ended())):
        hearing.note(said, now)
        policy.hear(said, now)
    voice = speech_started(level_dbfs=level_dbfs)
    hearing.note(voice, 6.0)
    assert policy.hear(voice, 6.0) == (TakeBack("speech") if back else None)


# -- in a drop --------------------------------------------------------------------------------------


def playing_drop(echo: Told) -> Drop:
    """Its message plays since 5.01, behind a beep, and a voice has been heard over it since 6.0."""
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
    assert drop.handle(ev.Heard(speech_started()), 6.0) == []
    return drop


def ticks(drop: Drop, until: float) -> list[tuple[float, list[do.Command]]]:
    """Every tick that is due by then, with what it commanded."""
    done = []
    while (due := drop.due) is not None and due <= until:
        done.append((due, drop.handle(ev.Tick(), due)))
    return done


def test_a_drop_asks_while_it_plays_and_stops_for_another_voice() -> None:
    drop = playing_drop(Told(True))
    (first, nothing), (second, commands), *_ = ticks(drop, 7.0)
    assert (first, second) == (pytest.approx(6.1), pytest.approx(6.2))
    assert nothing == []
    assert commands == [do.StopPlayback("play1"), do.SendSilence()]
    assert drop.state is S.WAITING
    assert drop.facts.restarts == 1


def test_a_drop_plays_on_over_its_own_echo_to_the_end() -> None:
    drop = playing_drop(Told(False))
    assert {tuple(commands) for _, commands in ticks(drop, 20.0)} == {()}
    assert drop.state is S.PLAYING
    drop.handle(ev.PlaybackFinished("play1"), 25.01)
    assert drop.state is S.TAIL
    assert drop.facts.restarts == 0


def test_a_drop_whose_tap_is_lost_doubts_its_message_no_more() -> None:
    drop = playing_drop(Told(True))
    drop.handle(ev.TapLost("gone"), 6.05)
    assert ticks(drop, 20.0) == []
    assert drop.state is S.PLAYING


# -- with the real ears -----------------------------------------------------------------------------

MESSAGE = speech(6000, dbfs=-18.0, seed=11)
ECHO = np.concatenate([silence(220), MESSAGE])[: 6000 * 8] * 0.1


def taken_back(far_end: Sound, *, knows: bool = True) -> tuple[float, str] | None:
    """When and why a message that began with the far end's first sample is taken back; seconds."""
    hearing, detector, finder = Hearing(whole=True), Detector(), EchoFinder(to_int16(MESSAGE))
    detector.feed(to_int16(noise(3000, dbfs=-62.0, seed=3)))
    policy = CuePolicy(CueSettings(), hearing, finder if knows else None)
    policy.begin(-10.0)
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
        if policy.due is not None and policy.due <= now:
            rulings.append(policy.tick(now))
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
    assert 0 < taken[0] - at_ms / 1000 <= 0.6


@pytest.mark.parametrize("dbfs", [-10.0, -18.0, -24.0])
def test_a_beep_over_the_echo_takes_it_back(dbfs: float) -> None:
    far_end = ECHO.copy()
    far_end[20_000:23_200] += tone(1000.0, ms=400, dbfs=dbfs)
    taken = taken_back(far_end)
    assert taken is not None
    assert taken[1] == "beep"
    assert 2.5 < taken[0] <= 3.0
