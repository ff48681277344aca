"""The ear: samples in, detections out; of one stream, or of many in one pass."""

from collections.abc import Sequence
from itertools import islice
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from dsp.events import Detection, SpeechStarted
from dsp.progress import ProgressMemory
from dsp.settings import DetectorSettings
from dsp.spectrum import Cutter, Hop, measure
from dsp.speech import SpeechFinder
from dsp.tones import BeepFinder

Samples = npt.NDArray[np.int16]


class Detector:
    """Hears beeps and speech in one telephone stream.

    Input: int16, mono, 8 kHz, shape (n,), any n including 0. However the stream is cut, the detections are
    the same, at the same stream times. State is bounded. Delay: see `BeepFinder` and `SpeechFinder`; up to 80
    samples (10 ms) wait for their hop to be complete.
    """

    VERSION: ClassVar[str] = "3"
    """Goes into receipts: the same version and settings say the same of the same audio."""

    def __init__(self, settings: DetectorSettings | None = None) -> None:
        self.settings = settings or DetectorSettings()
        self._cutter = Cutter()
        self._memory = ProgressMemory(self.settings.progress)
        self._beeps = BeepFinder(self.settings.tone, self._memory)
        self._speech = SpeechFinder(self.settings.speech)

    @property
    def now_ms(self) -> float:
        """Stream time: the end of the samples fed so far."""
        return self._cutter.now_ms

    def feed(self, samples: Samples) -> list[Detection]:
        """Take samples, int16 of shape (n,), and say what has been heard, in order."""
        return self._hear(measure(*self._cutter.cut(samples)))

    def _hear(self, hops: Sequence[Hop]) -> list[Detection]:
        found: list[Detection] = []
        for hop in hops:
            found += self._beeps.feed(hop, floor_dbfs=self._speech.floor_dbfs, spoke_ms=self._speech.spoke_ms)
            said = self._speech.feed(hop, in_tone=self._beeps.hears_tone)
            if said is not None:
                found.append(said)
                if isinstance(said, SpeechStarted):
                    self._memory.forget()
        return found


def feed_all(detectors: Sequence[Detector], samples: Sequence[Samples]) -> list[list[Detection]]:
    """Feed each detector its samples; what each has heard, as if it had been fed alone.

    The windows of all streams are measured in one pass, which costs a fraction of one after another. Samples
    are as in `Detector.feed`, each of any length; a detector may be named only once.
    """
    cuts = [detector._cutter.cut(new) for detector, new in zip(detectors, samples, strict=True)]
    if not cuts:
        return []
    ends = [end for _, ends in cuts for end in ends]
    hops = iter(measure(np.concatenate([windows for windows, _ in cuts]), ends))
    return [detector._hear(list(islice(hops, len(ends)))) for detector, (_, ends) in zip(detectors, cuts, strict=True)]
