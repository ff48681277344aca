"""What a bad network does to one stream of packets: which are lost, and how late the others are.

Pure: the same seed gives the same fates. As `tc netem delay 30ms 30ms loss 5%` does it: each packet for itself is
lost by chance, or delayed by a time drawn evenly from 0 to twice the jitter. Packets overtake each other where their
delays say so, unless the network is one that keeps them in order.
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Impairment:
    """A bad network, by its figures."""

    loss: float = 0.0
    """The share of packets that never arrive, 0 to 1."""
    jitter_ms: float = 0.0
    """The mean delay, and how far from it a packet's delay may be to either side."""
    in_order: bool = False
    """No packet overtakes another: a late one holds those behind it up, as in a queue."""
    seed: int = 0

    def stream(self, index: int) -> Fates:
        """The fates of the packets of the `index`-th stream."""
        return Fates(self, random.Random(f"{self.seed}/{index}"))


class Fates:
    """What happens to the packets of one stream, one after the other."""

    def __init__(self, impairment: Impairment, chance: random.Random) -> None:
        self._impairment = impairment
        self._chance = chance
        self._last_leaves = 0.0

    def leaves(self, now: float) -> float | None:
        """When the packet that came at `now` leaves, both in seconds; None: it is lost."""
        # Two draws for each packet, lost or not, so that more loss changes nobody else's delay.
        lost = self._chance.random() < self._impairment.loss
        delay_s = self._chance.random() * 2 * self._impairment.jitter_ms / 1000
        if lost:
            return None
        leaves = now + delay_s
        if self._impairment.in_order:
            leaves = max(leaves, self._last_leaves)
        self._last_leaves = leaves
        return leaves
