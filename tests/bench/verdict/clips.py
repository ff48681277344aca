"""One answered call of the labelled set: what is true about it, and a tape on which its sounds are put."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.bench.detection.recipe import RATE_HZ, Split
from tests.bench.detection.waves import Sound, add, count

PER_MS: Final = RATE_HZ / 1000
SPOKEN_SHARE: Final = 1e-3
JOIN_MS: Final = 60.0


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
    spoken_ms: tuple[tuple[float, float], ...] = ()
    """Where the callee or the machine really speaks, without who is in the background."""
    beep_ms: tuple[float, float] | None = None
    line: dict[str, Any] = field(default_factory=dict)


class Tape:
    """Sounds one after another."""

    def __init__(self) -> None:
        self._placed: list[tuple[int, Sound]] = []
        self._spoken: list[tuple[int, Sound]] = []
        self._at = 0

    @property
    def at_ms(self) -> float:
        return self._at / PER_MS

    def spoken_ms(self) -> tuple[tuple[float, float], ...]:
        """Where what was put is louder than 30 dB below its loudest 10 ms; pauses below 60 ms are part of it."""
        found: list[tuple[float, float]] = []
        for start, sound in self._spoken:
            blocks = sound[: len(sound) // 80 * 80].reshape(-1, 80)
            power = np.mean(blocks**2, axis=1)
            for k in np.flatnonzero(power > np.max(power, initial=0.0) * SPOKEN_SHARE):
                at = start / PER_MS + float(k) * 10
                if found and at - found[-1][1] < JOIN_MS:
                    found[-1] = (found[-1][0], at + 10)
                else:
                    found.append((at, at + 10))
        return tuple((round(a), round(b)) for a, b in found)

    def pause(self, ms: float) -> None:
        self._at += count(ms)

    def say(self, sound: Sound) -> None:
        """Put words."""
        self._spoken.append((self._at, sound))
        self.put(sound)

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
    return [_clip(json.loads(line)) for line in path.read_text().splitlines()]


def _clip(facts: dict[str, Any]) -> Clip:
    beep = facts.pop("beep_ms")
    spoken = tuple((start, end) for start, end in facts.pop("spoken_ms"))
    return Clip(**facts, beep_ms=tuple(beep) if beep else None, spoken_ms=spoken)
