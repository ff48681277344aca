"""``python -m tests.bench.verdict``: make the labelled set, judge every clip of its held-out half, write the report."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
from rich.console import Console

from dsp import AnswerListener, Detector
from dsp.holes import HoleFiller
from tests.bench.detection import asterisk_server
from tests.bench.detection.ears import FRAME_MS, FRAME_SAMPLES
from tests.bench.detection.recipe import RATE_HZ, SPLITS
from tests.bench.detection.sources import default_home
from tests.bench.detection.waves import Samples
from tests.bench.verdict import amd, clips, corpus, recipe, report, score
from tests.bench.verdict.clips import Clip
from tests.bench.verdict.score import Mark, Said
from voicedrop.lab.site import site

REPORT_COLUMNS: Final = 160
"""How wide the report is where no terminal says so, as in a file."""
SAY_EVERY: Final = 500


def main() -> None:
    options = _options()
    console = Console(width=None if sys.stdout.isatty() else REPORT_COLUMNS)
    place = corpus.ensure(options.cache, options.split, options.seed, options.scale, console.print)
    found = clips.load(place / "clips.jsonl")
    marks = []
    for clip in found:
        marks.append(Mark(clip=clip, said=judge(_read(place, clip))))
        if len(marks) % SAY_EVERY == 0:
            console.print(f"{len(marks)} of {len(found)} clips judged")
    results: dict[str, Any] = {
        "split": options.split,
        **score.figures(marks),
        "corpus": json.loads((place / "facts.json").read_text()),
        "detector_version": Detector.VERSION,
        "python": platform.python_version(),
        "confusion": score.confusion(marks),
        "by_part": score.by_part(marks),
        "playing": score.playing(marks),
        "complaints": score.complaints(marks),
    }
    if not options.no_asterisk:
        results |= asterisk(place, found, console)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    report.show(results, console)
    console.print(f"written to {options.out}")


def judge(samples: Samples) -> tuple[Said, ...]:
    """Our verdicts on a clip, fed as a live call's tap feeds it: frames of 20 ms, holes filled."""
    listener, filler = AnswerListener(), HoleFiller()
    said = []
    for k in range(len(samples) // FRAME_SAMPLES):
        for filled in filler.feed(samples[k * FRAME_SAMPLES : (k + 1) * FRAME_SAMPLES]):
            said += [
                Said(kind=one.kind, reason=one.reason, confidence=one.confidence, t_ms=(k + 1) * FRAME_MS)
                for one in listener.feed(filled)
            ]
    return tuple(said)


def asterisk(place: Path, found: list[Clip], console: Console) -> dict[str, Any]:
    """AMD()'s figures, if the lab's Asterisk is on this machine; says so if it is not."""
    lab = site()
    missing = asterisk_server.obstacle(lab)
    if missing is not None:
        console.print(f"Asterisk's AMD() is left out: {missing}", soft_wrap=True)
        return {}
    said = amd.run(lab, [partial(_read, place, clip) for clip in found], console.print)
    marks = [Mark(clip=clip, said=(one,)) for clip, one in zip(found, said, strict=True)]
    return {
        **score.figures(marks, "amd_"),
        "amd_confusion": score.confusion(marks),
        "amd_by_part": score.by_part(marks),
    }


def _read(place: Path, clip: Clip) -> Samples:
    samples, rate = soundfile.read(place / clip.file, dtype="int16")
    if rate != RATE_HZ:
        raise ValueError(f"{clip.file} is not 8 kHz")
    return np.asarray(samples, np.int16)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.verdict", description=__doc__)
    parser.add_argument("--split", choices=SPLITS, default="heldout")
    parser.add_argument("--seed", type=int, default=recipe.SEED)
    parser.add_argument("--scale", type=float, default=1.0, help="a share of the set, for trying things out")
    parser.add_argument("--no-asterisk", action="store_true", help="leave Asterisk's AMD() out")
    parser.add_argument("--cache", type=Path, default=default_home(), help="where sources and clips are kept")
    parser.add_argument("--out", type=Path, default=Path("var/bench/verdict.json"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
