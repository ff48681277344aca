"""Beeps, tones, codecs: what is made is what was asked for."""

import numpy as np
import pytest

from tests.bench.detection import beeps, codecs, network, recipe, singing, waves
from tests.bench.detection.baselines import CommercialRules, GoertzelBank
from tests.bench.detection.ears import listen
from tests.bench.detection.ringcentral import cue_of
from tests.bench.detection.waves import Sound


def peak_hz(sound: Sound) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 65536))
    return float(np.argmax(spectrum) * recipe.RATE_HZ / 65536)


@pytest.mark.parametrize("kind", [kind for kind in recipe.BEEPS if kind != "pack"])
def test_beeps_stay_in_the_recipe_s_ranges(kind: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        plan = beeps.draw(rng, kind)
        sound = beeps.sound(plan)
        assert 40 <= plan.ms <= 1200
        assert -38 <= plan.dbfs <= -4
        assert len(plan.hz) in (1, 2)
        assert all(360 <= hz <= 3000 for hz in plan.hz)
        assert np.max(np.abs(sound)) <= 1.01
        bursts = 2 if plan.pause_ms else 1
        assert len(sound) == pytest.approx((plan.ms * bursts + plan.pause_ms) * 8, abs=2)
        if kind not in ("decaying", "documented") and plan.ms > 100:
            assert waves.level_dbfs(sound[160 : waves.count(plan.ms) - 160]) == pytest.approx(plan.dbfs, abs=0.7)


def test_a_beep_sounds_at_its_frequency() -> None:
    plan = beeps.Beep(kind="single", hz=(987.0,), ms=400, dbfs=-20)
    assert peak_hz(beeps.sound(plan)) == pytest.approx(987, abs=0.5)


def test_a_chirp_glides_and_a_decaying_one_fades() -> None:
    chirp = beeps.sound(beeps.Beep(kind="chirp", hz=(800.0,), ms=400, dbfs=-20, chirp_hz_per_s=250))
    assert peak_hz(chirp[-800:]) - peak_hz(chirp[:800]) == pytest.approx(75, abs=3)
    fading = beeps.sound(beeps.Beep(kind="decaying", hz=(871.0,), ms=160, dbfs=-20, fall_db=20))
    assert waves.level_dbfs(fading[:200]) - waves.level_dbfs(fading[-240:-40]) > 15


def test_a_clipped_one_has_odd_harmonics() -> None:
    sound = beeps.sound(beeps.Beep(kind="clipped", hz=(500.0,), ms=400, dbfs=-10, drive=6))
    spectrum = np.abs(np.fft.rfft(sound[:3200] * np.hanning(3200)))
    assert spectrum[600] > 20 * spectrum[400]  # 1500 Hz against 1000 Hz


def test_no_dual_beep_is_two_tones_of_the_network() -> None:
    rng = np.random.default_rng(2)
    assert not any(network.is_network_pair(*beeps.draw(rng, "dual").hz) for _ in range(2000))
    assert network.is_network_pair(440, 480)
    assert network.is_network_pair(770 * 1.015, 1336 * 0.985)


def test_cadences_sound_as_long_as_they_should() -> None:
    rng = np.random.default_rng(3)
    for kind in network.CADENCES:
        sound = network.cadence(rng, kind, 24_000, -20)
        share = float(np.mean(np.abs(sound.reshape(-1, 80)).max(axis=1) > 0.001))
        on, whole = sum(kind.rhythm_ms[::2]), sum(kind.rhythm_ms)
        assert share == pytest.approx(on / whole if whole else 1.0, abs=0.08)


@pytest.mark.parametrize("make", [singing.sung, singing.whistle])
def test_people_are_never_as_steady_as_machines(make: object) -> None:
    assert callable(make)
    sound = make(np.random.default_rng(4), 4000, -20)
    assert len(sound) == 32_000
    assert waves.level_dbfs(sound) == pytest.approx(-20, abs=0.1)


@pytest.mark.parametrize("codec", [codecs.ulaw, codecs.alaw])
def test_g711_keeps_a_sine_at_37_db(codec: object) -> None:
    assert callable(codec)
    samples = waves.to_int16(waves.sines((1013,), 1000, -10))
    error = waves.to_float(codec(samples)) - waves.to_float(samples)
    assert waves.level_dbfs(error) < -10 - 36


@pytest.mark.parametrize("codec", [codecs.ulaw, codecs.alaw])
def test_g711_has_256_levels_and_is_idempotent(codec: object) -> None:
    assert callable(codec)
    every = np.arange(-32768, 32768).astype(np.int16)
    coded = codec(every)
    assert len(np.unique(coded)) in (255, 256)
    assert np.array_equal(codec(coded), coded)
    assert np.all(np.diff(coded.astype(int)) >= 0)


def test_gsm_keeps_length_and_level() -> None:
    samples = waves.to_int16(waves.sines((800,), 1010, -12))
    coded = codecs.gsm(samples)
    assert len(coded) == len(samples)
    assert waves.level_dbfs(waves.to_float(coded)) == pytest.approx(-12, abs=1.5)


def call(hz: float, ms: float) -> waves.Samples:
    beep = waves.sines((hz,), ms, -15)
    return waves.to_int16(np.concatenate([waves.silence(1000), beep, waves.silence(6000)]))


def test_the_baselines_hear_a_plain_beep_after_its_end() -> None:
    for ear in (GoertzelBank(), CommercialRules()):
        (at_ms,) = listen(ear, call(1000, 640)).at_ms
        assert 1640 <= at_ms <= 1740


def test_the_fixed_tones_miss_what_is_between_them_and_the_rules_what_is_short() -> None:
    assert listen(GoertzelBank(), call(2500, 640)).at_ms == ()
    assert listen(CommercialRules(), call(1000, 160)).at_ms == ()


def test_ringcentral_s_rule_waits_two_or_four_seconds() -> None:
    after_beep, without = cue_of(call(1000, 640)), cue_of(call(2500, 640))
    assert after_beep is not None
    assert after_beep.by_beep
    assert after_beep.at_ms == pytest.approx(3640, abs=60)
    assert without is not None
    assert not without.by_beep
    assert without.at_ms == pytest.approx(5640, abs=60)


def test_a_recorded_beep_ends_with_its_tone_not_with_the_click_behind_it() -> None:
    tone = waves.sines((871,), 160, -15, 2)
    click = waves.silence(200)
    click[-8:] = 0.5
    hz, sound = beeps.pack_sound(np.concatenate([waves.silence(30), tone, click]), -20)
    assert hz == pytest.approx(871, abs=2)
    assert len(sound) / 8 == pytest.approx(160, abs=10)
    assert waves.level_dbfs(sound) == pytest.approx(-20, abs=0.1)
