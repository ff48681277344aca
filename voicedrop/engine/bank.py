"""The ears of all live taps, served in ticks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
import structlog

from dsp import Detection, DetectorBank, DetectorSettings

log = structlog.get_logger(__name__)

RATE: Final = 8000
TICK_S: Final = 0.02
"""Frames of 20 ms that arrive within so much of one another are listened to together, which costs less
(`make bench-taps`); a beep is heard 10 ms later on average..."""
FEW: Final = 24
"""...unless there are so few taps, which wait for nothing."""
_MOST_FRAMES: Final = 50
"""A second of one tap: no more is kept, were the loop ever so late."""

Samples = npt.NDArray[np.int16]
OnHeard = Callable[[list[Detection], float], None]


class LiveEar:
    """One tap's place in the bank."""

    def __init__(self, bank: LiveBank, on_heard: OnHeard) -> None:
        self._bank = bank
        self.on_heard = on_heard
        self.arrived_at = 0.0
        self.fed_ms = 0.0
        """Stream time: the end of the frames so far."""
        self.frames: list[Samples] = []

    def feed(self, samples: Samples) -> None:
        """Take a frame, int16 of shape (n,), 8 kHz, that has just arrived."""
        self.arrived_at = self._bank.now()
        self.fed_ms += len(samples) * 1000 / RATE
        self.frames.append(samples)
        self._bank.wake(self)

    def close(self) -> None:
        """Nothing is said any more. Safe to call twice."""
        self._bank.forget(self)


class LiveBank:
    """`DetectorBank` on the event loop. Its owner closes every ear; it has no task of its own."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self._bank: DetectorBank[LiveEar] = DetectorBank(DetectorSettings(names=False))  # no drop asks for them
        self._ears: set[LiveEar] = set()
        self._waiting: dict[LiveEar, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def open(self, on_heard: OnHeard) -> LiveEar:
        """A new stream. `on_heard` gets detections in order, and when the last frame that brought them arrived."""
        ear = LiveEar(self, on_heard)
        self._bank.add(ear)
        self._ears.add(ear)
        return ear

    def forget(self, ear: LiveEar) -> None:
        """See `LiveEar.close`."""
        if ear in self._ears:
            self._ears.remove(ear)
            self._bank.remove(ear)
            self._waiting.pop(ear, None)

    def wake(self, ear: LiveEar) -> None:
        """There are frames to listen to."""
        if ear not in self._ears:
            ear.frames.clear()
            return
        self._waiting[ear] = None
        if len(ear.frames) >= _MOST_FRAMES:
            self._listen()
        elif self._timer is None:
            delay_s = TICK_S if len(self._ears) > FEW else 0.0
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._listen)

    def _listen(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        samples = {}
        for ear in self._waiting:
            samples[ear] = ear.frames[0] if len(ear.frames) == 1 else np.concatenate(ear.frames)
            ear.frames = []
        self._waiting.clear()
        for ear, detections in self._bank.feed(samples).items():
            try:
                if ear in self._ears:  # what one says may close another
                    ear.on_heard(detections, ear.arrived_at)
            except Exception:
                # One call's mistake; all others are still to hear theirs.
                log.exception("hearing_failed")
