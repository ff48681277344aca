"""The model of the snoop that `python -m tests.bench.holes` sends tones through."""

from __future__ import annotations

import re

import numpy as np

from tests.bench.holes import Frame, snoop
from voicedrop.lab.impairment import Impairment


def packets(count: int) -> list[Frame]:
    return [np.full(160, index + 1, np.int16) for index in range(count)]


def brought(network: Impairment, count: int = 20) -> list[int]:
    """What the snoop brings from the first packet's sending on: the packet's number from 1, or 0 for a hole."""
    return [int(frame[0]) for frame in snoop(packets(count), network, 0)]


def test_on_a_clear_line_it_brings_each_packet_at_its_tick() -> None:
    assert brought(Impairment())[:20] == list(range(1, 21))


def test_a_lost_packet_is_a_hole_where_nothing_waits() -> None:
    came = brought(Impairment(loss=0.3, seed=1))
    assert 0 in came[:20]
    assert all(packet in (0, place + 1) for place, packet in enumerate(came[:20]))


def test_a_late_packet_comes_behind_its_hole_and_all_behind_it_later() -> None:
    came = brought(Impairment(jitter_ms=30, in_order=True, seed=1))
    sound = [packet for packet in came if packet]
    assert sound == list(range(1, 21))
    assert came.index(20) > 19


def test_a_packet_that_was_overtaken_is_dropped() -> None:
    sound = [packet for packet in brought(Impairment(jitter_ms=30, seed=1)) if packet]
    assert sound == sorted(sound)
    assert 10 < len(sound) < 20


def test_where_nothing_is_sent_there_is_silence() -> None:
    first, second = packets(2)
    came = [int(frame[0]) for frame in snoop([first, None, None, second], Impairment(), 0)]
    assert came[:5] == [1, 0, 0, 2, 0]


def test_three_holes_in_a_row_are_as_frequent_as_in_the_lab() -> None:
    """Measured: 5.8 times in 1000 frames."""
    bad, count = Impairment(loss=0.05, jitter_ms=30, seed=3), 10_000
    came = "".join("x" if packet else "." for packet in brought(bad, count)).rstrip(".")
    assert 4 < 1000 * len(re.findall(r"(?<=x)\.\.\.(?=x)", came)) / count < 8
