"""Where the loudest voice of a call was heard: stretches of speech, without who is in the background."""

from collections import deque
from typing import Final, NamedTuple

from dsp.events import Detection, SpeechEnded, SpeechLevel, SpeechStarted
from dsp.loudness import BLOCK_MS

_MOST_BLOCKS: Final = 1200
"""Two minutes of speech: a verdict never looks further back."""


class Stretch(NamedTuple):
    """A voice without a pause in it."""

    start_ms: float
    end_ms: float

    @property
    def length_ms(self) -> float:
        return self.end_ms - self.start_ms


class _Block(NamedTuple):
    start_ms: float
    end_ms: float
    level_dbfs: float


class VoiceTrack:
    """Speech detections in, stretches of the voice out.

    The voice is what is less than ``background_db`` below the second loudest block of 100 ms: TV, or somebody in the
    room, neither holds it up nor counts as part of it. Pauses shorter than ``join_ms`` do not divide a stretch.
    """

    def __init__(self, background_db: float, join_ms: float) -> None:
        self._background_db = background_db
        self._join_ms = join_ms
        self._blocks: deque[_Block] = deque(maxlen=_MOST_BLOCKS)

    def clear(self) -> None:
        self._blocks.clear()

    def feed(self, detection: Detection) -> bool:
        """Take a detection; does it change what has been heard?"""
        match detection:
            case SpeechStarted():
                self._blocks.append(_Block(detection.start_ms, detection.at_ms, detection.level_dbfs))
            case SpeechLevel():
                self._blocks.append(_Block(detection.at_ms - BLOCK_MS, detection.at_ms, detection.level_dbfs))
            case SpeechEnded() if self._blocks:
                last = self._blocks[-1]
                self._blocks[-1] = last._replace(end_ms=max(last.start_ms, min(last.end_ms, detection.end_ms)))
            case _:
                return False
        return True

    def stretches(self) -> list[Stretch]:
        """All of the voice so far, in order."""
        levels = sorted(block.level_dbfs for block in self._blocks)
        if not levels:
            return []
        faintest_dbfs = levels[-2 if len(levels) > 1 else -1] - self._background_db
        found: list[Stretch] = []
        for block in self._blocks:
            if block.level_dbfs < faintest_dbfs:
                continue
            if found and block.start_ms - found[-1].end_ms < self._join_ms:
                found[-1] = Stretch(found[-1].start_ms, block.end_ms)
            else:
                found.append(Stretch(block.start_ms, block.end_ms))
        return found
