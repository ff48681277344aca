"""A drop's message as its ear must know it, to tell the echo from a voice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import structlog

from dsp.echo import EchoFinder

log = structlog.get_logger(__name__)


class MessageEcho:
    """`call.cue.EchoEar` of one message. Until it is read, and where it cannot be, any voice is foreign."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._finder: EchoFinder | None = None

    async def read(self) -> None:
        """Read the message's samples, off the loop: a drop does not wait for the disk."""
        try:
            message, _ = await asyncio.to_thread(soundfile.read, self._file, dtype="int16")
        except (soundfile.LibsndfileError, OSError) as error:
            log.warning("echo_unknown", file=str(self._file), error=str(error))
            return
        self._finder = EchoFinder(np.asarray(message, np.int16))

    def begin(self) -> None:
        """Asterisk says that the message plays: its first sample leaves about now."""
        if self._finder is not None:
            self._finder.begin()

    def feed(self, samples: npt.NDArray[np.int16]) -> None:
        """What the tap brings, int16, mono, 8 kHz."""
        if self._finder is not None:
            self._finder.feed(samples)

    def foreign(self, weakest_dbfs: float) -> bool:
        """See `EchoFinder.foreign`."""
        return self._finder is None or self._finder.foreign(weakest_dbfs)
