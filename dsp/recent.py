"""The newest samples of a stream: for the windows, and for the few tones that are worth a second look."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

PER_MS: Final = 8
_KEPT_SAMPLES: Final = 2200 * PER_MS
"""The longest beep (1750 ms), what is looked at before it (60 ms), and how long it must be gone (170 ms), with some
to spare."""
BLOCK_SAMPLES: Final = 500 * PER_MS
"""What is listened to at once is no longer: of more the beginning would be gone before it can be looked at again."""

_ROOM: Final = _KEPT_SAMPLES + BLOCK_SAMPLES


def blocks(samples: Samples) -> Iterator[Samples]:
    """Samples of shape (n,) in pieces that may be listened to at once."""
    for at in range(0, len(samples), BLOCK_SAMPLES):
        yield samples[at : at + BLOCK_SAMPLES]


class Recent:
    """The last 2.2 s of a stream and up to half a second more, copied; before its first sample there is silence."""

    def __init__(self) -> None:
        self._kept: Samples = np.zeros(_ROOM, np.int16)
        self._end = _KEPT_SAMPLES
        """So many of these are filled; the newest sample is the last of them."""
        self._first = -_KEPT_SAMPLES
        """The stream's number of the first of them; what has a number below 0 is the silence."""

    def feed(self, samples: Samples, before: int = 0) -> Samples:
        """Take the next samples, int16 of shape (n,), no more than `BLOCK_SAMPLES`. Gives them with so many ``before``
        them: a view that is good until more come."""
        start, n = self._end, len(samples)
        if start + n > _ROOM:
            start = self._let_go()
        self._end = end = start + n
        self._kept[start:end] = samples
        return self._kept[start - before : end]

    def _let_go(self) -> int:
        self._first += self._end - _KEPT_SAMPLES
        self._kept[:_KEPT_SAMPLES] = self._kept[self._end - _KEPT_SAMPLES : self._end].copy()
        self._end = _KEPT_SAMPLES
        return self._end

    def between(self, start_ms: float, end_ms: float) -> tuple[float, Samples]:
        """Samples from one stream time to another, as far as they are there; and the stream time of the first."""
        first = max(0, self._first, int(start_ms * PER_MS))
        stop = min(self._end, max(0, int(end_ms * PER_MS) - self._first))
        return first / PER_MS, self._kept[first - self._first : stop]

    def until(self, end_ms: float, n: int) -> Samples:
        """The ``n`` samples before a stream time, or as many of them as are there."""
        return self.between(end_ms - n / PER_MS, end_ms)[1]
