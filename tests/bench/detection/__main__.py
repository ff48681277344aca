"""``python -m tests.bench.detection``: make the corpus, run every detector over it, write the report."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
from rich.console import Console

from dsp import Detection, Detector
from tests.bench.detection import (
    asterisk,
    asterisk_server,
    banks,
    corpus,
    cues,
    manifest,
    names,
    recipe,
    report,
    ringcentral,
    score,
)
from tests.bench.detection.baselines import CommercialRules, GoertzelBank
from tests.bench.detection.ears import Ear, OurEar, listen
from tests.bench.detection.manifest import Recording
from tests.bench.detection.sources import default_home, fetch
from tests.bench.detection.waves import Samples
from voicedrop.lab.site import site
from voicedrop.offline.imagined import CueEvent

REPORT_COLUMNS: Final = 160
"""How wide the report is where no terminal says so, as in a file."""
EARS: Final[tuple[type[Ear], ...]] = (OurEar, GoertzelBank, CommercialRules)


def main() -> None:
    options = _options()
    console = Console(width=None if sys.stdout.isatty() else REPORT_COLUMNS)
    place = corpus.ensure(options.cache, options.seed, options.scale, console.print)
    splits = recipe.SPLITS if options.split == "both" else (options.split,)
    ears = EARS[:1] if options.only_ours else EARS
    results: dict[str, Any] = {
        "corpus": json.loads((place / "corpus.json").read_text()),
        "detector_version": Detector.VERSION,
        "python": platform.python_version(),
        "splits": {
            split: run(place / split, ears, console, options.cache, options.seed, others=not options.only_ours)
            for split in splits
        },
    }
    if not (options.only_ours or options.no_asterisk) and "heldout" in splits:
        add_asterisk(place / "heldout", results["splits"]["heldout"], console)
    # The held-out figures of ours are the report's own.
    chosen = results["splits"].get("heldout", results["splits"][splits[0]])
    results = {"split": splits[-1], **chosen["detectors"][0], **chosen["cue"], "tones": chosen["tones"], **results}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    report.show(results, console)
    console.print(f"written to {options.out}")


def run(
    folder: Path, ears: tuple[type[Ear], ...], console: Console, home: Path, seed: int, *, others: bool
) -> dict[str, Any]:
    """Every detector over one split."""
    recordings = manifest.load(folder / "manifest.jsonl")
    played = names.truths(fetch(home, console.print), recordings, seed)
    named: list[names.NameMark] = []
    marks: list[list[score.Mark]] = [[] for _ in ears]
    starts: list[tuple[Recording, ringcentral.Cue | None]] = []
    did: list[tuple[Recording, list[CueEvent]]] = []
    true_beeps: list[cues.Start] = []
    details = []
    with console.status(f"{folder.name}: listening"):
        for recording in recordings:
            samples = _read(folder / recording.file)
            for ear, into in zip(ears, marks, strict=True):
                listener = ear()
                heard = listen(listener, samples)
                into.append(score.mark(recording, heard.at_ms, heard.cpu_s))
                if ear is ears[0]:
                    details.append({"file": recording.file, "declared_ms": heard.at_ms})
                if isinstance(listener, OurEar):
                    said: list[Detection] = [one for frame in listener.detections for one in frame]
                    named.append(names.mark(recording, played[recording.file], said))
                    if recording.kind == "mailbox":
                        did.append((recording, cues.events(listener.detections)))
                        true = cues.with_true_beeps(recording, listener.detections)
                        true_beeps.append(cues.start(recording, cues.events(true)))
            if others and recording.kind == "mailbox":
                starts.append((recording, ringcentral.cue_of(samples)))
    rows = [{"detector": ear.title, **score.summary(done)} for ear, done in zip(ears, marks, strict=True)]
    drops = [cues.start(recording, events) for recording, events in did]
    in_bank = banks.cost(recordings, lambda recording: _read(folder / recording.file))
    rows[0]["cpu_s_per_h_bank"] = in_bank["200"]
    return {
        "cpu_s_per_h_bank_by_streams": in_bank,
        "detectors": rows,
        "cue": cues.summary(drops),
        "cue_by_layout": cues.by_layout(drops),
        "cue_with_true_beeps": cues.summary(true_beeps),
        "tones": names.table(named),
        "tones_lost": names.complaints(named),
        "by_class": score.by_class(marks[0]),
        "baselines_by_class": {
            row["detector"]: score.by_class(done) for row, done in zip(rows[1:], marks[1:], strict=True)
        },
        "ringcentral": ringcentral.summary(starts),
        "lost": [_complaint(m, detail) for m, detail in zip(marks[0], details, strict=True) if _is_bad(m)],
        "cue_lost": cues.complaints(drops, [events for _, events in did], true_beeps),
    }


def add_asterisk(folder: Path, results: dict[str, Any], console: Console) -> None:
    """Asterisk's own detectors over the split, if the lab's Asterisk is on this machine; says so if it is not."""
    lab = site()
    missing = asterisk_server.obstacle(lab)
    if missing is not None:
        console.print(f"Asterisk's own detectors are left out: {missing}", soft_wrap=True)
        return
    recordings = manifest.load(folder / "manifest.jsonl")
    sounds = [_read(folder / recording.file) for recording in recordings]
    for title, marks in asterisk.run(lab, recordings, sounds, console.print):
        results["detectors"].append({"detector": title, **score.summary(marks)})
        results["baselines_by_class"][title] = score.by_class(marks)


def _is_bad(m: score.Mark) -> bool:
    if m.recording.record_beep is not None:
        return not m.usable or m.premature
    return m.premature or m.false_triggers > 0


def _complaint(m: score.Mark, detail: dict[str, Any]) -> dict[str, Any]:
    """A recording on which ours did badly, with what is needed to look at it."""
    beep = m.recording.record_beep
    return {
        **detail,
        "class": m.recording.layout or m.recording.kind,
        "hit": m.hit,
        "premature": m.premature,
        "beep": None if beep is None else [beep.kind, beep.hz, beep.start_ms, beep.end_ms, beep.dbfs],
        "line": m.recording.line,
    }


def _read(path: Path) -> Samples:
    samples, rate = soundfile.read(path, dtype="int16")
    if rate != recipe.RATE_HZ:
        raise ValueError(f"{path} is not 8 kHz")
    return np.asarray(samples, np.int16)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.detection", description=__doc__)
    parser.add_argument("--split", choices=("both", *recipe.SPLITS), default="both")
    parser.add_argument("--seed", type=int, default=recipe.SEED)
    parser.add_argument("--scale", type=float, default=1.0, help="a share of the corpus, for trying things out")
    parser.add_argument("--only-ours", action="store_true", help="leave the baselines out")
    parser.add_argument("--no-asterisk", action="store_true", help="leave Asterisk's own detectors out")
    parser.add_argument("--cache", type=Path, default=default_home(), help="where sources and corpus are kept")
    parser.add_argument("--out", type=Path, default=Path("var/bench/detection.json"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
