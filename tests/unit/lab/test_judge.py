"""The judge on synthetic speech: what must count as whole, and the near misses on both sides."""

import numpy as np
import pytest
from scipy import signal
from spoken import RATE, dropouts, gsm, noisy, quiet, samples, silence, speech, tone, ulaw

from voicedrop.lab.judge import judge

LEAD_MS = 170
SOUND_MS = 8600
MESSAGE = np.concatenate((silence(LEAD_MS), speech(1, SOUND_MS), silence(300)))
SOUND = MESSAGE[samples(LEAD_MS) : samples(LEAD_MS + SOUND_MS)]
GREETING = speech(2, 5000)
# What stands where the message is missing, and how much of it may pass for the message.
INSTEAD = [(silence(1000), 10), (noisy(silence(1000)), 10), (GREETING, 200)]


def recording(*parts):
    return ulaw(np.concatenate(parts))


@pytest.mark.parametrize("through", [ulaw, gsm, noisy, quiet, dropouts, lambda audio: quiet(gsm(audio))])
@pytest.mark.parametrize(
    "before",
    [silence(180), np.concatenate((GREETING, silence(400), tone(300))), silence(0)],
    ids=["gap", "greeting", "at once"],
)
def test_whole(through, before):
    result = judge(MESSAGE, through(np.concatenate((before, MESSAGE, silence(900)))))
    assert result.whole
    assert result.blocks == result.blocks_found == 9
    assert result.delivered_fraction == 1.0
    assert result.lowest_correlation > 0.7
    assert result.dead_air_ms == pytest.approx(len(before) * 1000 / RATE, abs=20)
    assert result.offset_ms == pytest.approx(len(before) * 1000 / RATE, abs=1)
    assert result.fragments == 0


@pytest.mark.parametrize("ms", [0, 20, 40, 60, 400, 730, 2500])
@pytest.mark.parametrize(("instead", "blur_ms"), INSTEAD, ids=["silence", "noise", "speech"])
def test_missing_head(ms, instead, blur_ms):
    cut = SOUND[samples(ms) :]
    result = judge(MESSAGE, recording(instead, cut, silence(500)))
    assert -blur_ms <= result.missing_head_ms - _to_next_sound(SOUND, ms) <= 10
    assert result.missing_tail_ms == 0
    assert result.whole == (ms <= 20)
    assert result.fragments == 0


@pytest.mark.parametrize("ms", [0, 20, 40, 60, 400, 730, 2500])
@pytest.mark.parametrize(("instead", "blur_ms"), INSTEAD, ids=["silence", "noise", "speech"])
def test_missing_tail(ms, instead, blur_ms):
    result = judge(MESSAGE, recording(silence(200), SOUND[: len(SOUND) - samples(ms)], instead))
    assert -blur_ms <= result.missing_tail_ms - _to_next_sound(SOUND[::-1], ms) <= 10
    assert result.missing_head_ms == 0
    assert result.whole == (ms <= 20)


def _to_next_sound(audio, ms):
    """The end of the pause that `ms` may lie in."""
    return ms + np.flatnonzero(np.abs(audio[samples(ms) :]) > 0.005)[0] * 1000 / RATE


def test_recording_begins_in_the_middle():
    result = judge(MESSAGE, ulaw(MESSAGE[samples(4000) :]))
    assert result.offset_ms == pytest.approx(-4000, abs=1)
    assert result.dead_air_ms < 200  # what is left of a pause
    assert result.missing_head_ms == pytest.approx(4000 - LEAD_MS, abs=200)
    assert result.missing_tail_ms == 0
    assert 0.5 <= result.delivered_fraction <= 0.7
    assert not result.whole


def test_only_the_first_part_played():
    result = judge(MESSAGE, recording(silence(100), MESSAGE[: int(0.4 * len(MESSAGE))], silence(3000)))
    assert result.missing_head_ms == 0
    assert result.missing_tail_ms == pytest.approx(0.6 * len(MESSAGE) * 1000 / RATE - 300, abs=250)
    assert result.blocks_found in (3, 4)
    assert not result.whole


@pytest.mark.parametrize("gap_ms", [0, 60, 500, 3000])
@pytest.mark.parametrize("played_ms", [350, 600, 2000, 5000])
def test_started_stopped_and_started_again(played_ms, gap_ms):
    first = SOUND[: samples(played_ms)]
    result = judge(MESSAGE, recording(silence(100), first, silence(gap_ms), MESSAGE, silence(500)))
    assert result.blocks_found == result.blocks
    assert result.missing_head_ms == result.missing_tail_ms == 0
    assert result.offset_ms == pytest.approx(100 + played_ms + gap_ms, abs=1)
    assert result.fragments == 1
    assert not result.whole


def test_shorter_than_a_fragment_is_none():
    result = judge(MESSAGE, recording(silence(100), SOUND[: samples(120)], silence(300), MESSAGE))
    assert result.fragments == 0
    assert result.whole


def test_fragments_are_counted():
    starts = (SOUND[: samples(900)], silence(700), SOUND[: samples(1700)], silence(200))
    assert judge(MESSAGE, recording(*starts, MESSAGE)).fragments == 2


def test_twice_is_not_whole():
    result = judge(MESSAGE, recording(MESSAGE, silence(800), MESSAGE))
    assert result.blocks_found == result.blocks
    assert result.fragments == 1


def test_a_piece_of_the_end_behind_it_is_a_fragment():
    assert judge(MESSAGE, recording(MESSAGE, silence(800), MESSAGE[-samples(2000) :])).fragments == 1


@pytest.mark.parametrize("seed", range(3, 9))
def test_another_message(seed):
    result = judge(MESSAGE, recording(GREETING, tone(400), speech(seed, 12000)))
    assert result.blocks_found == 0
    assert result.delivered_fraction == 0
    assert result.lowest_correlation < 0.5
    assert result.missing_head_ms == result.missing_tail_ms == pytest.approx(SOUND_MS, abs=10)
    assert result.dead_air_ms == 17400
    assert result.fragments == 0
    assert not result.whole


def test_only_a_scrap_of_the_beginning():
    result = judge(MESSAGE, recording(silence(1000), SOUND[: samples(330)], silence(3000)))
    assert result.fragments == 1 or result.blocks_found == 1
    assert not result.whole


@pytest.mark.parametrize("heard", [silence(0), silence(5000), noisy(silence(5000), -70), tone(5000)])
def test_no_message_at_all(heard):
    result = judge(MESSAGE, heard)
    assert (result.blocks_found, result.fragments) == (0, 0)
    assert result.dead_air_ms == len(heard) * 1000 / RATE


def test_the_last_partial_block_counts():
    message = speech(11, 3400)
    result = judge(message, recording(silence(50), message[: samples(2900)], silence(2000)))
    assert result.blocks == 4
    assert result.missing_tail_ms == pytest.approx(500, abs=200)
    assert not result.whole
    assert judge(message, recording(silence(50), message)).blocks_found == 4


def test_a_hole_in_the_middle():
    heard = MESSAGE.copy()
    heard[samples(LEAD_MS + 4000) : samples(LEAD_MS + 5000)] = 0
    result = judge(MESSAGE, ulaw(heard))
    assert result.blocks_found == result.blocks - 1
    assert result.lowest_correlation < 0.6
    assert result.missing_head_ms == result.missing_tail_ms == 0
    assert not result.whole


@pytest.mark.parametrize(("slip_ms", "steady"), [(230, True), (300, False)])
def test_the_running_offset_may_slip(slip_ms, steady):
    at = samples(LEAD_MS + 4000)
    result = judge(MESSAGE, recording(MESSAGE[:at], silence(slip_ms), MESSAGE[at:]))
    assert (result.blocks_found == result.blocks) == steady


def test_a_short_message():
    message = speech(12, 600)
    assert judge(message, recording(silence(500), message, silence(500))).whole
    assert not judge(message, recording(silence(500), message[: samples(520)], silence(500))).whole


def test_a_long_pause_inside_is_no_block():
    message = np.concatenate((speech(13, 2000), silence(3000), speech(14, 2000)))
    result = judge(message, recording(silence(100), message))
    assert result.whole
    assert result.blocks == 4


def test_clicks_at_the_ends_are_not_the_message():
    click = np.full(samples(5), 0.2)
    result = judge(np.concatenate((click, silence(400), SOUND, silence(400), click)), recording(SOUND))
    assert result.whole


def test_another_rate():
    wide = signal.resample_poly(MESSAGE, 2, 1)
    result = judge(wide, np.concatenate((np.zeros(3200), wide)), rate=16000)
    assert result.whole
    assert result.dead_air_ms == pytest.approx(200, abs=1)


@pytest.mark.parametrize("message", [silence(0), silence(3000), 1e-4 * SOUND])
def test_a_silent_message_cannot_be_judged(message):
    with pytest.raises(ValueError, match="silent"):
        judge(message, MESSAGE)


def test_half_a_minute_is_found_in_a_longer_recording():
    message = speech(15, 30000)
    assert judge(message, recording(GREETING, message, silence(25000))).whole
