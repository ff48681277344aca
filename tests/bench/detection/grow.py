"""``python -m tests.bench.detection.grow``: grow `dsp/forest.py` and `dsp/doubt.py` anew from the tuning half.

Needs scikit-learn, which nothing else does. Takes the corpus's tuning half and more recordings of the same recipe,
voices and split with other seeds; the held-out half is never read. Call progress, SIT, DTMF and fax are left out.

Before it grows the forest from all tones it grows one for each fold from the tones of the others, and says what a
detector with it would have heard in the fold: no voice and no piece of music is in two folds. The votes of those
forests also say about which tones the forest will be in doubt: from these the second trees grow, in the same folds.
`least_vote` is the least of `THRESHOLDS` whose false triggers there keep to `MOST_FALSE_PER_H`.
"""

from __future__ import annotations

import argparse
import math
import pickle
import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

import dsp.doubt
import dsp.forest
from dsp.doubt import DOUBT
from dsp.events import SpeechStarted
from dsp.evidence import NEVER_S, Evidence
from dsp.past import Past
from dsp.progress import Burst, ProgressMemory
from dsp.recent import Recent, blocks
from dsp.settings import DetectorSettings
from dsp.sharpness import Sharpness
from dsp.spectrum import Stream
from dsp.speech import SpeechFinder
from dsp.tones import BeepFinder
from dsp.track import Stage, Track
from tests.bench.detection import corpus, recipe, score
from tests.bench.detection.ears import FRAME_MS, FRAME_SAMPLES
from tests.bench.detection.manifest import BeepTruth, Recording
from tests.bench.detection.sources import default_home, fetch
from tests.bench.detection.waves import Samples

SEEDS: Final = (recipe.SEED, 777, 778, 779, 780, 781)
NOT_LEARNED: Final = frozenset({"call_progress", "fax", "sit", "dtmf"})
RINGING_HZ: Final = (380.0, 500.0)
MORE_IS_BETTER: Final = ("hops", "purity", "raw_purity", "rise_db", "fall_db", "noise_db", "quiet_hops")
LESS_IS_BETTER: Final = (
    *("jitter_hz", "wobble_db", "slope_hz_per_s", "slow_hz", "fast_hz", "slow_db"),
    *("crowd", "bridged", "width", "attack_db", "tones", "tones_s", "clear_now", "clear"),
)
UNHEARD_WEIGHT: Final = 0.25
"""Each beep counts so much once more as if nobody had spoken before it: the ear may have come late."""
GROWTH: Final[dict[str, Any]] = {
    "max_iter": 250,
    "learning_rate": 0.08,
    "max_leaf_nodes": 6,
    "l2_regularization": 2.0,
    "min_samples_leaf": 12,
    "early_stopping": False,
    "random_state": 0,
}
SECOND_MORE_IS_BETTER: Final = ("first", "rise_db", "drop_db")
SECOND_LESS_IS_BETTER: Final = ("attack_ms", "release_ms")
SECOND_GROWTH: Final[dict[str, Any]] = {**GROWTH, "max_iter": 60, "max_leaf_nodes": 4, "min_samples_leaf": 15}
LEARNED_DOUBT: Final = (DOUBT[0] - 2.0, DOUBT[1] + 4.0)
"""A little more than they will be asked about: there are few."""
LISTENED_HOPS: Final = 4
"""Tones of so many hops are noted; of `ToneSettings.fewest_hops`, learned."""
SCOUTS: Final = 30
HOPELESS: Final = -5.5
"""Tones that a first forest of so few trees gives less (most of all: voices) are thinned out..."""
THINNED: Final = 8
"""...to each so many-th, with so much weight."""
FOLDS: Final = 4
THRESHOLDS: Final = (-2.0, -1.75, -1.5, -1.25, -1.0, -0.75, -0.5, -0.25, 0.0, 0.5, 1.0)
MOST_FALSE_PER_H: Final = {"fa_speech_per_h": 0.5, "fa_all_per_h": 4.0}
"""For speech the target, though the trees of all folds know a third more voices; for all less than the target (5),
since other music may be worse."""


class Tone(NamedTuple):
    start_ms: float
    end_ms: float
    at_ms: float
    """When it was judged."""
    frequencies_hz: tuple[float, ...]
    evidence: Evidence
    network: bool
    """Call progress, whatever the forest says."""
    sharp: Sharpness


class NotingFinder(BeepFinder):
    """Notes every tone that it judges; it is convinced of beeps and nothing else, so no older forest has a say."""

    def __init__(self, memory: ProgressMemory, past: Past, recent: Recent, recording: Recording) -> None:
        super().__init__(replace(DetectorSettings().tone, fewest_hops=LISTENED_HOPS), memory, past, recent)
        self.tones: list[Tone] = []
        self._recording = recording
        self._now_ms = 0.0

    def _convinces(self, track: Track, end_ms: float, now_ms: float) -> bool:
        self._now_ms = now_ms
        return self._evidence(track, end_ms) is not None and label(self._recording, self.tones[-1]) is True

    def _evidence(self, track: Track, end_ms: float) -> Evidence | None:
        evidence = super()._evidence(track, end_ms)
        if evidence is not None:
            burst = Burst(track.frequencies_hz(), track.onset_ms(), end_ms)
            network = (
                track.stage is Stage.CALL_PROGRESS
                or self._memory.is_cadence(burst)
                or self._sit_goes_on(track)
                or (
                    track.stage is Stage.CANDIDATE
                    and (
                        self._memory.is_progress(burst.frequencies_hz, burst.start_ms)
                        or self._follows_living_sit(track)
                    )
                )
            )
            sharp = self._sharpness(track, end_ms, self._now_ms)
            self.tones.append(
                Tone(burst.start_ms, end_ms, self._now_ms, burst.frequencies_hz, evidence, network, sharp)
            )
        return evidence


def listen(recording: Recording, samples: Samples) -> list[Tone]:
    """What `dsp.Detector` would judge in a recording."""
    settings = DetectorSettings()
    memory, past = ProgressMemory(settings.progress), Past()
    stream, speech = Stream(), SpeechFinder(settings.speech)
    finder = NotingFinder(memory, past, stream.recent, recording)
    whole = len(samples) // FRAME_SAMPLES * FRAME_SAMPLES
    for block in blocks(samples[:whole]):
        for hop in stream.feed(block):
            past.feed(hop)
            if finder.cares(hop):
                finder.feed(hop, floor_dbfs=speech.floor_dbfs, spoke_ms=speech.spoke_ms)
            if isinstance(speech.feed(hop, in_tone=finder.hears_tone), SpeechStarted):
                memory.forget()
    return finder.tones


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


class Heard(NamedTuple):
    """A recording, whom or what it has, and its tones."""

    recording: Recording
    group: str
    tones: list[Tone]


def hear(home: Path, seed: int) -> list[Heard]:
    """All recordings of a seed; the recordings stay in the cache."""
    kept = home / f"grow-v{recipe.VERSION}-{seed}.pickle"
    if not kept.is_file():
        made = list(corpus.generate(fetch(home), "tuning", seed))
        kept.write_bytes(pickle.dumps(made))
    recordings: list[tuple[Recording, Samples]] = pickle.loads(kept.read_bytes())
    return [
        Heard(recording, _group(seed, number, recording), listen(recording, samples))
        for number, (recording, samples) in enumerate(recordings)
    ]


def _group(seed: int, number: int, recording: Recording) -> str:
    """Those of one group are in one fold: a voice, with the children made of it; a piece of music; or a recording."""
    if recording.kind == "music":
        # As `negatives.make` draws: the level, then the piece.
        rng = np.random.default_rng([seed, recipe.SPLITS.index("tuning"), number])
        rng.uniform(*recipe.SPEECH_DBFS)
        return recipe.MUSIC["tuning"][int(rng.integers(len(recipe.MUSIC["tuning"])))]
    voice = recording.voice.removeprefix("child_")
    return voice.rsplit("_", 1)[0] if voice.startswith("espeak") else voice or f"{seed} {recording.file}"


class Rows(NamedTuple):
    """What is learned from: shapes (n, figures), (n,), (n,), (n,)."""

    figures: npt.NDArray[np.float64]
    labels: npt.NDArray[np.bool_]
    weights: npt.NDArray[np.float64]
    folds: npt.NDArray[np.int64]


def fold_of(group: str) -> int:
    return zlib.crc32(group.encode()) % FOLDS


def rows_of(heard: Iterable[Heard]) -> Rows:
    rows: list[tuple[Evidence, bool, float, int]] = []
    for recording, group, tones in heard:
        for tone in tones:
            is_beep = label(recording, tone)
            if is_beep is None:
                continue
            rows.append((tone.evidence, is_beep, 1.0, fold_of(group)))
            if is_beep and tone.evidence.since_speech_s < NEVER_S:
                rows.append((tone.evidence._replace(since_speech_s=NEVER_S), True, UNHEARD_WEIGHT, fold_of(group)))
    return _thinned(
        Rows(
            np.asarray([row[0] for row in rows], np.float64),
            np.asarray([row[1] for row in rows]),
            np.asarray([row[2] for row in rows]),
            np.asarray([row[3] for row in rows]),
        )
    )


def _thinned(rows: Rows) -> Rows:
    scouts = grown(rows, np.ones(len(rows.labels), np.bool_), SCOUTS)
    hopeless = (scouts.decision_function(rows.figures) < HOPELESS) & ~rows.labels
    kept = ~hopeless | (np.cumsum(hopeless) % THINNED == 0)
    weights = np.where(hopeless, THINNED, rows.weights)
    return Rows(rows.figures[kept], rows.labels[kept], weights[kept], rows.folds[kept])


def doubtful_rows(heard: Iterable[Heard], votes: Iterable[Sequence[float]]) -> Rows:
    """What the second trees learn from: tones of which forests that did not know them said this."""
    rows: list[tuple[tuple[float, ...], bool, int]] = []
    for one, said in zip(heard, votes, strict=True):
        for tone, vote in zip(one.tones, said, strict=True):
            is_beep = label(one.recording, tone)
            if is_beep is not None and LEARNED_DOUBT[0] <= vote < LEARNED_DOUBT[1]:
                rows.append(((vote, *tone.sharp), is_beep, fold_of(one.group)))
    return Rows(
        np.asarray([row[0] for row in rows], np.float64),
        np.asarray([row[1] for row in rows]),
        np.ones(len(rows)),
        np.asarray([row[2] for row in rows]),
    )


def grown(rows: Rows, chosen: npt.NDArray[np.bool_], trees: int = GROWTH["max_iter"]) -> Any:
    """A forest from the chosen rows."""
    directions = [(name in MORE_IS_BETTER) - (name in LESS_IS_BETTER) for name in Evidence._fields]
    return _fitted(rows, chosen, {**GROWTH, "max_iter": trees}, directions)


def second_grown(rows: Rows, chosen: npt.NDArray[np.bool_]) -> Any:
    """Second trees from the chosen rows."""
    names = ("first", *Sharpness._fields)
    directions = [(name in SECOND_MORE_IS_BETTER) - (name in SECOND_LESS_IS_BETTER) for name in names]
    return _fitted(rows, chosen, SECOND_GROWTH, directions)


def _fitted(rows: Rows, chosen: npt.NDArray[np.bool_], growth: dict[str, Any], directions: list[int]) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(**growth, monotonic_cst=directions)
    return model.fit(rows.figures[chosen], rows.labels[chosen], sample_weight=rows.weights[chosen])


def unseen_votes(heard: Sequence[Heard], rows: Rows) -> list[list[float]]:
    """For each recording's tones: what a forest says that has not seen the voice or the music."""
    votes: list[list[float]] = [[] for _ in heard]
    for fold in range(FOLDS):
        model = grown(rows, rows.folds != fold)
        here = [k for k, one in enumerate(heard) if fold_of(one.group) == fold and one.tones]
        said = iter(model.decision_function(np.asarray([t.evidence for k in here for t in heard[k].tones])).tolist())
        for k in here:
            votes[k] = [next(said) for _ in heard[k].tones]
    return votes


def cross_validated(
    heard: Sequence[Heard], votes: Sequence[Sequence[float]], doubtful: Rows
) -> list[tuple[float, dict[str, Any]]]:
    """For each threshold: what detectors would have done whose trees had not seen the voice or the music."""
    second = [second_grown(doubtful, doubtful.folds != fold) for fold in range(FOLDS)]
    judged: list[list[tuple[float, float]]] = [[] for _ in heard]  # (at_ms, vote)
    for k, (one, said) in enumerate(zip(heard, votes, strict=True)):
        for tone, first in zip(one.tones, said, strict=True):
            if tone.network or first < DOUBT[0]:
                continue
            vote = first
            if first < DOUBT[1]:
                vote = float(second[fold_of(one.group)].decision_function([(first, *tone.sharp)])[0])
            judged[k].append((math.ceil(tone.at_ms / FRAME_MS - 1e-9) * FRAME_MS, vote))
    return [
        (
            threshold,
            score.summary(
                [
                    score.mark(one.recording, sorted(at for at, vote in found if vote >= threshold))
                    for one, found in zip(heard, judged, strict=True)
                ]
            ),
        )
        for threshold in THRESHOLDS
    ]


def write(path: Path, model: Any) -> None:
    """The module's text stays, its trees are replaced."""
    before = float(model._baseline_prediction.ravel()[0])
    trees = [_text(step[0].nodes, 0) for step in model._predictors]
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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=default_home())
    parser.add_argument("--jobs", type=int, default=1, help="so many seeds at once")
    parser.add_argument("--tones", type=Path, help="take the tones from here, or keep them here")
    options = parser.parse_args()
    if options.tones and options.tones.is_file():
        heard: list[Heard] = pickle.loads(options.tones.read_bytes())
    else:
        with ProcessPoolExecutor(options.jobs) as pool:
            heard = [one for seed in pool.map(hear, [options.cache] * len(SEEDS), SEEDS) for one in seed]
        if options.tones:
            options.tones.write_bytes(pickle.dumps(heard))
    fewest = DetectorSettings().tone.fewest_hops
    heard = [one._replace(tones=[tone for tone in one.tones if tone.evidence.hops >= fewest]) for one in heard]
    rows = rows_of(heard)
    print(f"{len(heard)} recordings, {len(rows.labels)} tones, {int(rows.labels.sum())} of beeps", flush=True)
    chosen: float | None = None
    votes = unseen_votes(heard, rows)
    doubtful = doubtful_rows(heard, votes)
    print(f"{len(doubtful.labels)} doubtful tones, {int(doubtful.labels.sum())} of beeps", flush=True)
    for threshold, figures in cross_validated(heard, votes, doubtful):
        fits = all(figures[key] <= most for key, most in MOST_FALSE_PER_H.items())
        chosen = threshold if chosen is None and fits else chosen
        print(threshold, figures, flush=True)
    print(f"least_vote: {chosen}")
    model = grown(rows, np.ones(len(rows.labels), np.bool_))
    partial = model.staged_decision_function(rows.figures[rows.labels])
    early = next(votes for number, votes in enumerate(partial, 1) if number == dsp.forest._SCOUTS)
    whole = model.decision_function(rows.figures[rows.labels])
    print(f"least of a beep's votes after {dsp.forest._SCOUTS} trees: {early[whole >= DOUBT[0]].min():.2f}")
    write(Path(dsp.forest.__file__), model)
    write(Path(dsp.doubt.__file__), second_grown(doubtful, np.ones(len(doubtful.labels), np.bool_)))


if __name__ == "__main__":
    main()
