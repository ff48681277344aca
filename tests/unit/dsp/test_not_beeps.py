"""What must not pass for a beep: voices and the network's own tones."""

from itertools import product

import numpy as np
import pytest
from signals import Sound, cadence, hear, lossy, silence, speech, sung, to_int16, tone, ulaw

from dsp import BeepDropped, BeepEnded, BeepStarted


def ended(sound: Sound) -> int:
    """How many beeps are heard; every start has its end or its drop on the way."""
    found = hear(np.concatenate([silence(300), sound, silence(800)]))
    starts = [d.start_ms for d in found if isinstance(d, BeepStarted)]
    closed = [d.start_ms for d in found if isinstance(d, BeepEnded | BeepDropped)]
    assert sorted(starts) == sorted(closed)
    return sum(isinstance(d, BeepEnded) for d in found)


@pytest.mark.parametrize("pitch_hz", [90.0, 150.0, 220.0, 300.0, 380.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_speech(pitch_hz: float, seed: int) -> None:
    assert ended(speech(6000, pitch_hz=pitch_hz, seed=seed)) == 0


@pytest.mark.parametrize("pitch_hz", [392.0, 523.0, 700.0, 880.0])
@pytest.mark.parametrize("ms", [200.0, 600.0, 1500.0])
def test_sung_tones(pitch_hz: float, ms: float) -> None:
    assert ended(sung(ms, pitch_hz)) == 0


@pytest.mark.parametrize("hz", [(350.0, 440.0), (425.0,), (350.0, 450.0), (2100.0,)])
@pytest.mark.parametrize("ms", [2100.0, 7000.0])
def test_continuous_tones(hz: tuple[float, ...], ms: float) -> None:
    assert ended(tone(*hz, ms=ms)) == 0


def test_a_dial_tone_with_packet_loss() -> None:
    found = hear(lossy(ulaw(to_int16(tone(425, ms=8000))), 0.05))
    assert not [d for d in found if isinstance(d, BeepEnded)]


@pytest.mark.parametrize(
    ("hz", "on_ms", "off_ms"),
    [
        ((440.0, 480.0), 2000, 4000),
        ((480.0, 620.0), 500, 500),
        ((480.0, 620.0), 250, 250),
        ((400.0, 450.0), 400, 200),
    ],
)
def test_known_pairs_from_the_first(hz: tuple[float, ...], on_ms: float, off_ms: float) -> None:
    assert ended(cadence(*hz, on_ms=on_ms, off_ms=off_ms, times_=4)) == 0


@pytest.mark.parametrize(("on_ms", "off_ms"), [(500, 500), (480, 480), (250, 250), (1000, 4000), (375, 375)])
def test_supervisory_tones_from_the_second(on_ms: float, off_ms: float) -> None:
    assert ended(cadence(425, on_ms=on_ms, off_ms=off_ms, times_=5)) <= 1


@pytest.mark.parametrize(("on_ms", "off_ms", "most"), [(500, 500, 1), (1000, 3000, 2), (300, 700, 2)])
def test_any_tone_that_keeps_a_rhythm(on_ms: float, off_ms: float, most: int) -> None:
    assert ended(cadence(1004, on_ms=on_ms, off_ms=off_ms, times_=5)) <= most


@pytest.mark.parametrize("ms", [60.0, 100.0, 300.0])
def test_dtmf(ms: float) -> None:
    for row, column in product((697, 770, 852, 941), (1209, 1336, 1477, 1633)):
        assert ended(tone(row, column, ms=ms)) == 0


def test_a_pair_beside_dtmf_is_a_beep() -> None:
    assert ended(tone(697 * 1.04, 1209, ms=300)) == 1


@pytest.mark.parametrize(
    "parts",
    [((950, 330), (1400, 330), (1800, 330)), ((913.8, 274), (1370.6, 274), (1776.7, 380)),
     ((985.2, 380), (1428.5, 380), (1776.7, 380))],
)  # fmt: skip
def test_special_information_tones(parts: tuple[tuple[float, float], ...]) -> None:
    assert ended(np.concatenate([tone(hz, ms=ms) for hz, ms in parts])) == 0


def test_the_first_of_them_alone_is_a_beep() -> None:
    assert ended(tone(950, ms=330)) == 1
