"""One stream of the bench into one AudioSocket channel, and where in it the channel declares."""

from __future__ import annotations

import itertools
import os
import queue
import select
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from tests.bench.detection.asterisk_meter import Meter
from tests.bench.detection.ears import FRAME_SAMPLES
from tests.bench.detection.waves import Samples
from voicedrop.errors import LabError

# AudioSocket's messages: kind, length of what follows (big-endian), that. See asterisk/res_audiosocket.h.
_AUDIO: Final = 0x10
_HANG_UP: Final = b"\0\0\0"
_HEADER: Final = struct.Struct(">BH")
FRAME_BYTES: Final = _HEADER.size + 2 * FRAME_SAMPLES
FRAMES_AT_ONCE: Final = 60
"""Sent at once, 19 kB, when no more than as many wait unread and nothing is on its way: then TCP sends them in one
piece. Asterisk hangs up on half a message whose other half takes more than 5 ms."""
PAUSE_S: Final = 0.0002
"""Between looks at how much was read; a channel reads 60 frames in 300 to 600 µs."""
STALL_S: Final = 60.0
"""A channel that reads nothing for so long is taken to be lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """What a channel does with the stream: the dialplan's context, and the tone that it listens for."""

    context: str
    hz: int = 0
    ms: int = 0
    db: int = 1
    """By how much the tone must be louder than all else."""


class Stream:
    """Played by one thread with `play`; `connected` and `declared` come from others."""

    def __init__(self, gates: Sequence[Path]) -> None:
        self._gates = itertools.cycle(gates)
        self._connections: queue.SimpleQueue[socket.socket] = queue.SimpleQueue()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK)
        self.said: list[tuple[str, ...]] = []
        """What came with each declaration."""

    def connected(self, connection: socket.socket) -> None:
        self._connections.put(connection)

    def declared(self, words: Sequence[str]) -> None:
        """The channel declares something; ``words`` is what it says besides."""
        self.said.append(tuple(words))
        os.eventfd_write(self._bell, 1)

    def close(self) -> None:
        os.close(self._bell)

    def play(self, samples: Samples, connect_timeout_s: float) -> list[int]:
        """All whole frames of the stream; how many of them were read at each declaration.

        Raises:
            LabError: nothing connected, or not all of it was read.
        """
        try:
            connection = self._connections.get(timeout=connect_timeout_s)
        except queue.Empty:
            raise LabError("Asterisk did not call for a stream of the bench") from None
        with connection:
            meter = Meter(connection)
            try:
                return self._play(connection, meter, samples)
            except OSError as error:
                raise LabError(f"a channel ended before its stream did: {error}") from error
            finally:
                meter.close()

    def _play(self, connection: socket.socket, meter: Meter, samples: Samples) -> list[int]:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        total = len(samples) // FRAME_SAMPLES
        sent = 0
        at: list[int] = []
        moved = time.monotonic()
        while True:
            # Behind the last frame there is nothing to look for but a declaration or the end.
            pause_s = PAUSE_S if sent <= total else STALL_S
            ready, _, _ = select.select([self._bell, connection], [], [], pause_s)
            if self._bell in ready:
                os.eventfd_read(self._bell)
                at.append(self._frames_read(meter))
                self._open_gate()
                moved = time.monotonic()
            elif connection in ready:
                # The channel says nothing itself: this is its end, and an error if it left some of the stream unread.
                if connection.recv(1) or sent <= total:
                    raise LabError(f"a channel ended before its stream did, after {min(sent, total)} of {total} frames")
                return at
            elif time.monotonic() - moved > STALL_S:
                raise LabError(f"a channel stopped reading its stream after {self._frames_read(meter)} frames")
            elif sent <= total and _has_room(meter, sent):
                part = samples[sent * FRAME_SAMPLES : (sent + FRAMES_AT_ONCE) * FRAME_SAMPLES]
                connection.sendall(messages(part) or _HANG_UP)
                # One more than there are says that the channel was told to hang up.
                sent += len(part) // FRAME_SAMPLES or 1
                moved = time.monotonic()

    def _frames_read(self, meter: Meter) -> int:
        """How many the channel has read that now stands before a gate."""
        frames, rest = divmod(meter.now().read, FRAME_BYTES)
        if rest not in (0, len(_HANG_UP)):
            raise LabError(f"a channel stands within a message, {rest} bytes behind frame {frames}")
        return frames

    def _open_gate(self) -> None:
        with next(self._gates).open("rb") as gate:
            gate.read()


def _has_room(meter: Meter, sent: int) -> bool:
    now = meter.now()
    return now.received == sent * FRAME_BYTES and now.unread <= FRAMES_AT_ONCE * FRAME_BYTES


def messages(samples: Samples) -> bytes:
    """Audio messages of the whole 20 ms frames of int16, shape (n,)."""
    whole = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].astype("<i2").reshape(-1, FRAME_SAMPLES)
    frames = np.empty((len(whole), FRAME_BYTES), np.uint8)
    frames[:, : _HEADER.size] = np.frombuffer(_HEADER.pack(_AUDIO, 2 * FRAME_SAMPLES), np.uint8)
    frames[:, _HEADER.size :] = whole.view(np.uint8)
    return frames.tobytes()
