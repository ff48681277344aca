"""The ear: samples in, detections out."""

import math
from collections.abc import Sequence
from typing import ClassVar

from dsp.events import Detection, SpeechStarted
from dsp.names import ToneNamer
from dsp.past import Past
from dsp.progress import ProgressMemory
from dsp.recent import Recent, Samples, blocks
from dsp.settings import DetectorSettings
from dsp.silence import SilenceFinder
from dsp.spectrum import Hop, Stream
from dsp.speech import SpeechFinder
from dsp.tones import BeepFinder


class Detector:
    """Hears beeps, speech, silence and the tones of the network in one telephone stream.

    Input: int16, mono, 8 kHz, shape (n,), any n including 0. However the stream is cut, the detections are the
    same, at the same stream times (frequencies and levels to 0.01). State is bounded. Delay: see `BeepFinder` and
    `SpeechFinder`; up to 80 samples (10 ms) wait for their hop to be complete.
    """

    VERSION: ClassVar[str] = "3"
    """Goes into receipts: the same version and settings say the same of the same audio."""

    def __init__(self, settings: DetectorSettings | None = None) -> None:
        self.settings = settings or DetectorSettings()
        self.stream = Stream()
        self._memory = ProgressMemory(self.settings.progress)
        self._past = Past()
        self._beeps = BeepFinder(self.settings.tone, self._memory, self._past, self.stream.recent)
        self._speech = SpeechFinder(self.settings.speech)
        self._naming = Naming(self.stream.recent) if self.settings.names else None

    @property
    def now_ms(self) -> float:
        """Stream time: the end of the samples fed so far."""
        return self.stream.now_ms

    def feed(self, samples: Samples) -> list[Detection]:
        """Take samples, int16 of shape (n,), and say what has been heard, in order."""
        found: list[Detection] = []
        for block in blocks(samples):
            found += self.hear(self.stream.feed(block))
        return found

    def hear(self, hops: Sequence[Hop]) -> list[Detection]:
        """Take what `stream` has measured: the second half of `feed`. No more may have been measured yet."""
        found: list[Detection] = []
        beeps, speech, naming = self._beeps, self._speech, self._naming
        for hop in hops:
            self._past.feed(hop)
            if beeps.cares(hop):
                found += beeps.feed(hop, floor_dbfs=speech.floor_dbfs, spoke_ms=speech.spoke_ms)
            said = speech.feed(hop, in_tone=beeps.hears_tone)
            if said is not None:
                found.append(said)
                if isinstance(said, SpeechStarted):
                    self._memory.forget()
            if naming is not None:
                found += naming.feed(hop, floor_dbfs=speech.floor_dbfs, spoken=speech.spoke_ms > -math.inf)
        return found


class Naming:
    """What a drop does not ask for: the network's tones by name, and silence."""

    def __init__(self, recent: Recent) -> None:
        self._names = ToneNamer(recent)
        self._silence = SilenceFinder()

    def feed(self, hop: Hop, *, floor_dbfs: float, spoken: bool) -> list[Detection]:
        """Take the next hop; say how loud the noise floor is, and whether anybody has ``spoken`` so far."""
        found: list[Detection] = [*self._names.feed(hop, spoken=spoken)]
        silence = self._silence.feed(hop, floor_dbfs=floor_dbfs, in_tone=self._names.hears_tone)
        if silence is not None:
            found.append(silence)
        return found
