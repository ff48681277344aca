"""Makes the labelled set in the cache directory, once for each seed and version of the recipe."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from tests.bench.detection.recipe import RATE_HZ, SPLITS, Split
from tests.bench.detection.sources import Say, Tree, fetch, versions
from tests.bench.detection.waves import Samples
from tests.bench.verdict import clips, flite, machines, people, recipe
from tests.bench.verdict.clips import Clip
from tests.bench.verdict.speakers import Speakers


def folder(home: Path, seed: int, scale: float) -> Path:
    """Where the set of this seed is; a smaller one, for trying things out, is another."""
    size = "" if scale == 1 else f"-x{scale:g}"
    return home / f"verdict-v{recipe.VERSION}-{seed}{size}"


def ensure(home: Path, split: Split, seed: int = recipe.SEED, scale: float = 1.0, say: Say = print) -> Path:
    """The folder of one half, made if it is not there: ``*.flac`` and ``clips.jsonl``."""
    place = folder(home, seed, scale) / split
    if (place / "facts.json").is_file():
        return place
    tree, flite_home = fetch(home, say), flite.fetch(home, say)
    place.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    made = []
    for clip, samples in generate(tree, flite_home, split, seed, scale):
        soundfile.write(place / clip.file, samples, RATE_HZ, subtype="PCM_16")
        digest.update(samples.tobytes())
        made.append(clip)
        if len(made) % 200 == 0:
            say(f"{split}: {len(made)} clips made")
    clips.write(place / "clips.jsonl", made)
    facts = {"seed": seed, "version": recipe.VERSION, "sha256": digest.hexdigest(), "sources": versions(home)}
    (place / "facts.json").write_text(json.dumps(facts, indent=1))
    return place


def generate(
    tree: Tree, flite_home: Path, split: Split, seed: int, scale: float = 1.0
) -> Iterator[tuple[Clip, Samples]]:
    """Every clip of a half in its order. Each has its own random numbers, whatever came before it."""
    speakers = Speakers(tree, flite_home, split)
    plan = [kind for kind, n in recipe.COUNTS[split].items() for _ in range(max(1, round(n * scale)))]
    for number, kind in enumerate(plan):
        rng = np.random.default_rng([seed, SPLITS.index(split), number])
        name = f"{number:04d}-{kind}"
        if kind == "human":
            yield people.make(tree, speakers, rng, name, split)
        else:
            yield machines.make(tree, speakers, rng, kind, name, split)
