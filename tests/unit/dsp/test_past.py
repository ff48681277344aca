"""What was before a tone, as the forest is told of it."""

import numpy as np
import pytest
from signals import hear, silence, speech, tone

from dsp import BeepEnded
from dsp.past import LONG_S, Past
from dsp.spectrum import Hop, Peak


def fed(past: Past, hops: int, dbfs: float, tonality: float, first: int = 0) -> None:
    for k in range(first, first + hops):
        peak = Peak(1000.0, dbfs)
        past.feed(Hop((k + 1) * 10.0, dbfs, peak, 0.01, peak, tonality))


def test_words_then_quiet_then_the_tone() -> None:
    past = Past()
    fed(past, 100, -20.0, 0.5)
    fed(past, 50, -70.0, 0.1, first=100)
    fed(past, 40, -15.0, 1.0, first=150)
    before = past.before(1500.0, -15.0, -65.0)
    assert before.quiet_hops == pytest.approx(50, abs=2)
    assert before.words == pytest.approx(100 / 149, abs=0.02)
    assert before.tonal == 0.0


def test_the_tone_itself_is_not_before_it() -> None:
    past = Past()
    fed(past, 100, -70.0, 0.1)
    fed(past, 60, -15.0, 1.0, first=100)
    before = past.before(1000.0, -15.0, -65.0)
    assert before.tonal == 0.0
    assert before.quiet_hops == 200


def test_tones_fade_and_only_clear_ones_count_as_clear() -> None:
    past = Past()
    past.tone_over(0.0, 400.0, clear=True)
    past.tone_over(500.0, 560.0, clear=False)
    past.tone_over(600.0, 900.0, clear=False)
    soon, late = past.before(1000.0, -15.0, -65.0), past.before(17_000.0, -15.0, -65.0)
    assert soon.since_clear_s == pytest.approx(0.6)
    assert soon.tones > 2.5 > soon.clear * 2
    assert late.tones < soon.tones / 5
    assert late.clear_now < 0.001 < late.clear


def test_a_tone_that_goes_on_is_not_before_another() -> None:
    past = Past()
    past.tone_over(0.0, 1500.0, clear=True)
    assert past.before(1000.0, -15.0, -65.0) == Past().before(1000.0, -15.0, -65.0)
    assert past.before(1000.0, -15.0, -65.0).since_clear_s == LONG_S


def test_memory_is_bounded() -> None:
    past = Past()
    for k in range(1000):
        past.tone_over(k * 100.0, k * 100.0 + 50, clear=True)
    assert past.before(100_000.0, -15.0, -65.0).tones < 64


def test_a_calling_fax_behind_speech_is_none() -> None:
    sound = np.concatenate([speech(1500), silence(600), tone(1100, ms=500), silence(900)])
    assert not [d for d in hear(sound) if isinstance(d, BeepEnded)]


@pytest.mark.parametrize("ms", [420.0, 600.0])
def test_a_beep_at_its_frequency_and_of_another_length_is_one(ms: float) -> None:
    sound = np.concatenate([speech(1500), silence(600), tone(1100, ms=ms), silence(900)])
    assert len([d for d in hear(sound) if isinstance(d, BeepEnded)]) == 1
