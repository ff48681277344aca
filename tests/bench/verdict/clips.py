"""One answered call of the labelled set: what is true about it, and a tape on which its sounds are put."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.detection.recipe import RATE_HZ, Split
from tests.bench.detection.waves import Sound, add, count

PER_MS = RATE_HZ / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """Times in ms from the answer, which is where the file begins."""

    file: str
    split: Split
    kind: str
    what: str
    """The answer's or the greeting's kind, the announcement's, the fax's."""
    layout: str
    voice: str
    duration_ms: float
    first_ms: float | None = None
    """Where the first word (or tone) begins."""
    first_end_ms: float | None = None
    """Where the first answer, or the greeting, ends."""
    beep_ms: tuple[float, float] | None = None
    line: dict[str, Any] = field(default_factory=dict)


class Tape:
    """Sounds one after another."""

    def __init__(self) -> None:
        self._placed: list[tuple[int, Sound]] = []
        self._at = 0

    @property
    def at_ms(self) -> float:
        return self._at / PER_MS

    def pause(self, ms: float) -> None:
        self._at += count(ms)

    def put(self, sound: Sound) -> None:
        self._placed.append((self._at, sound))
        self._at += len(sound)

    def under(self, start_ms: float, sound: Sound) -> None:
        """Elsewhere, without moving on."""
        self._placed.append((count(start_ms), sound))

    def mixed(self) -> Sound:
        whole = np.zeros(self._at)
        for start, sound in self._placed:
            add(whole, sound, start)
        return whole


def write(path: Path, clips: Iterable[Clip]) -> None:
    """One clip a line."""
    path.write_text("".join(json.dumps(asdict(clip)) + "\n" for clip in clips))


def load(path: Path) -> list[Clip]:
    """What `write` wrote."""
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return [Clip(**{**one, "beep_ms": tuple(one["beep_ms"]) if one["beep_ms"] else None}) for one in found]
