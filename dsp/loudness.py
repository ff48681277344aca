"""How loud speech is, ten times a second."""

import math
from typing import Final

from dsp.events import SpeechLevel
from dsp.spectrum import HOP_MS

BLOCK_MS: Final = 100.0
"""Long enough for a syllable's loudest part, short enough to tell a voice from the one behind it."""
BLOCK_HOPS: Final = round(BLOCK_MS / HOP_MS)


class Loudness:
    """Hops of one stretch of speech in, their level out."""

    def __init__(self) -> None:
        self._hops = 0
        self._power = 0.0

    def begin(self) -> None:
        """Speech begins; blocks count from here."""
        self._hops, self._power = 0, 0.0

    def feed(self, at_ms: float, dbfs: float | None) -> SpeechLevel | None:
        """Take the hop that ended at ``at_ms``: its level, or None if it was not speech."""
        self._hops += 1
        if dbfs is not None:
            self._power += 10 ** (dbfs / 10)
        if self._hops < BLOCK_HOPS:
            return None
        power = self._power / BLOCK_HOPS
        self.begin()
        return SpeechLevel(at_ms=at_ms, level_dbfs=10 * math.log10(power)) if power > 0 else None
