"""``python -m tests.bench.detection.grow``: grow `dsp/forest.py` anew from the tuning half.

Needs scikit-learn, which nothing else does. Takes the corpus's tuning half and more recordings of the same recipe,
voices and split with other seeds; the held-out half is never read. Call progress, SIT, DTMF and fax are left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

import dsp.forest
from dsp import Detector
from dsp.evidence import NEVER_S, Evidence
from dsp.track import Track
from tests.bench.detection import corpus, recipe
from tests.bench.detection.ears import FRAME_SAMPLES
from tests.bench.detection.manifest import BeepTruth, Recording
from tests.bench.detection.sources import default_home, fetch
from tests.bench.detection.waves import Samples

SEEDS: Final = (recipe.SEED, 777, 778, 779)
NOT_LEARNED: Final = frozenset({"call_progress", "fax", "sit", "dtmf"})
RINGING_HZ: Final = (380.0, 500.0)
MORE_IS_BETTER: Final = ("hops", "purity", "raw_purity", "rise_db", "fall_db", "noise_db")
LESS_IS_BETTER: Final = (
    *("jitter_hz", "wobble_db", "slope_hz_per_s", "slow_hz", "fast_hz", "slow_db"),
    *("crowd", "bridged", "width", "attack_db"),
)
UNHEARD_WEIGHT: Final = 0.25
"""Each beep counts so much once more as if nobody had spoken before it: the ear may have come late."""
GROWTH: Final[dict[str, Any]] = {
    "max_iter": 200,
    "learning_rate": 0.08,
    "max_leaf_nodes": 6,
    "l2_regularization": 2.0,
    "min_samples_leaf": 12,
}


class Tone(NamedTuple):
    start_ms: float
    end_ms: float
    frequencies_hz: tuple[float, ...]
    evidence: Evidence


class Ear:
    """A detector that notes the evidence of every tone it judges."""

    def __init__(self) -> None:
        self.tones: list[Tone] = []

    def listen(self, samples: Samples) -> list[Tone]:
        asked = Track.evidence

        def noting(track: Track) -> Evidence:
            evidence = asked(track)
            self.tones.append(Tone(track.onset_ms(), track.end_ms(), track.frequencies_hz(), evidence))
            return evidence

        Track.evidence = noting  # type: ignore[method-assign]
        try:
            detector = Detector()
            for at in range(0, len(samples), FRAME_SAMPLES):
                detector.feed(samples[at : at + FRAME_SAMPLES])
        finally:
            Track.evidence = asked  # type: ignore[method-assign]
        return self.tones


def label(recording: Recording, tone: Tone) -> bool | None:
    """Is it the recording's beep? None: neither quite, or not to be learned."""
    part_of_one = False
    for beep in recording.beeps:
        verdict = _is_beep(beep, tone)
        if verdict:
            return True
        part_of_one |= verdict is None
    ringing = recording.layout == "ringback" and RINGING_HZ[0] < tone.frequencies_hz[0] < RINGING_HZ[1]
    return None if part_of_one or ringing or recording.kind in NOT_LEARNED else False


def _is_beep(beep: BeepTruth, tone: Tone) -> bool | None:
    length = tone.end_ms - tone.start_ms
    common = min(tone.end_ms, beep.end_ms) - max(tone.start_ms, beep.start_ms)
    if beep.kind == "doubled":  # either burst, or both
        whole = common > 0.7 * length and common > 0.175 * beep.length_ms
        return True if whole else None if common > 0 else False
    to_its_end = tone.end_ms > beep.end_ms - max(40.0, 0.3 * beep.length_ms)
    if common > 0.5 * beep.length_ms and common > 0.5 * length and to_its_end:
        return True
    return None if common > 0.2 * length else False


def recordings(home: Path) -> Iterator[tuple[Recording, Samples]]:
    tree = fetch(home)
    for seed in SEEDS:
        yield from corpus.generate(tree, "tuning", seed)


def write(path: Path, before: float, trees: list[str]) -> None:
    """The module's text stays, its trees are replaced."""
    head, _, _ = path.read_text().partition("_BEFORE: Final = ")
    path.write_text(
        f'{head}_BEFORE: Final = {before:.3f}\n"""Before any figure is looked at: beeps are rare."""\n'
        "_FOREST: Final[tuple[Tree, ...]] = (\n" + "".join(f"    {tree},\n" for tree in trees) + ")\n"
    )


def _text(nodes: Any, k: int) -> str:
    node = nodes[k]
    if node["is_leaf"]:
        return f"{node['value']:.3f}"
    low, high = _text(nodes, node["left"]), _text(nodes, node["right"])
    return f"({node['feature_idx']}, {node['num_threshold']:.4g}, {low}, {high})"


def main() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=default_home())
    home = parser.parse_args().cache
    figures: list[Evidence] = []
    labels: list[bool] = []
    weights: list[float] = []
    for recording, samples in recordings(home):
        for tone in Ear().listen(samples):
            is_beep = label(recording, tone)
            if is_beep is None:
                continue
            figures.append(tone.evidence)
            labels.append(is_beep)
            weights.append(1.0)
            if is_beep and tone.evidence.since_speech_s < NEVER_S:
                figures.append(tone.evidence._replace(since_speech_s=NEVER_S))
                labels.append(True)
                weights.append(UNHEARD_WEIGHT)
    directions = [(name in MORE_IS_BETTER) - (name in LESS_IS_BETTER) for name in Evidence._fields]
    model = HistGradientBoostingClassifier(**GROWTH, monotonic_cst=directions)
    model.fit(np.asarray(figures, np.float64), np.asarray(labels), sample_weight=np.asarray(weights))
    trees = [_text(step[0].nodes, 0) for step in model._predictors]
    write(Path(dsp.forest.__file__), float(model._baseline_prediction.ravel()[0]), trees)


if __name__ == "__main__":
    main()
