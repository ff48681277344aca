"""The steps from a recording to a message, each measured on its own."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from scipy.signal import welch

from tests.unit.library.spoken import Sound, quiet, speech
from voicedrop.library import measure, prepare
from voicedrop.library.prepare import NARROW_HZ


def tone(frequency_hz: float, rate_hz: int, seconds: float = 2.0) -> Sound:
    return 0.3 * np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate_hz)) / rate_hz)


def rms_db(samples: Sound) -> float:
    return float(10 * np.log10(np.mean(samples**2) + 1e-20))


def middle(samples: Sound) -> Sound:
    return samples[len(samples) // 4 : -len(samples) // 4]


# -- band -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frequency_hz", "passes"),
    [(50, False), (120, False), (250, False), (350, True), (1000, True), (3300, True), (3500, False), (5000, False)],
)
def test_a_telephone_carries_300_to_3400_hz(frequency_hz: int, passes: bool) -> None:
    before = tone(frequency_hz, 16000)
    change = rms_db(middle(prepare.telephone_band(before))) - rms_db(before)
    assert (abs(change) < 0.5) if passes else (change < -40), change


@pytest.mark.parametrize(("frequency_hz", "passes"), [(15, False), (100, True), (6900, True), (7200, False)])
def test_a_wide_band_call_carries_50_to_7000_hz(frequency_hz: int, passes: bool) -> None:
    before = tone(frequency_hz, 16000)
    change = rms_db(middle(prepare.band(before, 16000, prepare.WIDE_BAND_HZ))) - rms_db(before)
    assert (abs(change) < 0.5) if passes else (change < -30), change


def test_the_band_filter_shifts_nothing() -> None:
    sound = np.zeros(4000)
    sound[2000] = 1.0
    assert np.argmax(prepare.band(sound, NARROW_HZ, prepare.NARROW_BAND_HZ)) == 2000


def test_the_constant_part_goes() -> None:
    assert abs(prepare.without_dc(speech(1, 16000) + 0.3).mean()) < 1e-12


# -- ends -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before_s", "after_s"), [(0, 0), (0.03, 0.05), (0.5, 0.5), (3, 4)])
@pytest.mark.parametrize("noise", [0.0, 0.0005, 0.01])
def test_the_ends_are_trimmed_to_their_margins(before_s: float, after_s: float, noise: float) -> None:
    words = speech(2, NARROW_HZ)
    sound = np.concatenate([quiet(before_s, NARROW_HZ), words, quiet(after_s, NARROW_HZ)])
    sound = sound + noise * np.random.default_rng(2).standard_normal(len(sound))
    cut = prepare.words_of(sound)
    assert cut is not None
    assert cut.first_s == pytest.approx(before_s, abs=0.03)
    assert cut.last_s == pytest.approx(before_s + 2, abs=0.03)
    length = len(prepare.trimmed(sound, NARROW_HZ, cut)) / NARROW_HZ
    assert length == pytest.approx(cut.last_s - cut.first_s + 0.3, abs=0.001)


def test_a_click_of_the_mouse_is_no_word() -> None:
    sound = np.concatenate([quiet(1, NARROW_HZ), speech(2, NARROW_HZ), quiet(1, NARROW_HZ)])
    sound[2000:2040] = 0.9
    sound[-2000:-1960] = -0.9
    cut = prepare.words_of(sound)
    assert cut is not None
    assert (cut.first_s, cut.last_s) == (pytest.approx(1, abs=0.03), pytest.approx(3, abs=0.03))


def test_silence_has_no_words() -> None:
    assert prepare.words_of(quiet(2, NARROW_HZ)) is None


def test_a_steady_tone_is_kept_whole() -> None:
    cut = prepare.words_of(tone(1000, NARROW_HZ))
    assert cut is not None
    assert (cut.first_s, cut.last_s) == (0, 2)


def test_the_ends_rise_and_fall() -> None:
    faded = prepare.faded(np.ones(8000), NARROW_HZ)
    assert (faded[0], faded[-1], faded[4000]) == (0, 0, 1)
    assert np.abs(np.diff(faded)).max() < 0.02


@pytest.mark.parametrize("samples", [1, 159, 160, 161, 8000])
@pytest.mark.parametrize("rate_hz", [8000, 16000])
def test_there_is_a_tail_up_to_a_whole_frame(samples: int, rate_hz: int) -> None:
    padded = prepare.padded(np.ones(samples), rate_hz)
    assert len(padded) % (rate_hz // 50) == 0
    assert not padded[samples:].any()
    assert 0.2 <= (len(padded) - samples) / rate_hz < 0.22


# -- loudness ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate_hz", [8000, 16000])
@pytest.mark.parametrize("level", [0.001, 0.05, 0.2, 3.0])
def test_loudness_comes_to_the_target_below_the_ceiling(level: float, rate_hz: int) -> None:
    loud, reached = prepare.normalised(speech(3, rate_hz, level=level), rate_hz)
    assert reached == pytest.approx(prepare.TARGET_LUFS, abs=0.2)
    assert prepare.loudness_lufs(loud, rate_hz) == reached
    assert prepare.true_peak_dbtp(loud, rate_hz) <= prepare.CEILING_DBTP + 0.01


def test_knocks_are_held_below_the_ceiling_and_said() -> None:
    knocks = quiet(3, NARROW_HZ)
    knocks[::2000] = 0.9
    loud, reached = prepare.normalised(knocks, NARROW_HZ)
    assert reached < prepare.TARGET_LUFS - 0.5
    assert prepare.true_peak_dbtp(loud, NARROW_HZ) <= prepare.CEILING_DBTP + 0.01


def test_the_limiter_leaves_alone_what_is_below_the_ceiling() -> None:
    sound = speech(1, NARROW_HZ, level=0.05)
    assert prepare.limited(sound, NARROW_HZ) is sound


def test_the_limiter_lowers_the_gain_only_around_a_peak() -> None:
    sound = tone(1000, NARROW_HZ)
    sound[8000:8080] *= 5
    limited = prepare.limited(sound, NARROW_HZ)
    assert prepare.true_peak_dbtp(limited, NARROW_HZ) <= prepare.CEILING_DBTP + 0.01
    assert limited[:7800] == pytest.approx(sound[:7800], abs=0.003)


def test_a_true_peak_lies_between_the_samples() -> None:
    sound = np.sin(2 * np.pi * 2000 * np.arange(8000) / 8000 + np.pi / 4)  # its samples are at 0.707 each
    assert 20 * np.log10(np.abs(sound).max()) == pytest.approx(-3.01, abs=0.01)
    assert prepare.true_peak_dbtp(prepare.faded(sound, NARROW_HZ), NARROW_HZ) == pytest.approx(0, abs=0.1)


def test_a_long_true_peak_is_that_of_its_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = speech(3, NARROW_HZ)
    whole = prepare.true_peak_dbtp(sound, NARROW_HZ)
    monkeypatch.setattr(prepare, "PEAK_BLOCK_SAMPLES", 1000)
    assert prepare.true_peak_dbtp(sound, NARROW_HZ) == pytest.approx(whole, abs=0.001)


def test_what_is_too_short_or_silent_has_no_loudness() -> None:
    assert prepare.loudness_lufs(np.ones(3199), NARROW_HZ) == -np.inf
    assert prepare.loudness_lufs(quiet(1, NARROW_HZ), NARROW_HZ) == -np.inf


# -- files ------------------------------------------------------------------------------------------


def test_the_preview_has_the_telephones_grain() -> None:
    sound = speech(1, NARROW_HZ)
    heard = prepare.as_heard(sound)
    assert len(np.unique(heard)) <= 256
    assert 30 < rms_db(sound) - rms_db(heard - np.clip(sound, -1, 1)) < 45


def test_a_wav_holds_what_was_put_in() -> None:
    sound = speech(1, NARROW_HZ)
    read, rate_hz = soundfile.read(io.BytesIO(prepare.wav(sound, NARROW_HZ)))
    assert rate_hz == NARROW_HZ
    assert read == pytest.approx(np.clip(sound, -1, 1), abs=1e-4)


# -- measures ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("pause_s", [0.5, 1.4, 1.9, 2.1, 5.0])
@pytest.mark.parametrize("noise", [0.0, 0.0005])
def test_the_longest_pause_is_found(pause_s: float, noise: float) -> None:
    parts = [speech(1, 8000), quiet(0.3, 8000), speech(1, 8000), quiet(pause_s, 8000), speech(1, 8000)]
    sound = np.concatenate(parts)
    sound = sound + noise * np.random.default_rng(2).standard_normal(len(sound))
    length, begins = measure.longest_pause(measure.levels_dbfs(sound, 8000))
    assert (length, begins) == (pytest.approx(pause_s, abs=0.04), pytest.approx(2.3, abs=0.04))


def test_noise_that_a_mailbox_takes_for_silence_is_a_pause() -> None:
    sound = np.concatenate([speech(1, 8000), quiet(2.5, 8000), speech(1, 8000)])
    hum = 10 ** (-50 / 20) * np.random.default_rng(2).standard_normal(len(sound))
    assert measure.longest_pause(measure.levels_dbfs(sound + hum, 8000))[0] > 2.4


@pytest.mark.parametrize("distance_db", [10, 20, 40, 60])
def test_the_noise_is_measured_between_the_words(distance_db: float) -> None:
    sound = np.concatenate([speech(2, 8000), quiet(1, 8000), speech(2, 8000), quiet(0.5, 8000)])
    noise = 0.2 * 10 ** (-distance_db / 20) * np.random.default_rng(2).standard_normal(len(sound))
    found = measure.noise_distance_db(measure.levels_dbfs(sound + noise, 8000))
    assert found == pytest.approx(distance_db, abs=3)


def test_without_a_pause_the_noise_is_not_known() -> None:
    assert measure.noise_distance_db(measure.levels_dbfs(tone(1000, 8000), 8000)) is None


def test_speech_is_told_from_tones_and_noise() -> None:
    noise = 0.1 * np.random.default_rng(2).standard_normal(32000)
    assert measure.speech_share(measure.levels_dbfs(speech(4, 8000), 8000)) > 0.6
    assert measure.speech_share(measure.levels_dbfs(tone(1000, 8000, 4), 8000)) < 0.1
    assert measure.speech_share(measure.levels_dbfs(noise, 8000)) < 0.1


@pytest.mark.parametrize("edge_hz", [1500, 2500, 3400])
def test_the_band_ends_where_the_sound_does(edge_hz: int) -> None:
    noise = prepare.band(np.random.default_rng(2).standard_normal(48000), 16000, (100, edge_hz))
    assert measure.band_edge_hz(noise, 16000) == pytest.approx(edge_hz, abs=100)
    lines, power = welch(noise, 16000)
    assert power[lines > edge_hz + 200].max() < power.max() / 1e4
