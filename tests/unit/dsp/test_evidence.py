"""What tells a machine from a human, and the forest that weighs it."""

from itertools import pairwise

import numpy as np
import pytest
from signals import hear, silence, speech, sung, tone

from dsp import BeepEnded
from dsp.evidence import NEVER_S, Evidence
from dsp.forest import vote

CLEAN = Evidence(
    hops=40,
    hz=1000.0,
    dbfs=-15.0,
    jitter_hz=0.1,
    wobble_db=0.05,
    slope_hz_per_s=1.0,
    purity=1.0,
    raw_purity=0.99,
    rise_db=40.0,
    fall_db=40.0,
    slow_hz=0.2,
    fast_hz=0.2,
    slow_db=0.1,
    crowd=0,
    since_speech_s=0.5,
    bridged=0,
    noise_db=45.0,
    width=0.01,
    attack_db=8.0,
    release_db=8.0,
    other_db=40.0,
    quiet_hops=50,
    tonal=0.0,
    words=0.6,
    tones=6.0,
    tones_s=0.6,
    clear_now=0.0,
    clear=0.0,
    since_clear_s=20.0,
)


def test_a_clean_beep_convinces() -> None:
    assert vote(CLEAN) > 3
    assert vote(CLEAN._replace(since_speech_s=NEVER_S)) > 1


@pytest.mark.parametrize(
    "worse",
    [
        {"jitter_hz": 20.0, "slow_hz": 60.0},
        {"purity": 0.3, "raw_purity": 0.3},
        {"slow_hz": 15.0, "slow_db": 8.0, "attack_db": 40.0},
    ],
)
def test_what_is_human_does_not(worse: dict[str, float]) -> None:
    assert vote(CLEAN._replace(**worse)) < vote(CLEAN) - 1


@pytest.mark.parametrize("figure", ["jitter_hz", "wobble_db", "slope_hz_per_s", "slow_hz", "fast_hz", "attack_db"])
def test_steadier_never_counts_for_less(figure: str) -> None:
    votes = [vote(CLEAN._replace(**{figure: value})) for value in np.geomspace(0.05, 50, 40).tolist()]
    assert all(after <= before + 1e-9 for before, after in pairwise(votes))


def test_a_song_behind_speech_is_no_beep() -> None:
    sound = np.concatenate([speech(1500), silence(300), sung(600, 523.0), silence(60), sung(900, 659.0), silence(600)])
    assert not [d for d in hear(sound) if isinstance(d, BeepEnded)]


def test_a_beep_behind_music_like_tones_is_still_one() -> None:
    notes = [sung(400, hz, cents=30.0) for hz in (523.0, 587.0, 659.0)]
    sound = np.concatenate([speech(1500), *notes, silence(400), tone(1000, ms=640), silence(600)])
    assert len([d for d in hear(sound) if isinstance(d, BeepEnded)]) == 1
