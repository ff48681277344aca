"""A tone on its own behind a greeting, too short or too rough to be called a beep."""

from typing import Final

from dsp.spectrum import HOP_MS, WINDOW_CENTRE_MS, Hop

TONALITY: Final = 0.9
_TONAL_SHARE: Final = 0.7
"""Of its windows; the first and the last are half empty, and GSM and Opus smear them."""
_FEWEST_HOPS: Final = 4
"""A beep of 40 ms is heard in so many windows."""
_MOST_HOPS: Final = 120
_LOWEST_HZ: Final = 380.0
_LULL_MS: Final = 80.0
"""What is no further apart is one sound."""


class LoneTone:
    """Hops in; the last sound that was a tone from its beginning to its end, while nothing has followed it."""

    def __init__(self) -> None:
        self._from_ms = 0.0
        self._last_ms = 0.0
        self._active = self._tonal = 0
        self.ended_ms: float | None = None
        """Where it ended; None if there is none, or something else has sounded since."""

    def feed(self, hop: Hop, *, active: bool) -> None:
        """Take the next hop; ``active`` says that it stands out from the noise."""
        at_ms = hop.end_ms - WINDOW_CENTRE_MS
        if not active:
            if self._active and at_ms - self._last_ms >= _LULL_MS:
                is_tone = self._tonal >= _TONAL_SHARE * self._active
                if _FEWEST_HOPS <= self._active <= _MOST_HOPS and is_tone:
                    self.ended_ms = self._last_ms + HOP_MS / 2
                elif self._active >= _FEWEST_HOPS:
                    self.ended_ms = None
                self._active = self._tonal = 0
            return
        self._active += 1
        self._tonal += hop.tonality >= TONALITY and hop.first_hz >= _LOWEST_HZ
        self._last_ms = at_ms
