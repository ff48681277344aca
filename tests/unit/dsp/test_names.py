"""The network's tones by name: each of them, through what a line does to it, and what only resembles them."""

from collections.abc import Sequence

import numpy as np
import pytest

from dsp import Detection, Detector, Silence, ToneIdentified
from dsp.digits import COLUMNS_HZ, KEYS, ROWS_HZ
from dsp.indications import INDICATIONS, SIT_HIGH_HZ, SIT_LOW_HZ, SIT_PLAIN_HZ, Indication
from tests.unit.dsp.signals import (
    RATE_HZ,
    Samples,
    Sound,
    assert_alike,
    hear,
    lossy,
    noise,
    silence,
    speech,
    sung,
    times,
    to_int16,
    tone,
    ulaw,
)

HOME = [one for one in INDICATIONS if {"us", "uk", "de"} & set(one.regions)]
DIGITS = [
    (key, row, column)
    for row, keys in zip(ROWS_HZ, KEYS, strict=True)
    for column, key in zip(COLUMNS_HZ, keys, strict=True)
]


def names(found: Sequence[Detection]) -> list[ToneIdentified]:
    return [one for one in found if isinstance(one, ToneIdentified)]


def told(found: Sequence[Detection]) -> list[str]:
    return [one.digit or one.name for one in names(found)]


def played(known: Indication, *, drift: float = 0.0, rounds: int = 4, dbfs: float = -15.0) -> Sound:
    """A tone as an exchange plays it, ``drift`` off in frequency, after half a second of nothing."""
    hz = [f * (1 + drift) for f in known.hz]
    if not known.rhythm_ms:
        return np.concatenate([silence(500), tone(*hz, ms=3500, dbfs=dbfs), silence(500)])
    steps = known.rhythm_ms * rounds
    parts = [silence(ms) if k % 2 else tone(*hz, ms=ms, dbfs=dbfs) for k, ms in enumerate(steps)]
    return np.concatenate([silence(500), *parts])


def on_a_line(sound: Sound, snr_db: float = 20.0, dbfs: float = -15.0) -> Samples:
    """Through noise and u-law."""
    return ulaw(to_int16(np.asarray(sound + noise(len(sound) / 8 + 1, dbfs - snr_db)[: len(sound)])))


def key(name: str, ms: float = 100.0, off: float = 0.0, dbfs: float = -12.0, twist_db: float = 0.0) -> Sound:
    row, column = next((row, column) for digit, row, column in DIGITS if digit == name)
    low = tone(row * (1 + off), ms=ms, dbfs=dbfs - 6)
    return low + tone(column * (1 + off), ms=ms, dbfs=dbfs - 6 + twist_db)


def pressed(keys: str, ms: float = 80.0, gap_ms: float = 80.0) -> Sound:
    return np.concatenate([silence(300), *(part for one in keys for part in (key(one, ms), silence(gap_ms)))])


def sit(hz: Sequence[float], ms: Sequence[float], gap_ms: float = 0.0) -> Sound:
    parts = [part for f, length in zip(hz, ms, strict=True) for part in (tone(f, ms=length), silence(gap_ms))]
    return np.concatenate([silence(500), *parts, silence(500)])


# -- call progress ----------------------------------------------------------------------------------


@pytest.mark.parametrize("known", INDICATIONS, ids=str)
def test_every_indication_has_its_name_once(known: Indication) -> None:
    named = names(hear(ulaw(to_int16(played(known)))))
    assert [one.name for one in named] == [known.name]
    (one,) = named
    assert set(known.regions) <= set(one.regions)
    assert one.start_ms == pytest.approx(500, abs=30)
    assert one.end_ms is None
    assert one.frequencies_hz == pytest.approx(known.hz, abs=3)
    assert one.level_dbfs == pytest.approx(-15 if len(known.hz) == 1 else -18, abs=3)


@pytest.mark.parametrize("drift", [-0.015, 0.015])
@pytest.mark.parametrize("known", HOME, ids=str)
def test_a_line_that_is_off_and_noisy_changes_no_name(known: Indication, drift: float) -> None:
    assert told(hear(on_a_line(played(known, drift=drift)))) == [known.name]


@pytest.mark.parametrize("known", HOME, ids=str)
def test_lost_packets_change_no_name(known: Indication) -> None:
    assert set(told(hear(lossy(ulaw(to_int16(played(known, rounds=6))), 0.02)))) == {known.name}


@pytest.mark.parametrize(
    ("hz", "rhythm_ms"),
    [
        ((440, 480), (500, 500)),  # ringback's tone in busy's rhythm
        ((480, 620), (2000, 4000)),
        ((480, 620), (350, 350)),  # neither busy nor reorder
        ((480, 620), (1000, 1000)),
        ((425,), (600, 600)),
        ((425,), (480, 900)),
        ((425,), (100, 100)),
        ((400,), (60, 500)),
        ((460,), (500, 500)),  # no exchange's frequency
        ((425, 560), (500, 500)),
        ((350, 440), (600, 600)),
        ((1000,), (500, 500)),
        ((1100,), (500, 500)),
        ((1100,), (1000, 3000)),
        ((2100,), (500, 500)),
    ],
)
def test_the_wrong_rhythm_or_frequency_has_no_name(hz: tuple[float, ...], rhythm_ms: tuple[float, float]) -> None:
    on_ms, off_ms = rhythm_ms
    rounds = max(4, int(8000 / (on_ms + off_ms)))
    sound = np.concatenate(
        [silence(500), *[part for _ in range(rounds) for part in (tone(*hz, ms=on_ms), silence(off_ms))]]
    )
    assert names(hear(ulaw(to_int16(sound)))) == []


def test_a_busy_tone_is_named_at_its_second_burst_and_after_speech_a_single_one_at_its_third() -> None:
    busy = next(one for one in HOME if one.name == "busy" and one.hz == (425.0,))
    (fresh,) = names(hear(ulaw(to_int16(played(busy)))))
    assert fresh.at_ms == pytest.approx(500 + 3 * 480, abs=110)
    talk = speech(2000)
    (late,) = names(hear(ulaw(to_int16(np.concatenate([talk, played(busy)])))))
    assert late.name == "busy"
    assert late.start_ms == pytest.approx(2500, abs=30)
    assert late.at_ms == pytest.approx(2500 + 5 * 480, abs=110)


def test_one_burst_of_a_ringing_tone_and_silence_are_enough_before_anybody_speaks() -> None:
    single = np.concatenate([silence(300), tone(425, ms=1000), silence(1500)])
    (ring,) = names(hear(ulaw(to_int16(single))))
    assert (ring.name, ring.start_ms) == ("ringback", pytest.approx(300, abs=20))
    assert ring.at_ms == pytest.approx(2000, abs=60)
    assert names(hear(ulaw(to_int16(np.concatenate([speech(2000), single]))))) == []


def test_ringing_that_turns_into_busy_has_both_names() -> None:
    ring, busy = (next(one for one in HOME if one.name == name and one.hz == (425.0,)) for name in ("ringback", "busy"))
    sound = np.concatenate([played(ring, rounds=2), played(busy, rounds=6)])
    assert told(hear(ulaw(to_int16(sound)))) == ["ringback", "busy"]


def test_the_same_tone_after_a_long_silence_is_named_again() -> None:
    busy = next(one for one in HOME if one.name == "busy" and one.hz == (480.0, 620.0))
    sound = np.concatenate([played(busy), silence(7000), played(busy)])
    assert told(hear(ulaw(to_int16(sound)))) == ["busy", "busy"]


def test_a_stuttering_dial_tone() -> None:
    stutter = [part for _ in range(3) for part in (tone(350, 440, ms=100), silence(100))]
    (one,) = names(hear(ulaw(to_int16(np.concatenate([silence(500), *stutter, tone(350, 440, ms=2500)])))))
    assert one.name == "stutter_dial_tone"
    assert one.start_ms == pytest.approx(500, abs=30)


# -- special information tones, faxes, modems -------------------------------------------------------


@pytest.mark.parametrize("gap_ms", [0.0, 30.0])
@pytest.mark.parametrize(
    ("hz", "ms", "kind"),
    [
        (SIT_LOW_HZ, (274, 274, 380), "intercept"),
        ((SIT_HIGH_HZ[0], *SIT_LOW_HZ[1:]), (380, 274, 380), "vacant_code"),
        ((SIT_LOW_HZ[0], *SIT_HIGH_HZ[1:]), (274, 380, 380), "reorder"),
        ((SIT_HIGH_HZ[0], *SIT_LOW_HZ[1:]), (274, 380, 380), "reorder"),
        (SIT_HIGH_HZ, (380, 380, 380), "no_circuit"),
        (SIT_LOW_HZ, (380, 380, 380), "no_circuit"),
        (SIT_PLAIN_HZ, (330, 330, 330), None),
    ],
)
def test_special_information_tones_and_their_kind(
    hz: tuple[float, ...], ms: tuple[float, ...], kind: str | None, gap_ms: float
) -> None:
    (one,) = names(hear(on_a_line(sit(hz, ms, gap_ms))))
    assert (one.name, one.kind) == ("sit", kind)
    assert one.frequencies_hz == pytest.approx(hz, abs=8)
    assert one.start_ms == pytest.approx(500, abs=20)
    assert one.end_ms == pytest.approx(500 + sum(ms) + 2 * gap_ms, abs=20)


@pytest.mark.parametrize(
    ("hz", "ms"),
    [
        (SIT_LOW_HZ[::-1], (274, 274, 380)),  # falling
        (SIT_PLAIN_HZ, (100, 100, 100)),
        (SIT_PLAIN_HZ, (600, 600, 600)),
        ((950, 1250, 1800), (330, 330, 330)),
    ],
)
def test_other_rows_of_three_are_none(hz: tuple[float, ...], ms: tuple[float, ...]) -> None:
    assert names(hear(ulaw(to_int16(sit(hz, ms))))) == []


def test_special_information_tones_apart_are_none() -> None:
    assert names(hear(ulaw(to_int16(sit(SIT_PLAIN_HZ, (330, 330, 330), gap_ms=200))))) == []


@pytest.mark.parametrize("hz", [1065.0, 1100.0, 1135.0])
def test_a_fax_that_calls_is_named_at_its_second_tone_and_once(hz: float) -> None:
    sound = np.concatenate([silence(500), *[part for _ in range(4) for part in (tone(hz, ms=500), silence(3000))]])
    (one,) = names(hear(on_a_line(sound)))
    assert (one.name, one.start_ms) == ("fax_cng", pytest.approx(500, abs=20))
    assert one.at_ms == pytest.approx(4500, abs=110)


@pytest.mark.parametrize("hz", [2085.0, 2100.0, 2115.0])
def test_a_fax_that_answers_is_named_after_two_seconds(hz: float) -> None:
    (one,) = names(hear(on_a_line(np.concatenate([silence(500), tone(hz, ms=2800), silence(500)]))))
    assert (one.name, one.start_ms) == ("fax_ced", pytest.approx(500, abs=20))
    assert one.at_ms == pytest.approx(2500, abs=60)


@pytest.mark.parametrize("swing", [0.0, 0.2])  # V.25's, and V.8's with 15 Hz on it
@pytest.mark.parametrize("hz", [2086.0, 2100.0, 2114.0])
def test_a_tone_that_turns_its_phase_is_a_modems(hz: float, swing: float) -> None:
    t = times(3000)
    turned = np.sin(2 * np.pi * hz * t + np.pi * (np.floor(t / 0.45) % 2)) * (1 + swing * np.sin(2 * np.pi * 15 * t))
    (one,) = names(hear(on_a_line(np.concatenate([silence(500), 0.18 * turned, silence(500)]))))
    assert (one.name, one.start_ms) == ("modem_answer", pytest.approx(500, abs=20))
    assert one.at_ms < 500 + 1200


@pytest.mark.parametrize("seed", range(4))
def test_lost_packets_do_not_turn_a_faxs_phase(seed: int) -> None:
    sound = ulaw(to_int16(np.concatenate([silence(500), tone(2100, ms=3300), silence(500)])))
    assert set(told(hear(lossy(sound, 0.05, seed=seed)))) == {"fax_ced"}


# -- DTMF -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ms", [45.0, 100.0])
@pytest.mark.parametrize(("digit", "row", "column"), DIGITS)
def test_every_digit(digit: str, row: float, column: float, ms: float) -> None:
    (one,) = names(hear(on_a_line(np.concatenate([silence(300), key(digit, ms), silence(300)]), dbfs=-18.0)))
    assert (one.name, one.digit) == ("dtmf", digit)
    assert one.frequencies_hz == pytest.approx((row, column), rel=0.008)
    assert one.start_ms == pytest.approx(300, abs=15)
    assert one.end_ms == pytest.approx(300 + ms, abs=15)
    assert one.at_ms <= 300 + ms + 60


@pytest.mark.parametrize("off", [-0.015, 0.015])
@pytest.mark.parametrize("digit", "0123456789*#ABCD")
def test_every_digit_as_far_off_as_it_may_be(digit: str, off: float) -> None:
    sound = np.concatenate([silence(300), key(digit, off=off), silence(300)])
    assert told(hear(on_a_line(sound, dbfs=-18.0))) == [digit]


@pytest.mark.parametrize("off", [-0.035, 0.035])
@pytest.mark.parametrize("digit", "0123456789*#ABCD")
def test_a_pair_further_off_is_no_digit(digit: str, off: float) -> None:
    assert told(hear(ulaw(to_int16(np.concatenate([silence(300), key(digit, off=off), silence(300)]))))) == []


@pytest.mark.parametrize("twist_db", [-8.0, 8.0])
def test_twist(twist_db: float) -> None:
    assert told(hear(ulaw(to_int16(np.concatenate([silence(300), key("5", twist_db=twist_db), silence(300)]))))) == [
        "5"
    ]


def test_a_number_with_the_same_digit_twice() -> None:
    assert "".join(told(hear(ulaw(to_int16(pressed("12025550100#", ms=50, gap_ms=45)))))) == "12025550100#"


def test_a_key_that_is_held_is_said_while_it_is() -> None:
    (one,) = names(hear(ulaw(to_int16(np.concatenate([silence(300), key("7", 3000), silence(300)])))))
    assert (one.digit, one.end_ms) == ("7", None)
    assert one.at_ms == pytest.approx(1300, abs=50)


def test_a_pair_that_does_not_begin_and_end_in_silence_is_no_digit() -> None:
    murmur = tone(300, 1000, ms=1000, dbfs=-14.0)
    sound = np.concatenate([silence(300), murmur, key("5"), murmur, silence(300)])
    assert names(hear(ulaw(to_int16(sound)))) == []


@pytest.mark.parametrize("pair", [(697, 1000), (1000, 1336), (697, 770), (1209, 1477), (600, 1336), (941, 1750)])
def test_other_pairs_are_no_digits(pair: tuple[float, float]) -> None:
    assert names(hear(ulaw(to_int16(np.concatenate([silence(300), tone(*pair, ms=300), silence(800)]))))) == []


def test_a_pair_shorter_than_23_ms_is_no_digit() -> None:
    assert names(hear(ulaw(to_int16(np.concatenate([silence(300), key("5", 22), silence(300)]))))) == []


# -- what is none of the network's ------------------------------------------------------------------


@pytest.mark.parametrize("pitch_hz", [110.0, 210.0, 300.0])
def test_speech_has_no_name(pitch_hz: float) -> None:
    assert names(hear(ulaw(to_int16(speech(20_000, pitch_hz=pitch_hz, seed=int(pitch_hz)))))) == []


@pytest.mark.parametrize("pitch_hz", [400.0, 425.0, 440.0])
def test_singing_has_no_name(pitch_hz: float) -> None:
    assert names(hear(ulaw(to_int16(sung(5000, pitch_hz))))) == []


@pytest.mark.parametrize("ms", [160.0, 400.0, 480.0, 1000.0, 1700.0])
@pytest.mark.parametrize("hz", [(425.0,), (440.0,), (1000.0,), (1100.0,), (2100.0,), (1400.0,), (853.0, 960.0)])
def test_a_mailboxs_beep_has_no_name(hz: tuple[float, ...], ms: float) -> None:
    sound = np.concatenate([speech(2500), silence(600), tone(*hz, ms=ms), silence(6000)])
    assert names(hear(ulaw(to_int16(sound)))) == []


# -- silence, and how the stream is cut -------------------------------------------------------------


def test_silence_is_said_once_for_each_stretch() -> None:
    sound = np.concatenate([silence(300), speech(2000), silence(3000), tone(1000, ms=300), silence(2500)])
    line = np.asarray(sound + noise(len(sound) / 8 + 1, -60.0)[: len(sound)])
    found = [one for one in hear(ulaw(to_int16(line))) if isinstance(one, Silence)]
    assert [one.start_ms for one in found] == [pytest.approx(2300, abs=120), pytest.approx(5600, abs=40)]
    assert all(one.at_ms - one.start_ms == pytest.approx(1000, abs=40) for one in found)
    assert all(one.level_dbfs == pytest.approx(-60, abs=5) for one in found)


def test_a_dial_tone_that_the_floor_rises_to_is_no_silence() -> None:
    found = hear(ulaw(to_int16(np.concatenate([silence(500), tone(350, 440, ms=8000)]))))
    assert [one for one in found if isinstance(one, Silence)] == []


@pytest.mark.parametrize("chunk", [1, 37, 160, 5000, 10**6])
def test_however_the_stream_is_cut_the_names_are_the_same(chunk: int) -> None:
    rng = np.random.default_rng(chunk)
    parts = [played(one, rounds=2) for one in HOME[:3]] + [pressed("42"), sit(SIT_LOW_HZ, (274, 274, 380))]
    parts.append(tone(2100, ms=2500))
    samples = on_a_line(np.concatenate(parts))
    whole = Detector().feed(samples)
    assert len(names(whole)) >= 5
    detector, found, at = Detector(), [], 0
    if chunk == 1:
        samples, whole = samples[: 8 * RATE_HZ], Detector().feed(samples[: 8 * RATE_HZ])
    while at < len(samples):
        n = chunk if chunk in (1, 160) else int(rng.integers(1, 2 * chunk))
        found += detector.feed(samples[at : at + n])
        at += n
    assert_alike(found, whole)
