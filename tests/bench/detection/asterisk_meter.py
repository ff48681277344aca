"""How much of a connection over loopback the other end has received, and how much of that it has not yet read."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Final

from voicedrop.errors import LabError

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
_LONGEST_REPLY_BYTES: Final = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Bytes, since the connection began."""

    received: int
    unread: int

    @property
    def read(self) -> int:
        return self.received - self.unread


class Meter:
    """Asks the kernel about the other end of this connection, which must be on this machine."""

    def __init__(self, connection: socket.socket) -> None:
        address, port = connection.getsockname()
        other_address, other_port = connection.getpeername()
        body = struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 1 << (_INFO - 1), _ANY_STATE)
        body += struct.pack(
            ">HH4s12x4s12x", other_port, port, socket.inet_aton(other_address), socket.inet_aton(address)
        )
        body += bytes(4) + _NO_COOKIE
        self._request = _NETLINK_HEADER.pack(_NETLINK_HEADER.size + len(body), _BY_FAMILY, _REQUEST, 0, 0) + body
        self._kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _SOCK_DIAG)

    def now(self) -> Reading:
        self._kernel.send(self._request)
        return reading(self._kernel.recv(_LONGEST_REPLY_BYTES))

    def close(self) -> None:
        self._kernel.close()


def reading(reply: bytes) -> Reading:
    """What is in the kernel's answer about a socket.

    Raises:
        LabError: the kernel knows no such socket, or tells nothing of it; so it is with one that is closed.
    """
    size, kind, *_ = _NETLINK_HEADER.unpack_from(reply)
    body = reply[_NETLINK_HEADER.size : size]
    at = _REPLY_BYTES
    while kind == _BY_FAMILY and at + _ATTRIBUTE.size <= len(body):
        length, attribute = _ATTRIBUTE.unpack_from(body, at)
        if attribute == _INFO:
            (received,) = struct.unpack_from("=Q", body, at + _ATTRIBUTE.size + _RECEIVED_OFFSET)
            (unread,) = struct.unpack_from("=I", body, _UNREAD_OFFSET)
            return Reading(received=received, unread=unread)
        at += (length + 3) & ~3
    raise LabError("the kernel does not tell what a channel's connection received")
