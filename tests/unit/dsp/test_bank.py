"""The bank: many streams, each as if it were alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signals import Samples, assert_alike, lossy, noise, silence, speech, to_int16, tone, ulaw

from dsp import BeepEnded, Detection, Detector, DetectorBank
from dsp.bank import FEW
from dsp.recent import BLOCK_SAMPLES
from dsp.spectrum import Hop, Stream, feed_streams


def call(seed: int) -> Samples:
    """A greeting of one of many lengths, a beep of one of many kinds, and what a line adds."""
    rng = np.random.default_rng(seed)
    hz = rng.uniform(400, 2000)
    beep = tone(hz, *((hz * 1.3,) if seed % 3 == 0 else ()), ms=rng.uniform(80, 600), dbfs=rng.uniform(-30, -8))
    sound = np.concatenate(
        [speech(rng.uniform(300, 2500), seed=seed), silence(rng.uniform(0, 400)), beep, silence(400)]
    )
    return lossy(ulaw(to_int16(sound + noise(len(sound) / 8 + 1, -45, seed)[: len(sound)])), 0.02 * (seed % 2))


CALLS = [call(seed) for seed in range(24)]
ALONE = [Detector().feed(samples) for samples in CALLS]


def measured(streams: list[Samples]) -> list[list[Hop]]:
    """The hops of each stream, measured together."""
    measuring, hops = [Stream() for _ in streams], [list[Hop]() for _ in streams]
    for at in range(0, max(map(len, streams)), BLOCK_SAMPLES):
        for one in feed_streams(measuring, [samples[at : at + BLOCK_SAMPLES] for samples in streams]):
            for k, end_ms, figures in zip(one.which, one.end_ms, one.figures.T, strict=True):
                hops[k].append(Hop(end_ms, *figures.tolist()))
    return hops


def heard_in_step(calls: list[Samples], frame: int = 160, few: int = 0) -> list[list[Detection]]:
    bank: DetectorBank[int] = DetectorBank(few=few)
    found: list[list[Detection]] = [[] for _ in calls]
    for number in range(len(calls)):
        bank.add(number)
    for at in range(0, max(map(len, calls)), frame):
        tick = {number: samples[at : at + frame] for number, samples in enumerate(calls) if at < len(samples)}
        for number, detections in bank.feed(tick).items():
            found[number] += detections
    return found


def test_calls_are_worth_hearing() -> None:
    assert sum(isinstance(found, BeepEnded) for heard in ALONE for found in heard) >= 20


@pytest.mark.parametrize("few", [0, 10, FEW])
def test_each_as_if_alone(few: int) -> None:
    for together, alone in zip(heard_in_step(CALLS, few=few), ALONE, strict=True):
        assert_alike(together, alone)


def test_few_as_many() -> None:
    """Up to eight windows are measured one after another, more in one pass."""
    for together, alone in zip(heard_in_step(CALLS[:2]), ALONE, strict=False):
        assert_alike(together, alone)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_pieces_at_any_time(seed: int) -> None:
    """Streams begin at different times, and bring pieces of any length, or none."""
    rng = np.random.default_rng(seed)
    calls = CALLS[:10]
    bank: DetectorBank[int] = DetectorBank(few=3)
    at = dict.fromkeys(range(len(calls)), 0)
    found: list[list[Detection]] = [[] for _ in calls]
    begun: set[int] = set()
    while any(at[number] < len(samples) for number, samples in enumerate(calls)):
        tick = {}
        for number in rng.permutation(len(calls)).tolist():
            if number not in begun:
                if rng.random() < 0.7:
                    continue
                bank.add(number)
                begun.add(number)
            if rng.random() < 0.8:
                size = int(rng.integers(0, 1200))
                tick[number] = calls[number][at[number] : at[number] + size]
                at[number] += size
        for number, detections in bank.feed(tick).items():
            found[number] += detections
    for together, alone in zip(found, ALONE, strict=False):
        assert_alike(together, alone)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.binary(max_size=3000), min_size=1, max_size=20))
def test_any_bytes(garbage: list[bytes]) -> None:
    """Whatever comes, one pass measures what one after another does, and all of it is finite."""
    streams = [np.frombuffer(one[: len(one) // 2 * 2], np.int16) for one in garbage]
    together = measured(streams)
    for samples, hops in zip(streams, together, strict=True):
        slow = Stream()
        alone = [hop for at in range(0, len(samples), 80) for hop in slow.feed(samples[at : at + 80])]
        assert np.isfinite(np.array(hops)).all()
        assert len(hops) == len(alone)
        for one, other in zip(hops, alone, strict=True):
            assert one[:3] == pytest.approx(other[:3], abs=0.01)


@pytest.mark.parametrize("level", [0, 1, -1, 32767, -32768])
def test_constant_streams(level: int) -> None:
    together = measured([np.full(4000, level, np.int16)] * 9)
    assert all(np.isfinite(np.array(hops)).all() for hops in together)


def test_frequencies_and_levels_are_the_single_ones() -> None:
    tones = [to_int16(tone(hz, hz * 1.7, ms=200, dbfs=-10)) for hz in np.linspace(345, 1900, 40)]
    for samples, hops in zip(tones, measured(tones), strict=True):
        alone = Stream()
        for at, hop in enumerate(hops):
            (one,) = alone.feed(samples[at * 80 : at * 80 + 80])
            assert hop.first_hz == pytest.approx(one.first_hz, abs=0.5)
            assert hop.first_dbfs == pytest.approx(one.first_dbfs, abs=0.1)
            assert hop.second_dbfs == pytest.approx(one.second_dbfs, abs=0.1)


@pytest.mark.parametrize("few", [0, 1])
def test_streams_come_and_go(few: int) -> None:
    bank: DetectorBank[str] = DetectorBank(few=few)
    assert bank.feed({}) == {}
    bank.add("a")
    with pytest.raises(ValueError, match="'a' is in the bank already"):
        bank.add("a")
    with pytest.raises(KeyError):
        bank.feed({"a": CALLS[0], "b": CALLS[1]})
    # Nothing of "a" was taken by the feed that failed.
    assert_alike(bank.feed({"a": CALLS[0]})["a"], ALONE[0])
    bank.remove("a")
    assert len(bank) == 0
    bank.add("a")
    assert_alike(bank.feed({"a": CALLS[1]})["a"], ALONE[1])
