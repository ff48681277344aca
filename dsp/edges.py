"""Where a tone begins and ends, between hops of 10 ms; and which of its windows it fills.

All take the tone's hops, at least one: `at_ms` are the centres of its windows, `dbfs` its levels in them.
"""

from collections.abc import Sequence
from typing import Final

from dsp.shape import median
from dsp.spectrum import HOP_MS

EDGE_HOPS: Final = 2
"""A tone's first and last windows, no more than these..."""
_EDGE_STEP_DB: Final = 0.7
"""...differ from the next by at least so much."""
_EDGE_DB: Final = 6.0
"""A window half filled by the tone reads 6 dB less: its centre is at the tone's edge."""
_NEAR_HOPS: Final = 5
"""An edge is not further inside than so many hops."""
_FULL_HOPS: Final = 6
"""The first full amplitude is the loudest of so many hops."""
_LAST_HOPS: Final = slice(-8, -2)
"""The last full amplitude is the median of these."""
_LEAST_HOPS: Final = 4
"""So many are left, however the edges look."""


def onset_ms(at_ms: Sequence[float], dbfs: Sequence[float]) -> float:
    """Where half the first full amplitude is reached."""
    full = max(dbfs[:_FULL_HOPS])
    for k in range(min(_NEAR_HOPS, len(dbfs))):
        if dbfs[k] > full - _EDGE_DB:
            break
    return max(0.0, at_ms[k] - _beyond(dbfs, k, k - 1, full))


def end_ms(at_ms: Sequence[float], dbfs: Sequence[float]) -> float:
    """Where the last half of the full amplitude is."""
    full = median(dbfs[_LAST_HOPS]) if len(dbfs) >= -_LAST_HOPS.start else max(dbfs)
    last = len(dbfs) - 1
    for k in range(last, max(-1, last - _NEAR_HOPS), -1):
        if dbfs[k] > full - _EDGE_DB:
            break
    return at_ms[k] + _beyond(dbfs, k, k + 1, full)


def _beyond(dbfs: Sequence[float], inside: int, outside: int, full: float) -> float:
    """Milliseconds from hop ``inside`` towards ``outside`` to where the level is 6 dB under ``full``."""
    if not 0 <= outside < len(dbfs):
        return HOP_MS / 2  # the next one did not even match
    drop = dbfs[inside] - dbfs[outside]
    part = (dbfs[inside] - (full - _EDGE_DB)) / drop if drop > 0 else 0.5
    return min(1.0, part) * HOP_MS


def filled(dbfs: Sequence[float]) -> tuple[int, int]:
    """First and last hop whose windows the tone fills: at its edges it seems to rise and bend."""
    first, last = 0, len(dbfs) - 1
    while first < EDGE_HOPS and last - first >= _LEAST_HOPS:
        if dbfs[first + 1] - dbfs[first] < _EDGE_STEP_DB:
            break
        first += 1
    while last > len(dbfs) - 1 - EDGE_HOPS and last - first >= _LEAST_HOPS:
        if dbfs[last - 1] - dbfs[last] < _EDGE_STEP_DB:
            break
        last -= 1
    return first, last
