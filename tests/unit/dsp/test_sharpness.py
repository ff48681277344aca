"""The second look: samples that are kept, and edges as steep as they are."""

import numpy as np
import pytest
from signals import noise, silence, to_int16, tone

from dsp.doubt import second_vote
from dsp.recent import BLOCK_SAMPLES, Recent, blocks
from dsp.sharpness import Sharpness, sharpness

SOUND = np.arange(-32000, 32000).astype(np.int16)


@pytest.mark.parametrize("piece", [1, 7, 160, BLOCK_SAMPLES])
def test_recent_samples_are_kept(piece: int) -> None:
    recent = Recent()
    for at in range(0, len(SOUND), piece):
        recent.feed(SOUND[at : at + piece])
        recent.feed(SOUND[:0])
    first_ms, samples = recent.between(6000.0, 6100.0)
    assert first_ms == 6000
    assert samples.tolist() == SOUND[48000:48800].tolist()


def test_old_samples_are_let_go() -> None:
    recent = Recent()
    for at in range(0, len(SOUND), 160):
        recent.feed(SOUND[at : at + 160])
    first_ms, samples = recent.between(-10.0, 9000.0)
    assert 5200 < first_ms <= 5800
    assert samples.tolist() == SOUND[int(first_ms * 8) :].tolist()


def test_what_was_never_there() -> None:
    assert len(Recent().between(100.0, 200.0)[1]) == 0
    assert sharpness(Recent(), (100.0, 200.0), (900.0, 900.0), 300.0) == Sharpness(60.0, 0.0, 60.0, 0.0)


def edges(ramp_ms: int) -> Sharpness:
    beep = tone(900, ms=200, dbfs=-12)
    ramp = np.minimum(1.0, np.arange(len(beep)) / (8 * ramp_ms))
    recent = Recent()
    for block in blocks(
        to_int16(np.concatenate([silence(300), beep * ramp * ramp[::-1], silence(300)]) + noise(800, -50))
    ):
        recent.feed(block)
    half = ramp_ms / 2  # where hops see an edge
    return sharpness(recent, (300.0 + half, 500.0 - half), (900.0, 900.0), 800.0)


def test_a_switched_tone_is_sharp_a_swelling_one_is_not() -> None:
    switched, swelling = edges(1), edges(40)
    assert switched.attack_ms <= 7.5
    assert switched.release_ms <= 7.5
    assert switched.rise_db > 20
    assert switched.drop_db > 20
    assert swelling.attack_ms > 12.5
    assert swelling.release_ms > 12.5


def test_sharp_edges_settle_a_doubt() -> None:
    assert second_vote(0.0, edges(1)) > second_vote(0.0, edges(40))
