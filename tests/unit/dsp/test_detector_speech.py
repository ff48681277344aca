"""Speech and its absence."""

import numpy as np
import pytest
from signals import Sound, cadence, hear, noise, silence, speech, tone

from dsp import SpeechEnded, SpeechLevel, SpeechStarted


def turns(sound: Sound) -> list[SpeechStarted | SpeechEnded]:
    found = [d for d in hear(sound) if isinstance(d, SpeechStarted | SpeechEnded)]
    # Always in turns, beginning with a start.
    kinds = [SpeechStarted, SpeechEnded] * len(found)
    assert [type(d) for d in found] == kinds[: len(found)]
    return found


@pytest.mark.parametrize("pitch_hz", [90.0, 150.0, 300.0])
def test_start_and_end(pitch_hz: float) -> None:
    started, ended = turns(np.concatenate([silence(1000), speech(3000, pitch_hz=pitch_hz), silence(1000)]))
    assert isinstance(started, SpeechStarted)
    assert isinstance(ended, SpeechEnded)
    assert started.start_ms == pytest.approx(1000, abs=60)
    assert started.at_ms - 1000 <= 400
    assert ended.end_ms == pytest.approx(4000, abs=100)
    assert 290 <= ended.at_ms - ended.end_ms <= 340


def test_quiet_speech_over_quiet_noise() -> None:
    sound = np.concatenate([silence(2000), speech(2000, dbfs=-40), silence(2000)])
    assert len(turns(sound + noise(6000, -60))) == 2


@pytest.mark.parametrize("dbfs", [-60.0, -40.0])
def test_noise_is_taken_in(dbfs: float) -> None:
    found = turns(np.concatenate([silence(3000), noise(8000, dbfs)]))
    assert len(found) in (0, 2)
    assert all(d.at_ms < 5500 for d in found)


def test_speech_over_noise_that_has_been_taken_in() -> None:
    sound = np.concatenate([silence(4000), speech(2000, dbfs=-20), silence(1500)]) + noise(7500, -40)
    found = [d for d in turns(sound) if d.at_ms > 3500]
    assert len(found) == 2


def test_what_is_not_speech() -> None:
    click = np.concatenate([np.full(5, 0.7), silence(240)])
    for sound in (
        silence(3000),
        np.concatenate([silence(500), *[click] * 10]),
        np.concatenate([silence(500), tone(1000, ms=640), silence(500)]),
        np.concatenate([silence(500), tone(700, ms=420, dbfs=-6, drive=5), silence(500)]),
        cadence(440, 480, on_ms=2000, off_ms=1000, times_=2),
        cadence(480, 620, on_ms=500, off_ms=500, times_=4),
        tone(350, 440, ms=4000),
    ):
        assert turns(sound) == []


def test_a_beep_after_speech_does_not_prolong_it() -> None:
    sound = np.concatenate([silence(500), speech(1500), tone(1000, ms=1000), silence(500)])
    ended = turns(sound)[-1]
    assert isinstance(ended, SpeechEnded)
    assert ended.end_ms == pytest.approx(2000, abs=100)


def test_while_somebody_speaks_the_level_is_told_ten_times_a_second() -> None:
    sound = np.concatenate([silence(1000), speech(3000, dbfs=-20.0), silence(1000)])
    found = [d for d in hear(sound) if not isinstance(d, SpeechEnded)]
    assert isinstance(found[0], SpeechStarted)
    levels = [d for d in found[1:] if isinstance(d, SpeechLevel)]
    assert len(levels) == len(found) - 1
    gaps = np.diff([found[0].at_ms, *(d.at_ms for d in levels)])
    assert set(np.round(gaps % 100, 6)) == {0.0}
    assert 20 <= len(levels) <= 30
    assert np.median([d.level_dbfs for d in levels]) == pytest.approx(-20.0, abs=4.0)


def test_a_voice_twenty_decibels_fainter_is_told_as_such() -> None:
    sound = np.concatenate([speech(2000, dbfs=-15.0), speech(2000, dbfs=-35.0, seed=3), silence(1000)])
    levels = [(d.at_ms, d.level_dbfs) for d in hear(sound) if isinstance(d, SpeechLevel)]
    first = np.median([dbfs for at_ms, dbfs in levels if at_ms < 2000])
    second = np.median([dbfs for at_ms, dbfs in levels if at_ms > 2150])
    assert first - second == pytest.approx(20.0, abs=4.0)


def test_nothing_is_told_of_pauses_and_of_beeps() -> None:
    sound = np.concatenate([silence(500), speech(1500), tone(1000, ms=1000), silence(500)])
    assert all(d.at_ms < 2200 for d in hear(sound) if isinstance(d, SpeechLevel))
