"""The bad network of the lab: an RTP relay between the PBX's endpoint `carrier-lossy` and the carrier.

Each server shows the other an address at which this relay listens, and has an RTP port range of its own for these
calls, so that no SIP has to be read. A packet tells by itself where it goes on to: what comes from the carrier's port C
to the PBX's shown address, port P, leaves from the carrier's shown address, port C, to the PBX's port P. So each server
gets its audio from the very address that the SDP named. RTP from the carrier is impaired; the other direction and RTCP
(odd ports) pass at once.
"""

from __future__ import annotations

import heapq
import itertools
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

from voicedrop.errors import LabError
from voicedrop.lab.impairment import Fates, Impairment
from voicedrop.lab.site import Site

# (where the server itself is, where the other one sends to), as docker/*/pjsip.conf have them.
PBX = ("127.0.0.2", "127.0.0.3")
CARRIER = ("127.0.0.1", "127.0.0.4")
BIGGEST_PACKET = 2048  # bytes; 20 ms of ulaw are 172
LOOK_S = 0.1  # so often it is looked whether to stop
READY = "ready"
STOP_TIMEOUT_S = 10.0


@dataclass
class Counts:
    """What passed from the carrier to the PBX."""

    streams: int = 0
    packets: int = 0
    lost: int = 0
    overtaken: int = 0
    """Packets that left behind one with a later sequence number."""


@dataclass
class Stream:
    """One direction of RTP of one call."""

    fates: Fates
    latest: int = -1
    """The sequence number of the last packet that left in order."""


class Relay:
    """Moves packets until `stop`. Makes no thread and handles no signal of its own.

    Raises:
        LabError: a port is taken.
    """

    def __init__(self, site: Site, impairment: Impairment) -> None:
        self.counts = Counts()
        self._impairment = impairment
        self._sockets: dict[tuple[str, int], socket.socket] = {}
        self._streams: dict[tuple[int, bytes], Stream] = {}
        self._selector = selectors.DefaultSelector()
        self._waiting: list[tuple[float, int, Stream, socket.socket, tuple[str, int], bytes]] = []
        self._order = itertools.count()
        self._running = True
        for (_, shown), side in ((PBX, "pbx"), (CARRIER, "carrier")):
            for port in range(site.port(f"{side}_lossy_rtp_first"), site.port(f"{side}_lossy_rtp_last") + 1):
                self._bind(shown, port)

    def _bind(self, address: str, port: int) -> None:
        one = self._sockets[address, port] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.setblocking(False)
        try:
            one.bind((address, port))
        except OSError as error:
            self.close()
            raise LabError(f"the relay cannot listen on {address}:{port}: {error.strerror}") from error
        self._selector.register(one, selectors.EVENT_READ, (address, port))

    def stop(self) -> None:
        self._running = False

    def run(self) -> None:
        """Until `stop` is called, by a signal's handler."""
        while self._running:
            due_s = self._waiting[0][0] - time.monotonic() if self._waiting else LOOK_S
            for key, _ in self._selector.select(min(max(0.0, due_s), LOOK_S)):
                self._receive(key.fileobj, key.data)
            while self._waiting and self._waiting[0][0] <= time.monotonic():
                _, _, stream, sender, destination, packet = heapq.heappop(self._waiting)
                self._count_order(stream, packet)
                _send(sender, packet, destination)

    def close(self) -> None:
        self._selector.close()
        for one in self._sockets.values():
            one.close()

    def _receive(self, receiver: Any, at: tuple[str, int]) -> None:
        try:
            packet, (_, from_port) = receiver.recvfrom(BIGGEST_PACKET)
        except OSError:
            return
        shown, port = at
        from_carrier = shown == PBX[1]
        here, there = (PBX, CARRIER) if from_carrier else (CARRIER, PBX)
        sender = self._sockets.get((there[1], from_port))
        if sender is None:
            return  # not from a port of the other server's range
        destination = (here[0], port)
        if not from_carrier or port % 2:
            _send(sender, packet, destination)
            return
        source = (from_port, packet[8:12])  # with its SSRC: a later call may have the same port
        stream = self._streams.get(source)
        if stream is None:
            stream = self._streams[source] = Stream(self._impairment.stream(self.counts.streams))
            self.counts.streams += 1
        self.counts.packets += 1
        due = stream.fates.leaves(time.monotonic())
        if due is None:
            self.counts.lost += 1
            return
        heapq.heappush(self._waiting, (due, next(self._order), stream, sender, destination, packet))

    def _count_order(self, stream: Stream, packet: bytes) -> None:
        sequence = int.from_bytes(packet[2:4], "big")
        if stream.latest >= 0 and 0 < (stream.latest - sequence) % 65536 < 1000:
            self.counts.overtaken += 1
        else:
            stream.latest = sequence


def _send(sender: socket.socket, packet: bytes, destination: tuple[str, int]) -> None:
    try:
        sender.sendto(packet, destination)
    except OSError:
        return  # as a network does: the packet is lost


def serve(site: Site, impairment: Impairment) -> Counts:
    """Relay until SIGINT or SIGTERM.

    Raises:
        LabError: a port is taken.
    """
    relay = Relay(site, impairment)
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: relay.stop())
    print(READY, flush=True)
    try:
        relay.run()
    finally:
        relay.close()
    return relay.counts


class RelayProcess:
    """`voicedrop lab relay` as a process of its own, so that nothing here delays a packet."""

    def __init__(self, impairment: Impairment) -> None:
        self._impairment = impairment
        self._process: subprocess.Popen[str] | None = None
        self._counted: dict[str, int] = {}

    def start(self) -> None:
        """Start it and wait until it listens.

        Raises:
            LabError: it did not get that far.
        """
        bad = self._impairment
        figures = ["--loss", str(bad.loss * 100), "--jitter-ms", str(bad.jitter_ms), "--seed", str(bad.seed)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "voicedrop", "lab", "relay", *figures, *["--in-order"] * bad.in_order],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != READY:
            _, said = self._process.communicate(timeout=STOP_TIMEOUT_S)
            raise LabError(f"the relay did not come up: {said.strip()}")

    def stop(self) -> dict[str, int]:
        """End it; what it counted. Twice is harmless."""
        assert self._process is not None
        if not self._counted:
            self._process.send_signal(signal.SIGTERM)
            out, _ = self._process.communicate(timeout=STOP_TIMEOUT_S)
            self._counted = dict(json.loads(out))
        return self._counted
