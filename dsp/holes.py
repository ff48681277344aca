"""Holes in a live stream: frames of silence that Asterisk put in where a packet was late."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Frame = npt.NDArray[np.int16]

MOST: Final = 2
"""Frames that are filled in a row. Two are held back for 40 ms, within the 55 ms for which a tone must be gone before
it was a beep, so that nothing is declared later."""
MOST_IN_BAD: Final = 4
"""The same in a bad stream, where an end is declared 40 ms later for it. Of 1000 frames in the midst of sound, over 5 %
loss and 30 ms jitter, three zeros in a row began at 5.8, which is a beep in fifty cut short; four at 0.2."""
RECENT: Final = 50
"""Frames of sound and holes, 1 s without the silence between, in which a bad stream shows itself..."""
BAD: Final = 6
"""...by so many holes that cut sound off. Of 140 taps over the bad network above each had 8 or more at its end, 13 on
average; 5 % loss alone makes 2.5, and no three in a row. Of 373 clean prompts of Asterisk's none ever had 3."""
EDGE_SAMPLES: Final = 40
EDGE_LOUD: Final = 32
"""A hole cuts sound off where the nearest 5 ms on both sides reach this, -60 dBFS. A far end's own silence has quiet
edges: 14 of the prompts would look bad without this rule; 16 and 100 do as well."""


def is_zeros(frame: Frame) -> bool:
    """Is a frame, int16 of shape (n,), n > 0, nothing but zeros? One look tells of most that it is not."""
    return not (frame.item(0) or frame.any())


def _is_cut(before: Frame, behind: Frame) -> bool:
    """Does sound go up to the hole between these two?"""
    edges = before[-EDGE_SAMPLES:], behind[:EDGE_SAMPLES]
    return all(edge.max() >= EDGE_LOUD or edge.min() <= -EDGE_LOUD for edge in edges)


class HoleFiller:
    """Puts the frame before a hole in its place.

    Asterisk reads a leg every 20 ms, and where nothing has come it puts a frame of zeros; what came late follows behind
    it. Up to `MOST` such frames between others are taken for a hole, or `MOST_IN_BAD` where holes came lately; more
    for silence. Frames are int16 of shape (n,), of any n > 0; as many samples come out as went in. Delay: none while
    there is sound; frames of zeros are held back until it is told what they are.

    In the lab (5 % loss, 30 ms jitter) it was the holes, not the losses, that hid beeps: of 16 recorded taps the
    detector heard 9 beeps with them and 16 without (tones of 700 to 1400 Hz, all whole numbers of cycles in a frame).
    """

    def __init__(self) -> None:
        self._before: Frame | None = None
        self._held: list[Frame] = []
        self._recent = 0  # a bit for each of the last `RECENT` frames, 1 for a hole

    def feed(self, frame: Frame) -> list[Frame]:
        """Take a frame as it came; what to hear, in order, maybe nothing yet."""
        if not is_zeros(frame):
            self._note(frame)
            filled = [*(self._like(held) for held in self._held), frame]
            self._before, self._held = frame, []
            return filled
        if self._before is not None and len(self._held) < self._most:
            self._held.append(frame)
            return []
        silent = [*self._held, frame]
        self._before, self._held = None, []
        return silent

    @property
    def _most(self) -> int:
        return MOST_IN_BAD if self._recent.bit_count() >= BAD else MOST

    def _note(self, frame: Frame) -> None:
        """Sound has come, maybe behind holes. Silence tells nothing of the network, and is left out."""
        cut = self._before is not None and self._held and _is_cut(self._before, frame)
        holes = len(self._held) if cut else 0
        ones = (1 << holes) - 1
        self._recent = ((self._recent << holes | ones) << 1) & ((1 << RECENT) - 1)

    def _like(self, hole: Frame) -> Frame:
        assert self._before is not None
        return np.resize(self._before, hole.shape)
