"""Beeps are heard: when, where they end, and through what."""

import numpy as np
import pytest
from signals import Sound, alaw, hear, lossy, noise, silence, speech, to_int16, tone, ulaw

from dsp import BeepDropped, BeepEnded, BeepStarted, Detection, DetectorSettings, SpeechStarted

LEAD_MS = 700.0


def beeps(found: list[Detection]) -> list[BeepEnded]:
    return [detection for detection in found if isinstance(detection, BeepEnded)]


def placed(beep: Sound) -> Sound:
    return np.concatenate([silence(LEAD_MS), beep, silence(900)])


def expect_one(found: list[Detection], ms: float, *hz: float, within_ms: float = 15.0) -> BeepEnded:
    (beep,) = beeps(found)
    assert beep.start_ms == pytest.approx(LEAD_MS, abs=within_ms)
    assert beep.end_ms == pytest.approx(LEAD_MS + ms, abs=within_ms)
    assert beep.frequencies_hz == pytest.approx(hz, rel=0.01)
    assert 0 < beep.confidence <= 1
    return beep


@pytest.mark.parametrize("hz", [352.0, 660.0, 871.3, 1000.0, 1633.0, 2995.0])
@pytest.mark.parametrize("ms", [60.0, 150.0, 420.0, 1500.0])
def test_any_frequency_and_length(hz: float, ms: float) -> None:
    expect_one(hear(placed(tone(hz, ms=ms))), ms, hz)


@pytest.mark.parametrize("hz", [425.0, 1100.0, 2100.0])
@pytest.mark.parametrize("ms", [60.0, 150.0, 420.0, 1500.0])
def test_the_network_s_frequencies_are_beeps_behind_speech_only(hz: float, ms: float) -> None:
    beep = placed(tone(hz, ms=ms))
    assert beeps(hear(beep)) == []
    spoken = np.concatenate([speech(LEAD_MS - 200), beep[int((LEAD_MS - 200) * 8) :]])
    expect_one(hear(spoken), ms, hz)


def test_two_bursts_close_together_are_one_beep() -> None:
    burst = tone(1000, ms=100)
    expect_one(hear(placed(np.concatenate([burst, silence(100), burst]))), 300, 1000)


def test_a_beep_of_150_ms_is_said_to_be_over_soon() -> None:
    (beep,) = beeps(hear(placed(tone(850, ms=150, dbfs=-30))))
    assert beep.at_ms - (LEAD_MS + 150) <= 100


@pytest.mark.parametrize("dbfs", [-40.0, -30.0, -12.0, -3.0])
def test_levels(dbfs: float) -> None:
    beep = expect_one(hear(placed(tone(850, ms=150, dbfs=dbfs))), 150, 850)
    assert beep.level_dbfs == pytest.approx(dbfs, abs=0.5)


@pytest.mark.parametrize("pair", [(600.0, 900.0), (1000.0, 1310.0), (750.0, 2000.0)])
def test_dual_tones(pair: tuple[float, float]) -> None:
    expect_one(hear(placed(tone(*pair, ms=400))), 400, *pair)


@pytest.mark.parametrize("slope", [-300.0, 300.0])
def test_chirps(slope: float) -> None:
    expect_one(hear(placed(tone(1000, ms=400, chirp_hz_per_s=slope))), 400, 1000 + slope * 0.2)


def test_a_decaying_beep() -> None:
    expect_one(hear(placed(tone(871, ms=160, dbfs=-8, decay_db_per_s=100))), 160, 871)


def test_a_clipped_beep_is_one_tone_with_harmonics() -> None:
    expect_one(hear(placed(tone(700, ms=420, dbfs=-6, drive=8))), 420, 700)


@pytest.mark.parametrize("codec", [ulaw, alaw])
@pytest.mark.parametrize(("hz", "ms", "dbfs"), [(1000, 640, -12), (700, 420, -15), (850, 150, -30)])
def test_the_lab_s_beeps_through_g711(codec: type, hz: float, ms: float, dbfs: float) -> None:
    expect_one(hear(codec(to_int16(placed(tone(hz, ms=ms, dbfs=dbfs))))), ms, hz)


@pytest.mark.parametrize("seed", range(6))
def test_packet_loss(seed: int) -> None:
    samples = lossy(ulaw(to_int16(placed(tone(1000, ms=640)))), 0.05, seed)
    (beep,) = beeps(hear(samples))
    assert beep.end_ms == pytest.approx(LEAD_MS + 640, abs=25)  # the last frame may itself be lost


def test_a_gap_of_40_ms_is_bridged() -> None:
    samples = to_int16(placed(tone(1000, ms=640)))
    samples[int((LEAD_MS + 300) * 8) :][:320] = 0
    expect_one(hear(samples), 640, 1000)


@pytest.mark.parametrize("seed", range(4))
def test_touching_the_last_word(seed: int) -> None:
    sound = np.concatenate([speech(2000, seed=seed), tone(1000, ms=400), silence(900)])
    (beep,) = beeps(hear(sound))
    assert beep.start_ms == pytest.approx(2000, abs=20)
    assert beep.end_ms == pytest.approx(2400, abs=15)


def test_under_noise() -> None:
    sound = placed(tone(850, ms=300, dbfs=-20))
    expect_one(hear(sound + noise(len(sound) / 8, -34)), 300, 850)


def test_started_comes_early_and_ended_soon() -> None:
    found = [d for d in hear(placed(tone(1000, ms=640))) if not isinstance(d, SpeechStarted)]
    started, ended = found
    assert isinstance(started, BeepStarted)
    assert isinstance(ended, BeepEnded)
    assert started.at_ms - LEAD_MS <= 100
    assert ended.at_ms - (LEAD_MS + 640) <= 80
    assert started.start_ms == ended.start_ms


def test_a_short_beep_has_both_said() -> None:
    kinds = [type(d) for d in hear(placed(tone(1000, ms=60)))]
    assert kinds == [BeepStarted, BeepEnded]


@pytest.mark.parametrize(("ms", "count"), [(1600.0, 1), (2000.0, 0)])
def test_how_long_a_beep_may_be(ms: float, count: int) -> None:
    found = hear(placed(tone(1000, ms=ms)))
    assert len(beeps(found)) == count
    assert sum(isinstance(d, BeepDropped) for d in found) == 1 - count


@pytest.mark.parametrize(("ms", "count"), [(60.0, 1), (25.0, 0)])
def test_how_short_a_beep_may_be(ms: float, count: int) -> None:
    assert len(beeps(hear(placed(tone(1000, ms=ms))))) == count


def test_a_menu_beep_and_a_record_beep_are_two() -> None:
    beep = tone(700, ms=420)
    sound = np.concatenate([silence(300), beep, silence(400), speech(2000), silence(300), beep, silence(600)])
    assert len(beeps(hear(sound))) == 2


def test_a_double_beep_is_two() -> None:
    beep = tone(1000, ms=150)
    assert len(beeps(hear(np.concatenate([silence(300), beep, silence(250), beep, silence(600)])))) == 2


def test_settings_are_values() -> None:
    assert DetectorSettings() == DetectorSettings()
