"""One line of JSON for each recording: what is in it, and what is true about it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.detection.recipe import Split


@dataclass(frozen=True, slots=True, kw_only=True)
class BeepTruth:
    """Where a beep is, in ms from the file's start, and what it is."""

    start_ms: float
    end_ms: float
    kind: str
    source: str
    hz: tuple[float, ...]
    dbfs: float

    @property
    def length_ms(self) -> float:
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A file of the corpus."""

    file: str
    """Relative to the manifest."""
    split: Split
    kind: str
    """``mailbox``, or the class of a beep-free recording."""
    layout: str
    """Of a mailbox; empty otherwise."""
    voice: str
    duration_ms: float
    beeps: tuple[BeepTruth, ...] = ()
    """In order; the last one starts the recording."""
    greeting_end_ms: float | None = None
    """Where the last word ends."""
    record_start_ms: float | None = None
    """From here on the mailbox records; None for what is no mailbox."""
    line: dict[str, Any] = field(default_factory=dict)
    """Codec, loss, noise and so on: see `line.Line`."""
    note: str = ""

    @property
    def record_beep(self) -> BeepTruth | None:
        """The beep that counts."""
        return self.beeps[-1] if self.beeps else None


def write(path: Path, recordings: Iterable[Recording]) -> None:
    """One recording a line."""
    path.write_text("".join(json.dumps(asdict(recording)) + "\n" for recording in recordings))


def load(path: Path) -> list[Recording]:
    """What `write` wrote."""
    return [_recording(json.loads(line)) for line in path.read_text().splitlines()]


def _recording(facts: dict[str, Any]) -> Recording:
    beeps = tuple(BeepTruth(**{**beep, "hz": tuple(beep["hz"])}) for beep in facts.pop("beeps"))
    return Recording(**facts, beeps=beeps)
