"""How the audio of a tap arrives, and whether its time goes on with the clock's."""

from __future__ import annotations

RATE = 8000


class Arrivals:
    """Counts the frames of one live stream. `now` is any monotonic time in seconds.

    Asterisk's snoop gives a frame at each tick of a timer, silence where the far end's RTP has brought nothing. So
    stream time falls behind only by the ticks that a busy machine misses, and a late frame is this machine's doing.
    """

    def __init__(self) -> None:
        self.frames = 0
        self.silent_frames = 0
        """Frames of nothing but zeros: what the snoop puts in, and a far end's digital silence."""
        self.longest_gap_ms = 0.0
        """Between two frames that followed each other."""
        self.behind_ms = 0.0
        """How far stream time was behind the clock at the last frame, both counted from the first frame."""
        self._samples = 0
        self._first_at = self._last_at = 0.0

    def note(self, samples: int, now: float, *, silent: bool) -> None:
        """A frame of so many samples came at `now`; `silent`: it was nothing but zeros."""
        if self.frames:
            self.longest_gap_ms = max(self.longest_gap_ms, (now - self._last_at) * 1000)
            self._samples += samples
        else:
            self._first_at = now
        self._last_at = now
        self.frames += 1
        self.silent_frames += silent
        self.behind_ms = (now - self._first_at) * 1000 - self._samples * 1000 / RATE
