"""The protocol by which any detector can be scored, and ours behind it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar, Protocol

from dsp import BeepEnded, Detection, Detector
from dsp.holes import HoleFiller
from tests.bench.detection.waves import Samples

FRAME_SAMPLES = 160
FRAME_MS = 20.0


class Ear(Protocol):
    """A detector under test, fresh for every stream."""

    title: ClassVar[str]

    def feed(self, frame: Samples) -> int:
        """Take 20 ms, int16 of shape (160,); how many beeps are declared to be over (or there) just now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What an ear declared in one recording."""

    at_ms: tuple[float, ...]
    """Stream times of the declarations: the end of the frame that brought each, as on a live call."""
    cpu_s: float


class OurEar:
    """`dsp.Detector`, fed as a live call's tap feeds it; a declaration is a `BeepEnded`."""

    title: ClassVar[str] = "ours"

    def __init__(self) -> None:
        self._detector, self._filler = Detector(), HoleFiller()
        self.detections: list[list[Detection]] = []
        """What each frame brought."""

    def feed(self, frame: Samples) -> int:
        found = [one for filled in self._filler.feed(frame) for one in self._detector.feed(filled)]
        self.detections.append(found)
        return sum(isinstance(detection, BeepEnded) for detection in found)


def listen(ear: Ear, samples: Samples) -> Heard:
    """Run a recording through the ear in frames of 20 ms; a last part of a frame is left out."""
    at_ms: list[float] = []
    began = time.process_time()
    for k in range(len(samples) // FRAME_SAMPLES):
        declared = ear.feed(samples[k * FRAME_SAMPLES : (k + 1) * FRAME_SAMPLES])
        at_ms += [(k + 1) * FRAME_MS] * declared
    return Heard(at_ms=tuple(at_ms), cpu_s=time.process_time() - began)
