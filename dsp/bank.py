"""Many ears at once."""

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

from dsp.detector import Detector
from dsp.events import Detection
from dsp.settings import DetectorSettings
from dsp.spectrum import Samples, feed_streams

Key = TypeVar("Key", bound=Hashable)


class DetectorBank(Generic[Key]):
    """A `Detector` for each of many streams, all measured in one pass: a fraction of the work of one after another.

    Streams come and go and are fed in any pieces, each as if it had a detector to itself: the same detections at the
    same stream times (frequencies and levels to 0.01, for sums are made in another order).
    """

    def __init__(self, settings: DetectorSettings | None = None) -> None:
        self._settings = settings or DetectorSettings()
        self._detectors: dict[Key, Detector] = {}

    def __len__(self) -> int:
        return len(self._detectors)

    def add(self, stream: Key) -> None:
        """A new stream, of which nothing has been heard.

        Raises:
            ValueError: it is there already.
        """
        if stream in self._detectors:
            raise ValueError(f"stream {stream!r} is in the bank already")
        self._detectors[stream] = Detector(self._settings)

    def remove(self, stream: Key) -> None:
        """No more of this stream.

        Raises:
            KeyError: it is not there.
        """
        del self._detectors[stream]

    def feed(self, samples: Mapping[Key, Samples]) -> dict[Key, list[Detection]]:
        """Take new samples, int16 of shape (n,), of some streams: what has been heard in those where anything was.

        Raises:
            KeyError: there is no such stream. Nothing has been fed then.
        """
        detectors = [self._detectors[stream] for stream in samples]
        hops = feed_streams([detector.stream for detector in detectors], list(samples.values()))
        said: dict[Key, list[Detection]] = {}
        for stream, detector, new in zip(samples, detectors, hops, strict=True):
            detections = detector.hear(new)
            if detections:
                said[stream] = detections
        return said
