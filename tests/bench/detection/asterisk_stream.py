"""One stream of the bench into one AudioSocket channel, and how much of it the channel has read."""

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

from tests.bench.detection.ears import FRAME_SAMPLES
from tests.bench.detection.waves import Samples
from voicedrop.errors import LabError

# AudioSocket's messages: kind, length of what follows (big-endian), that. See asterisk/res_audiosocket.h.
_AUDIO: Final = 0x10
_HANG_UP: Final = b"\0\0\0"
_HEADER: Final = struct.Struct(">BH")
FRAME_BYTES: Final = _HEADER.size + 2 * FRAME_SAMPLES
FRAMES_AT_ONCE: Final = 100
"""Sent at once, 32 kB. A message is never left half sent: Asterisk takes the half of a header for a whole one."""
SEND_BUFFER_BYTES: Final = 1 << 20
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
        self._connection: socket.socket | None = None
        self._bell = os.eventfd(0, os.EFD_NONBLOCK)

    def connected(self, connection: socket.socket) -> None:
        self._connections.put(connection)

    def declared(self) -> None:
        os.eventfd_write(self._bell, 1)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        os.close(self._bell)

    def play(self, samples: Samples, connect_timeout_s: float) -> list[int]:
        """All whole frames of the stream; how many of them were read at each declaration.

        Raises:
            LabError: nothing connected, or not all of it was read.
        """
        try:
            self._connection = self._connections.get(timeout=connect_timeout_s)
        except queue.Empty:
            raise LabError("Asterisk did not call for a stream of the bench") from None
        try:
            return self._play(self._connection, samples)
        except OSError as error:
            raise LabError(f"a channel ended before its stream did: {error}") from error

    def _play(self, connection: socket.socket, samples: Samples) -> list[int]:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        total = len(samples) // FRAME_SAMPLES
        sent = 0
        at: list[int] = []
        poll = select.poll()
        poll.register(self._bell, select.POLLIN)
        poll.register(connection, select.POLLIN | select.POLLOUT)
        while True:
            ready = dict(poll.poll(STALL_S * 1000))
            if not ready:
                raise LabError(f"a channel stopped reading its stream after frame {frames_read(connection)}")
            if self._bell in ready:
                os.eventfd_read(self._bell)
                at.append(frames_read(connection))
                self._open_gate()
            events = ready.get(connection.fileno(), 0)
            if events & (select.POLLIN | select.POLLHUP | select.POLLERR):
                # The channel says nothing itself: this is its end, and an error if it left some of the stream unread.
                if connection.recv(1) or sent < total:
                    raise LabError(f"a channel ended before its stream did, after {sent} of {total} frames")
                return at
            if events & select.POLLOUT and sent == total:
                connection.sendall(_HANG_UP)
                poll.modify(connection, select.POLLIN)
            elif events & select.POLLOUT:
                part = min(FRAMES_AT_ONCE, total - sent)
                connection.sendall(messages(samples[sent * FRAME_SAMPLES : (sent + part) * FRAME_SAMPLES]))
                sent += part

    def _open_gate(self) -> None:
        with next(self._gates).open("rb") as gate:
            gate.read()


def messages(samples: Samples) -> bytes:
    """Audio messages of whole 20 ms frames of int16, shape (160 n,)."""
    frames = np.empty((len(samples) // FRAME_SAMPLES, FRAME_BYTES), np.uint8)
    frames[:, : _HEADER.size] = np.frombuffer(_HEADER.pack(_AUDIO, 2 * FRAME_SAMPLES), np.uint8)
    frames[:, _HEADER.size :] = samples.astype("<i2").view(np.uint8).reshape(len(frames), -1)
    return frames.tobytes()


# Linux's sock_diag(7), for one TCP socket by its addresses: linux/inet_diag.h and the head of struct tcp_info in
# linux/tcp.h, neither of which may ever change.
_SOCK_DIAG: Final = 4
_BY_FAMILY: Final = 20
_REQUEST: Final = 1
_INFO: Final = 2
_ANY_STATE: Final = 0xFFFFFFFF
_NO_COOKIE: Final = b"\xff" * 8
_NETLINK_HEADER: Final = struct.Struct("=IHHII")
_REPLY_BYTES: Final = 72
_UNREAD_OFFSET: Final = 4 + 48 + 4
_RECEIVED_OFFSET: Final = 128
_ATTRIBUTE: Final = struct.Struct("=HH")
_SETTLE_S: Final = 0.002
_SETTLED_WITHIN_S: Final = 10.0


def frames_read(connection: socket.socket) -> int:
    """How many whole messages the other end has read, when it reads no more for the moment."""
    until = time.monotonic() + _SETTLED_WITHIN_S
    last = -1
    while time.monotonic() < until:
        now = bytes_read(connection)
        # What is still on its way moves both figures behind the difference; a channel stands between two messages.
        if now == last and now % FRAME_BYTES == 0:
            return now // FRAME_BYTES
        last = now
        time.sleep(_SETTLE_S)
    raise LabError(f"a channel stands within a message, at byte {last}")


def bytes_read(connection: socket.socket) -> int:
    """How much the other end has read of a connection over loopback: what it has received less what waits there."""
    address, port = connection.getsockname()
    other_address, other_port = connection.getpeername()
    addresses = struct.pack(
        ">HH4s12x4s12x", other_port, port, socket.inet_aton(other_address), socket.inet_aton(address)
    )
    request = struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 1 << (_INFO - 1), _ANY_STATE)
    request += addresses + bytes(4) + _NO_COOKIE
    header = _NETLINK_HEADER.pack(_NETLINK_HEADER.size + len(request), _BY_FAMILY, _REQUEST, 0, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _SOCK_DIAG) as kernel:
        kernel.send(header + request)
        return read_by(kernel.recv(65536))


def read_by(reply: bytes) -> int:
    """Received less unread, from the kernel's answer about a socket.

    Raises:
        LabError: the kernel knows no such socket, or tells nothing of it.
    """
    size, kind, *_ = _NETLINK_HEADER.unpack_from(reply)
    if kind != _BY_FAMILY:
        raise LabError("the kernel does not tell of a channel's connection")
    body = reply[_NETLINK_HEADER.size : size]
    (unread,) = struct.unpack_from("=I", body, _UNREAD_OFFSET)
    at = _REPLY_BYTES
    while at + _ATTRIBUTE.size <= len(body):
        length, attribute = _ATTRIBUTE.unpack_from(body, at)
        if attribute == _INFO:
            (received,) = struct.unpack_from("=Q", body, at + _ATTRIBUTE.size + _RECEIVED_OFFSET)
            return int(received - unread)
        at += (length + 3) & ~3
    raise LabError("the kernel does not tell what a channel's connection received")
