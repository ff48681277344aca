"""The verdict as a stream: any chunking, any bytes, any length."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signals import Samples, lossy, noise, silence, speech, to_int16, tone, ulaw

from dsp import AnswerListener, Verdict


def call(*parts: np.ndarray) -> Samples:
    joined = np.concatenate(parts)
    return lossy(ulaw(to_int16(joined + noise(len(joined) / 8, -60)[: len(joined)])), 0.02)


CALLS = {
    "human": call(silence(600), speech(450), silence(2600), speech(500, seed=3), silence(2500)),
    "mailbox": call(silence(400), speech(2500), silence(900), tone(950, ms=300), silence(1500)),
    "announcement": call(silence(300), *[tone(480, 620, ms=500), silence(500)] * 3, speech(1000)),
    "silence": call(silence(7000)),
}
WHOLE = {kind: AnswerListener().feed(samples) for kind, samples in CALLS.items()}


def said_in_chunks(samples: Samples, sizes: list[int]) -> list[Verdict]:
    listener, said, at = AnswerListener(), [], 0
    for size in [*sizes, len(samples)]:
        new = listener.feed(samples[at : at + size])
        at += size
        assert all(one.t_ms <= min(at, len(samples)) / 8 for one in new)
        said += new
    return said


@pytest.mark.parametrize("kind", CALLS)
def test_each_call_has_its_verdict(kind: str) -> None:
    assert WHOLE[kind][0].kind == kind


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(CALLS)), st.lists(st.integers(0, 9000), max_size=30))
def test_chunked_equals_whole(kind: str, sizes: list[int]) -> None:
    assert said_in_chunks(CALLS[kind], sizes) == WHOLE[kind]


@pytest.mark.parametrize("chunk", [1, 80, 160, 163])
def test_even_chunks(chunk: int) -> None:
    samples = CALLS["mailbox"]
    assert said_in_chunks(samples, [chunk] * (len(samples) // chunk)) == WHOLE["mailbox"]


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=4000), st.integers(1, 60))
def test_any_bytes(garbage: bytes, repeats: int) -> None:
    samples = np.frombuffer(garbage[: len(garbage) // 2 * 2] * repeats, np.int16)
    for one in AnswerListener().feed(samples):
        assert 0 <= one.confidence <= 1
        assert 0 <= one.t_ms <= len(samples) / 8


@pytest.mark.parametrize("value", [0, 1, 32767, -32768])
def test_nothing_but_one_value_is_nobody(value: int) -> None:
    kinds = [one.kind for one in AnswerListener().feed(np.full(60 * 8000, value, np.int16))]
    assert kinds == ["silence"]


def test_full_scale_noise_is_no_mailbox_and_no_human() -> None:
    loud = np.random.default_rng(1).choice(np.array([-32768, 32767], np.int16), 60 * 8000)
    assert {one.kind for one in AnswerListener().feed(loud)} <= {"silence", "unsure"}
