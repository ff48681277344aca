"""Silence: nothing stands out from the noise floor."""

from typing import Final

from dsp.events import Silence
from dsp.spectrum import HOP_MS, WINDOW_CENTRE_MS, Hop

_MARGIN_DB: Final = 8.0
"""Louder than the floor by so much is something: noise itself moves by 2 dB in 32 ms."""
_FAINTEST_DBFS: Final = -52.0
"""What is fainter is silence, whatever the floor: speech is not looked for there either."""
_CLICK_HOPS: Final = 4
"""A click fills so many windows. More in a row end the silence."""


class SilenceFinder:
    """Hops in, `Silence` out, once for each stretch, when it has lasted ``after_ms``."""

    def __init__(self, after_ms: float = 1000.0) -> None:
        self._after_ms = after_ms
        self._start_ms = 0.0
        self._loud = 0
        self._said = False

    def feed(self, hop: Hop, *, floor_dbfs: float, in_tone: bool) -> Silence | None:
        """Take the next hop; ``in_tone`` says that a tone goes on, which the floor may have risen to."""
        if in_tone or (hop.dbfs > _FAINTEST_DBFS and hop.dbfs > floor_dbfs + _MARGIN_DB):
            self._loud += 1
            if self._loud > _CLICK_HOPS:
                self._start_ms = hop.end_ms - WINDOW_CENTRE_MS + HOP_MS / 2
                self._said = False
            return None
        self._loud = 0
        if self._said or hop.end_ms - WINDOW_CENTRE_MS - self._start_ms < self._after_ms:
            return None
        self._said = True
        return Silence(at_ms=hop.end_ms, start_ms=self._start_ms, level_dbfs=floor_dbfs)
