"""Makes the corpus in the cache directory, once for each seed and version of the recipe."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from tests.bench.detection import mailboxes, manifest, negatives, recipe
from tests.bench.detection.manifest import Recording
from tests.bench.detection.recipe import Split
from tests.bench.detection.sources import Say, Tree, fetch, versions
from tests.bench.detection.voices import Cast
from tests.bench.detection.waves import Samples


def folder(home: Path, seed: int, scale: float) -> Path:
    """Where the corpus of this seed is; a smaller one, for trying things out, is another."""
    size = "" if scale == 1 else f"-x{scale:g}"
    return home / f"corpus-v{recipe.VERSION}-{seed}{size}"


def ensure(home: Path, seed: int = recipe.SEED, scale: float = 1.0, say: Say = print) -> Path:
    """The folder of the corpus, made if it is not there: ``<split>/*.wav``, ``<split>/manifest.jsonl``."""
    place = folder(home, seed, scale)
    if (place / "corpus.json").is_file():
        return place
    tree = fetch(home, say)
    facts: dict[str, object] = {"seed": seed, "version": recipe.VERSION, "sources": versions(home)}
    for split in recipe.SPLITS:
        (place / split).mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        recordings = []
        for recording, samples in generate(tree, split, seed, scale):
            soundfile.write(place / split / recording.file, samples, recipe.RATE_HZ, subtype="PCM_16")
            digest.update(samples.tobytes())
            recordings.append(recording)
            if len(recordings) % 50 == 0:
                say(f"{split}: {len(recordings)} recordings made")
        manifest.write(place / split / "manifest.jsonl", recordings)
        facts[f"{split}_sha256"] = digest.hexdigest()
    (place / "corpus.json").write_text(json.dumps(facts, indent=2))
    return place


def generate(tree: Tree, split: Split, seed: int, scale: float = 1.0) -> Iterator[tuple[Recording, Samples]]:
    """Every recording of a split in its order. Each has its own random numbers, whatever came before it."""
    cast = Cast(tree, split)
    for number, (kind, layout) in enumerate(plan(scale)):
        rng = np.random.default_rng([seed, recipe.SPLITS.index(split), number])
        name = f"{number:04d}-{layout or kind}"
        if kind == "mailbox":
            yield mailboxes.make(tree, cast, rng, layout, name, split)
        else:
            yield negatives.make(tree, cast, rng, kind, name, split)


def plan(scale: float = 1.0) -> list[tuple[str, str]]:
    """What is made: (kind, layout) of each recording; at least one of each whatever the scale."""
    kinds = [("mailbox", layout) for layout, n in recipe.LAYOUTS.items() for _ in range(max(1, round(n * scale)))]
    return kinds + [(kind, "") for kind, n in recipe.NEGATIVES.items() for _ in range(max(1, round(n * scale)))]
