"""The bench's quick spectrum says what the detector's own says."""

import numpy as np

from dsp.spectrum import Hop, Spectrum
from tests.bench.detection.hops import hops_of


def figures(hop: Hop) -> list[float]:
    return [hop.end_ms, hop.dbfs, *hop.first, hop.width, *hop.second, hop.tonality]


def test_it_measures_as_the_detector_does() -> None:
    rng = np.random.default_rng(5)
    t = np.arange(12_345) / 8000
    sound = 6000 * np.sin(2 * np.pi * 1234 * t) * (t > 0.4) + 1500 * np.sin(2 * np.pi * 700 * t) * (t > 0.8)
    sound[8000:] += rng.normal(size=4345) * 300
    samples = sound.astype(np.int16)
    own = np.array([figures(hop) for hop in Spectrum().feed(samples)])
    quick = np.array([figures(hop) for hop in hops_of(samples)])
    np.testing.assert_allclose(quick, own, atol=1e-3)


def test_silence_and_less_than_a_hop() -> None:
    assert list(hops_of(np.zeros(800, np.int16))) == list(Spectrum().feed(np.zeros(800, np.int16)))
    assert list(hops_of(np.zeros(79, np.int16))) == []
