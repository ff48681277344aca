"""The newest samples of a stream, for the few tones that are worth a second look."""

from collections import deque
from typing import Final

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

PER_MS: Final = 8
_KEPT_SAMPLES: Final = 2200 * PER_MS
"""The longest beep (1750 ms), what is looked at before it (60 ms), and how long it must be gone (170 ms), with some
to spare."""
_ROUND_SAMPLES: Final = 500 * PER_MS
"""So often old ones are let go."""


class Recent:
    """Pieces of a stream as they came, not copied: feeding costs next to nothing. They must not be changed later."""

    def __init__(self) -> None:
        self._pieces: deque[Samples] = deque()
        self._first = 0
        """The stream's number of the first sample kept."""
        self._since = 0
        """So many have come since old ones were let go."""

    def feed(self, samples: Samples) -> None:
        """Take the next samples, int16 of shape (n,). What is asked for next is near some sample of these."""
        if len(samples):
            self._pieces.append(samples)
            self._since += len(samples)
            if self._since >= _ROUND_SAMPLES:
                self._let_go()

    def _let_go(self) -> None:
        self._since = 0
        pieces = self._pieces
        spare = sum(map(len, pieces)) - len(pieces[-1]) - _KEPT_SAMPLES
        while spare >= len(pieces[0]):
            gone = len(pieces.popleft())
            self._first += gone
            spare -= gone

    def between(self, start_ms: float, end_ms: float) -> tuple[float, Samples]:
        """Samples from one stream time to another, as far as they are there; and the stream time of the first."""
        skip = max(0, int(start_ms * PER_MS) - self._first)
        stop = int(end_ms * PER_MS) - self._first
        found: list[Samples] = []
        at = 0
        for piece in self._pieces:
            if at >= stop:
                break
            if at + len(piece) > skip:
                found.append(piece[max(0, skip - at) : stop - at])
            at += len(piece)
        joined = np.concatenate(found) if found else np.zeros(0, np.int16)
        return (self._first + skip) / PER_MS, joined

    def until(self, end_ms: float, n: int) -> Samples:
        """The ``n`` samples before a stream time, or as many of them as are there."""
        return self.between(end_ms - n / PER_MS, end_ms)[1]
