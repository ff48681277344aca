"""A drop's message as its ear must know it, to tell the echo from a voice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import structlog

from dsp import BeepEnded, BeepStarted
from dsp.echo import RATE_HZ, EchoFinder

log = structlog.get_logger(__name__)


class MessageEcho:
    """`call.cue.EchoEar` of one message. Until it is read, and where it cannot be, any sound is foreign.

    `now` is the clock by which the times of `begin` count.
    """

    def __init__(self, file: Path, now: Callable[[], float]) -> None:
        self._file = file
        self._now = now
        self._finder: EchoFinder | None = None
        self._began_at: float | None = None
        """Of a start that the finder has not been told of."""

    async def read(self) -> None:
        """Read the message's samples, off the loop: a drop does not wait for the disk."""
        try:
            message, _ = await asyncio.to_thread(soundfile.read, self._file, dtype="int16")
        except (soundfile.LibsndfileError, OSError) as error:
            log.warning("echo_unknown", file=str(self._file), error=str(error))
            return
        self._finder = EchoFinder(np.asarray(message, np.int16))

    def begin(self, at: float) -> None:
        """Asterisk began to play the message at `at`: now, or long ago, in an earlier run of the engine."""
        self._began_at = at

    def feed(self, samples: npt.NDArray[np.int16]) -> None:
        """What the tap brings, int16, mono, 8 kHz."""
        if self._finder is None:
            return
        if self._began_at is not None:
            played_s = self._now() - self._began_at - len(samples) / RATE_HZ
            self._finder.begin(max(0.0, played_s) * 1000)
            self._began_at = None
        self._finder.feed(samples)

    def foreign(self) -> bool:
        return self._finder is None or self._finder.foreign()

    def is_own_tone(self, tone: BeepStarted | BeepEnded) -> bool:
        return self._finder is not None and self._finder.is_own_tone(tone)
