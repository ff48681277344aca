"""The ear: samples in, detections out."""

import math
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from dsp.events import Detection, SpeechStarted
from dsp.names import ToneNamer
from dsp.progress import ProgressMemory
from dsp.settings import DetectorSettings
from dsp.silence import SilenceFinder
from dsp.spectrum import Spectrum
from dsp.speech import SpeechFinder
from dsp.tones import BeepFinder


class Detector:
    """Hears beeps, speech, silence and the tones of the network in one telephone stream.

    Input: int16, mono, 8 kHz, shape (n,), any n including 0. However the stream is cut, the detections are
    the same, at the same stream times. State is bounded. Delay: see `BeepFinder` and `SpeechFinder`; up to 80
    samples (10 ms) wait for their hop to be complete.
    """

    VERSION: ClassVar[str] = "2"
    """Goes into receipts: the same version and settings say the same of the same audio."""

    def __init__(self, settings: DetectorSettings | None = None) -> None:
        self.settings = settings or DetectorSettings()
        self._spectrum = Spectrum()
        self._memory = ProgressMemory(self.settings.progress)
        self._beeps = BeepFinder(self.settings.tone, self._memory)
        self._speech = SpeechFinder(self.settings.speech)
        self._names = ToneNamer()
        self._silence = SilenceFinder()

    @property
    def now_ms(self) -> float:
        """Stream time: the end of the samples fed so far."""
        return self._spectrum.now_ms

    def feed(self, samples: npt.NDArray[np.int16]) -> list[Detection]:
        """Take samples, int16 of shape (n,), and say what has been heard, in order."""
        found: list[Detection] = []
        self._names.hear(samples)
        for hop in self._spectrum.feed(samples):
            found += self._beeps.feed(hop, floor_dbfs=self._speech.floor_dbfs, spoke_ms=self._speech.spoke_ms)
            for detection in self._speech.feed(hop, in_tone=self._beeps.hears_tone):
                if isinstance(detection, SpeechStarted):
                    self._memory.forget()
                found.append(detection)
            found += self._names.feed(hop, spoken=self._speech.spoke_ms > -math.inf)
            silence = self._silence.feed(hop, floor_dbfs=self._speech.floor_dbfs, in_tone=self._names.hears_tone)
            if silence is not None:
                found.append(silence)
        return found
