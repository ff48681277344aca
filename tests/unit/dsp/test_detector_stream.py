"""The detector as a stream: any chunking, any bytes, any length."""

import math
import pickle
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signals import Samples, assert_alike, hear, lossy, noise, silence, speech, to_int16, tone, ulaw

from dsp import BeepEnded, Detection, Detector
from dsp.spectrum import Stream

CALL = lossy(
    ulaw(
        to_int16(
            np.concatenate([speech(1200), tone(900, ms=200), silence(300), tone(1000, 1310, ms=300), noise(400, -30)])
        )
    ),
    0.03,
)
WHOLE = Detector().feed(CALL)


def sane(found: list[Detection], detector: Detector) -> None:
    last_ms = 0.0
    for detection in found:
        assert last_ms <= detection.at_ms <= detector.now_ms
        last_ms = detection.at_ms
        for field in fields(detection):
            value = getattr(detection, field.name)
            for number in value if isinstance(value, tuple) else (value,):
                assert math.isfinite(number)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 3000), min_size=1, max_size=30))
def test_chunked_equals_whole(sizes: list[int]) -> None:
    detector, found, at = Detector(), [], 0
    for size in [*sizes, len(CALL)]:
        found += detector.feed(CALL[at : at + size])
        at += size
    assert_alike(found, WHOLE)
    assert detector.now_ms == len(CALL) / 8


@pytest.mark.parametrize("chunk", [1, 7, 80, 160, 163])
def test_even_chunks(chunk: int) -> None:
    assert_alike(hear(CALL, chunk), WHOLE)


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=4000), st.integers(1, 12))
def test_any_bytes(garbage: bytes, repeats: int) -> None:
    samples = np.frombuffer(garbage[: len(garbage) // 2 * 2] * repeats, np.int16)
    detector = Detector()
    sane(detector.feed(samples), detector)


def full_scale_square() -> Samples:
    return np.where(np.arange(12000) % 16 < 8, 32767, -32768).astype(np.int16)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(16000, np.int16),
        np.full(16000, 32767, np.int16),
        np.full(16000, -32768, np.int16),
        full_scale_square(),
        np.tile(np.array([32767, -32768], np.int16), 8000),
    ],
)
def test_extremes(samples: Samples) -> None:
    detector = Detector()
    sane(detector.feed(samples), detector)


def test_dc_changes_nothing() -> None:
    beep = np.concatenate([silence(500), tone(900, ms=300, dbfs=-12), silence(500)])
    (ended,) = [d for d in hear(beep + 0.2) if isinstance(d, BeepEnded)]
    assert ended.frequencies_hz == pytest.approx((900,), abs=2)
    assert ended.end_ms == pytest.approx(800, abs=15)


def test_state_is_bounded() -> None:
    detector = Detector()
    sizes = []
    round_ = to_int16(
        np.concatenate([speech(1000), tone(425, ms=3000), silence(500), tone(1000, ms=300), silence(500)])
    )
    for _ in range(60):  # until all that it remembers of the past is full
        detector.feed(round_)
        sizes.append(len(pickle.dumps(detector)))
    assert max(sizes[40:]) <= max(sizes[20:40]) * 1.02


def test_one_tone_for_long() -> None:
    detector = Detector()
    hold = to_int16(tone(440, ms=1000))[:8000]
    sizes = []
    for _ in range(40):
        detector.feed(hold)
        sizes.append(len(pickle.dumps(detector)))
    assert sizes[-1] <= sizes[5] * 1.05


def test_times_do_not_drift() -> None:
    """Eight hours of stream in, the times are still exact: they are counted in samples, not added up."""
    stream = Stream()
    stream._samples = 8 * 3600 * 8000
    (hop,) = stream.feed(np.zeros(80, np.int16))
    assert hop.end_ms == 8 * 3600 * 1000 + 10


@pytest.mark.parametrize("hz", [352.0, 425.0, 999.3, 1234.5, 2990.0])
def test_frequency_is_interpolated(hz: float) -> None:
    *_, hop = Stream().feed(to_int16(tone(hz, ms=200, dbfs=-10))[:1200])
    assert hop.first.hz == pytest.approx(hz, abs=0.2)
    assert hop.first.dbfs == pytest.approx(-10, abs=0.05)
    assert hop.tonality > 0.99
