"""The lab's bad network with real packets: who gets what, and from where."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.ports import free_port
from voicedrop.errors import LabError
from voicedrop.lab.impairment import Impairment
from voicedrop.lab.relay import CARRIER, PBX, Counts, Relay, RelayProcess
from voicedrop.lab.site import PORT_OFFSETS, Site

PACKETS = 200
WAIT_S = 10.0


def rtp(sequence: int) -> bytes:
    return bytes([0x80, 0]) + sequence.to_bytes(2, "big") + bytes(8) + b"audio"


def sequence(packet: bytes) -> int:
    return int.from_bytes(packet[2:4], "big")


def server(address: str, port: int) -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((address, port))
    one.settimeout(WAIT_S)
    return one


class Line:
    """A PBX and a carrier, one RTP and one RTCP port each, with a relay between them."""

    def __init__(self, site: Site, impairment: Impairment) -> None:
        self.pbx_port = site.port("pbx_lossy_rtp_first")
        self.carrier_port = site.port("carrier_lossy_rtp_first") + 10
        self.relay = Relay(site, impairment)
        self._thread = threading.Thread(target=self.relay.run, name="relay")
        self._thread.start()
        self.pbx, self.pbx_rtcp = (server(PBX[0], self.pbx_port + more) for more in (0, 1))
        self.carrier, self.carrier_rtcp = (server(CARRIER[0], self.carrier_port + more) for more in (0, 1))

    def from_carrier(self, packet: bytes) -> None:
        self.carrier.sendto(packet, (PBX[1], self.pbx_port))

    def close(self) -> Counts:
        self.relay.stop()
        self._thread.join(WAIT_S)  # twice is harmless, and so is closing twice
        self.relay.close()
        for one in (self.pbx, self.pbx_rtcp, self.carrier, self.carrier_rtcp):
            one.close()
        return self.relay.counts


@pytest.fixture
def site() -> Site:
    # An even base: RTP has the even ports.
    return Site(home=Path(), port_base=(free_port() - PORT_OFFSETS["pbx_lossy_rtp_first"]) // 2 * 2)


@pytest.fixture
def line(site: Site) -> Iterator[Callable[[Impairment], Line]]:
    made: list[Line] = []

    def make(impairment: Impairment) -> Line:
        made.append(Line(site, impairment))
        return made[-1]

    yield make
    for one in made:
        one.close()


LineMaker = Callable[[Impairment], Line]


def test_each_gets_its_audio_from_the_address_that_it_was_shown(line: LineMaker) -> None:
    one = line(Impairment())
    one.from_carrier(rtp(1))
    assert one.pbx.recvfrom(100) == (rtp(1), (CARRIER[1], one.carrier_port))
    one.pbx.sendto(rtp(2), (CARRIER[1], one.carrier_port))
    assert one.carrier.recvfrom(100) == (rtp(2), (PBX[1], one.pbx_port))


def test_as_many_are_lost_as_are_counted_and_each_comes_once(line: LineMaker) -> None:
    one = line(Impairment(loss=0.2, jitter_ms=5, seed=1))
    for index in range(PACKETS):
        one.from_carrier(rtp(index))
    kept = [index for index in range(PACKETS) if index not in lost(0.2)]
    assert sorted(sequence(one.pbx.recv(100)) for _ in kept) == kept
    counts = one.close()
    assert (counts.streams, counts.packets, counts.lost) == (1, PACKETS, PACKETS - len(kept))


def lost(share: float) -> set[int]:
    plan = Impairment(loss=share, seed=1).stream(0)
    return {index for index in range(PACKETS) if plan.leaves(0.0) is None}


def test_overtaken_packets_are_counted(line: LineMaker) -> None:
    one = line(Impairment(jitter_ms=20, seed=1))
    for index in range(PACKETS):
        one.from_carrier(rtp(index))
    came = [sequence(one.pbx.recv(100)) for _ in range(PACKETS)]
    late = sum(packet < max(came[: index + 1]) for index, packet in enumerate(came))
    assert late > 0
    assert one.close().overtaken == late


def test_the_pbxs_audio_and_rtcp_pass_untouched(line: LineMaker) -> None:
    one = line(Impairment(loss=1.0))
    one.pbx.sendto(rtp(1), (CARRIER[1], one.carrier_port))
    assert one.carrier.recv(100) == rtp(1)
    one.carrier_rtcp.sendto(b"report", (PBX[1], one.pbx_port + 1))
    assert one.pbx_rtcp.recv(100) == b"report"


def test_a_port_that_is_taken_is_named(site: Site) -> None:
    port = site.port("carrier_lossy_rtp_first")
    with server(CARRIER[1], port), pytest.raises(LabError, match=rf"127\.0\.0\.4:{port}"):
        Relay(site, Impairment())


def test_as_a_process_it_tells_what_it_did(monkeypatch: pytest.MonkeyPatch, site: Site) -> None:
    monkeypatch.setenv("VOICEDROP_LAB_PORTS", str(site.port_base))
    relay = RelayProcess(Impairment(loss=1.0))
    relay.start()
    try:
        port = site.port("pbx_lossy_rtp_first")
        with server(CARRIER[0], site.port("carrier_lossy_rtp_first")) as carrier, server(PBX[0], port + 1) as pbx:
            carrier.sendto(rtp(1), (PBX[1], port))
            # What passes untouched shows that what came before it has been dealt with.
            carrier.sendto(b"report", (PBX[1], port + 1))
            assert pbx.recv(100) == b"report"
    finally:
        counted = relay.stop()
    assert counted == {"streams": 1, "packets": 1, "lost": 1, "overtaken": 0}
