"""Session controllers cut calls that fall silent: the leg sends RTP at every stage."""

from __future__ import annotations

import asyncio
import itertools
import re
from datetime import UTC, datetime

import pytest

from tests.lab.conftest import Bench, number_of
from voicedrop.lab import servers

MOST_MS = 100
PACKET = re.compile(r"^\[(.{23})\].*Got  RTP packet from\s+(\S+) \(type \d+, seq (\d+), ts (\d+), len \d+\)")


@pytest.mark.parametrize("agent", ["1001", "2001"], ids=["bridged", "dial"])
async def test_no_gap_over_100_ms_towards_the_carrier(bench: Bench, agent: str) -> None:
    """From the code on, by the RTP timestamps of what the carrier got: they go on with the clock while
    nothing is sent. (Before that the agent's telephone itself is silent while a key is down.)"""
    number = number_of("slow-beep")  # waits, plays, takes back, waits, plays again
    servers.command(bench.site, "carrier", "rtp set debug on")
    log = bench.site.lab / "carrier/log/full"
    begin = log.stat().st_size
    try:
        telephone = await bench.exchange.dial(agent, number)
        await bench.mark(number, "answer")
        await telephone.talk()
        await telephone.press("*92")
        await asyncio.wait_for(telephone.ended.wait(), 10)
        assert (await bench.delivery(number, "short")).whole
    finally:
        servers.command(bench.site, "carrier", "rtp set debug off")
    receipt = await bench.receipt(number)
    streams: dict[str, list[tuple[float, int, int]]] = {}
    with log.open(errors="replace") as lines:
        lines.seek(begin)
        for found in filter(None, map(PACKET.search, lines)):
            at = datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp()
            streams.setdefault(found[2], []).append((at, int(found[3]), int(found[4])))
    assert streams, "the carrier logged no RTP"
    # The leg of the drop is the stream that lasts: its greeting alone takes 17 s.
    stream = max(streams.values(), key=len)
    accepted = datetime.fromisoformat(receipt["accepted"]).timestamp()
    assert min(at for at, _, _ in stream if at >= accepted) - accepted <= MOST_MS / 1000
    after = [packet for packet in stream if packet[0] >= accepted]
    assert len(after) > 20 * 50
    gaps = [
        (later[2] - earlier[2]) / 8
        for earlier, later in itertools.pairwise(after)
        if later[1] == (earlier[1] + 1) % 65536
    ]
    assert max(gaps) <= MOST_MS, f"a gap of {max(gaps):.0f} ms behind packet {gaps.index(max(gaps))} of {len(gaps)}"
