"""Our message coming back, and what only resembles it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import butter, lfilter
from signals import Samples, Sound, alaw, lossy, noise, silence, speech, to_int16, tone, ulaw

from dsp import BeepEnded, BeepStarted
from dsp.echo import EchoFinder, explained_share

MESSAGE = speech(4000, dbfs=-18.0, seed=11)
OTHER = speech(4000, dbfs=-18.0, pitch_hz=130.0, seed=5)


def echo(message: Sound = MESSAGE, *, delay_ms: float = 200.0, db: float = -20.0, ms: float = 4000) -> Sound:
    """Through a telephone's band, late and faint, with line noise."""
    band = butter(2, [300, 3200], "band", fs=8000)
    late = np.concatenate([silence(delay_ms), np.asarray(lfilter(*band, message)), silence(ms)])[: int(ms * 8)]
    return np.asarray(late * 10 ** (db / 20) + noise(ms, dbfs=-62.0))


def foreign_after(heard: Sound | Samples, *, ms: float, message: Sound = MESSAGE, late_ms: float = 0.0) -> bool:
    """What a finder says when ``ms`` have been heard; it was told of the start so much late."""
    samples = heard if heard.dtype == np.int16 else to_int16(np.asarray(heard, np.float64))
    finder = EchoFinder(to_int16(message))
    if late_ms == 0:
        finder.begin()
    for at in range(0, int(ms * 8), 160):
        if at == int(late_ms * 8):
            finder.begin()
        finder.feed(np.asarray(samples[at : at + 160], np.int16))
    return finder.foreign()


@pytest.mark.parametrize("delay_ms", [0.0, 100.0, 150.3, 300.0, 500.0])
@pytest.mark.parametrize("ms", [900, 1500, 2500, 3800])
def test_an_echo_is_not_foreign(delay_ms: float, ms: float) -> None:
    assert not foreign_after(echo(delay_ms=delay_ms), ms=ms)


@pytest.mark.parametrize("db", [-30.0, -20.0, -10.0, 0.0])
def test_however_loud_it_is(db: float) -> None:
    assert not foreign_after(echo(db=db), ms=2000)


@pytest.mark.parametrize("late_ms", [20.0, 80.0])
def test_nor_when_the_start_was_told_late(late_ms: float) -> None:
    assert not foreign_after(echo(delay_ms=100.0), ms=2000, late_ms=late_ms)


def test_g711_lost_packets_and_a_constant_part_do_not_hide_it() -> None:
    for line in (ulaw, alaw):
        assert not foreign_after(line(to_int16(echo())), ms=2000)
    assert not foreign_after(lossy(to_int16(echo()), 0.05), ms=2000)
    assert not foreign_after(to_int16(echo() + 0.03), ms=2000)


@pytest.mark.parametrize("dbfs", [-14.0, -20.0, -26.0, -30.0])
@pytest.mark.parametrize("ms", [900, 2500, 3500])
def test_another_voice_over_the_echo_is_foreign(dbfs: float, ms: float) -> None:
    assert foreign_after(echo() + OTHER * 10 ** ((dbfs + 18) / 20), ms=ms)


@pytest.mark.parametrize("seed", range(20, 30))
def test_the_same_voice_with_other_words_is_foreign(seed: int) -> None:
    other = speech(4000, dbfs=-20.0, seed=seed)
    assert foreign_after(other, ms=2000)


@pytest.mark.parametrize("hz", [440.0, 1000.0, 1850.0])
def test_a_tone_over_the_echo_is_foreign(hz: float) -> None:
    heard = echo()
    heard[12_000:14_400] += tone(hz, ms=300, dbfs=-20.0)
    assert foreign_after(heard, ms=1800)


def test_an_echo_beyond_the_longest_way_back_is_foreign() -> None:
    assert foreign_after(echo(delay_ms=1000.0), ms=2500)


def test_line_noise_and_silence_are_not_foreign() -> None:
    assert not foreign_after(noise(3000, dbfs=-50.0), ms=2000)
    assert not foreign_after(silence(3000), ms=2000)


def test_before_the_start_anything_is_foreign() -> None:
    assert EchoFinder(to_int16(MESSAGE)).foreign()


def test_with_nothing_heard_yet_nothing_is() -> None:
    finder = EchoFinder(to_int16(MESSAGE))
    finder.begin()
    assert not finder.foreign()
    finder.feed(np.zeros(0, np.int16))
    assert not finder.foreign()


def test_a_second_start_begins_anew() -> None:
    finder = EchoFinder(to_int16(MESSAGE))
    for _ in range(2):
        finder.begin()
        finder.feed(to_int16(echo())[: 2000 * 8])
        assert not finder.foreign()


def test_behind_the_message_its_last_echo_is_still_known() -> None:
    heard = np.concatenate([echo(delay_ms=300.0, ms=4300), silence(200)])
    assert not foreign_after(heard, ms=4300)


def test_in_pieces_of_any_length_it_is_the_same() -> None:
    samples = to_int16(echo() + OTHER * 0.02)
    whole, pieces = EchoFinder(to_int16(MESSAGE)), EchoFinder(to_int16(MESSAGE))
    whole.begin()
    pieces.begin()
    whole.feed(samples[:20_000])
    for at in range(0, 20_000, 37):
        pieces.feed(samples[at : min(at + 37, 20_000)])
    assert whole.foreign() == pieces.foreign()
    assert np.array_equal(whole._heard, pieces._heard)


def test_the_share_is_one_for_the_same_sound_and_small_for_another() -> None:
    played = to_int16(MESSAGE)
    assert explained_share(played[8000:11_200], played[4000:12_800]) > 0.99
    assert explained_share(to_int16(OTHER)[8000:11_200], played[4000:12_800]) < 0.2


@pytest.mark.parametrize("n", [0, 1, 5, 40, 3200])
def test_the_share_of_silence_or_of_nothing_is_none(n: int) -> None:
    assert explained_share(np.zeros(n, np.int16), to_int16(MESSAGE)) == 0.0
    assert explained_share(to_int16(OTHER)[:n], np.zeros(8000, np.int16)) == pytest.approx(0.0)
    assert explained_share(np.full(n, 1000, np.int16), np.zeros(0, np.int16)) == 0.0


# -- tones ------------------------------------------------------------------------------------------

HUM = np.concatenate([MESSAGE[: 2000 * 8], tone(850.0, ms=400, dbfs=-20.0), MESSAGE[2000 * 8 :]])


def heard_tone(hz: float, *, at_ms: int, dbfs: float, told_ms: int = 100) -> bool:
    """A tone of 100 ms that begins so long after HUM did, told so long after it began: is it HUM's own?"""
    finder = EchoFinder(to_int16(HUM))
    finder.begin()
    finder.feed(np.zeros((at_ms + told_ms) * 8, np.int16))
    times = {"at_ms": 9000.0 + told_ms, "start_ms": 9000.0}
    if told_ms > 100:
        return finder.is_own_tone(
            BeepEnded(**times, end_ms=9100.0, frequencies_hz=(hz,), level_dbfs=dbfs, confidence=0.9)
        )
    return finder.is_own_tone(BeepStarted(**times, frequencies_hz=(hz,), level_dbfs=dbfs))


@pytest.mark.parametrize("late_ms", [100, 300, 500])
@pytest.mark.parametrize("told_ms", [100, 250])
def test_a_tone_of_the_message_is_known_when_it_comes_back(late_ms: int, told_ms: int) -> None:
    assert heard_tone(850.0, at_ms=2000 + late_ms, dbfs=-40.0, told_ms=told_ms)


@pytest.mark.parametrize(
    ("hz", "at_ms", "dbfs"),
    [
        (1000.0, 2200, -40.0),  # another one
        (850.0, 2200, -25.0),  # louder than any echo of it
        (850.0, 1000, -40.0),  # before it was played
        (850.0, 3500, -40.0),  # long after
    ],
)
def test_another_tone_is_not_the_messages(hz: float, at_ms: int, dbfs: float) -> None:
    assert not heard_tone(hz, at_ms=at_ms, dbfs=dbfs)


def test_of_two_tones_both_must_be_the_messages() -> None:
    finder = EchoFinder(to_int16(HUM))
    finder.begin()
    finder.feed(np.zeros(2300 * 8, np.int16))
    pair = BeepStarted(at_ms=9100.0, start_ms=9000.0, frequencies_hz=(850.0, 1400.0), level_dbfs=-40.0)
    assert not finder.is_own_tone(pair)


def test_before_the_message_begins_no_tone_is_its_own_and_behind_its_end_neither() -> None:
    finder = EchoFinder(to_int16(HUM))
    late = BeepStarted(at_ms=9100.0, start_ms=9000.0, frequencies_hz=(850.0,), level_dbfs=-40.0)
    assert not finder.is_own_tone(late)
    finder.begin(600_000.0)
    assert not finder.is_own_tone(late)


@given(played_ms=st.floats(0.0, 20_000.0), fed=st.integers(0, 4000), length_ms=st.floats(30.0, 2000.0) | st.just(0.0))
def test_any_time_and_any_length_can_be_asked_for(played_ms: float, fed: int, length_ms: float) -> None:
    finder = EchoFinder(to_int16(HUM))
    finder.begin(played_ms)
    finder.feed(np.zeros(fed, np.int16))
    heard = BeepStarted(at_ms=9000.0, start_ms=9000.0 - length_ms, frequencies_hz=(850.0,), level_dbfs=-10.0)
    assert not finder.is_own_tone(heard)
    assert not finder.foreign()


def test_a_message_that_began_unheard_is_known_from_there_on() -> None:
    finder = EchoFinder(to_int16(MESSAGE))
    finder.begin(1500.0)
    finder.feed(to_int16(MESSAGE * 0.1)[1300 * 8 : 1700 * 8])  # what left from 1.3 s on, 200 ms late
    assert not finder.foreign()
    finder.begin(0.0)
    finder.feed(to_int16(MESSAGE * 0.1)[1300 * 8 : 1700 * 8])
    assert finder.foreign()
