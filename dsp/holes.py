"""Holes in a live stream: frames of silence that Asterisk put in where a packet was late."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Frame = npt.NDArray[np.int16]

MOST: Final = 2
"""Frames that are filled in a row. Two are held back for 40 ms, within the 55 ms for which a tone must be gone before
it was a beep, so that nothing is declared later. Three would delay it by 20 ms."""


def is_zeros(frame: Frame) -> bool:
    """Is a frame, int16 of shape (n,), n > 0, nothing but zeros? One look tells of most that it is not."""
    return not (frame.item(0) or frame.any())


class HoleFiller:
    """Puts the frame before a hole in its place.

    Asterisk reads a leg every 20 ms, and where nothing has come it puts a frame of zeros; what came late follows behind
    it. Up to `MOST` such frames between others are taken for a hole, more for silence. Frames are int16 of
    shape (n,), of any n > 0; as many samples come out as went in. Delay: none while there is sound, up to `MOST`
    frames of zeros are held back until the next frame tells what they are.

    In the lab (5 % loss, 30 ms jitter) it was the holes, not the losses, that hid beeps: of 16 recorded taps the
    detector heard 9 beeps with them and 16 without (tones of 700 to 1400 Hz, all whole numbers of cycles in a frame).
    """

    def __init__(self) -> None:
        self._before: Frame | None = None
        self._held: list[Frame] = []

    def feed(self, frame: Frame) -> list[Frame]:
        """Take a frame as it came; what to hear, in order, maybe nothing yet."""
        if not is_zeros(frame):
            filled = [*(self._like(held) for held in self._held), frame]
            self._before, self._held = frame, []
            return filled
        if self._before is not None and len(self._held) < MOST:
            self._held.append(frame)
            return []
        silent = [*self._held, frame]
        self._before, self._held = None, []
        return silent

    def _like(self, hole: Frame) -> Frame:
        assert self._before is not None
        return np.resize(self._before, hole.shape)
