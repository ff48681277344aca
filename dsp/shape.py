"""How straight a tone's path is, and what its frequencies have to do with one another."""

from collections.abc import Iterable
from operator import mul
from typing import Final, NamedTuple

from dsp.settings import Steadiness

_TRIM_HOPS: Final = 10
_TRIM_SHARE: Final = 0.4
_TRIM_HZ: Final = 6.0
_TRIM_STRAYS: Final = 0.6
"""Of a tone of so many hops at most a share is cut off: hops of which more than so many are so far from its line."""


class Shape(NamedTuple):
    """How a track behaves: see `Steadiness` for the words."""

    hops: int
    jitter_hz: float
    slope_hz_per_s: float
    purity: float
    wobble_db: float


def median(values: Iterable[float]) -> float:
    """As `statistics.median`, but quick: it is asked for some hundred times a second."""
    ranked = sorted(values)
    n = len(ranked)
    return ranked[n // 2] if n % 2 else (ranked[n // 2 - 1] + ranked[n // 2]) / 2


def harmonic(one: float, other: float) -> bool:
    """Is one a multiple of the other?"""
    ratio = max(one, other) / max(1.0, min(one, other))
    return abs(ratio - round(ratio)) < 0.02


def neighbouring_harmonics(low: float, high: float) -> bool:
    """Could these be the 2nd and 3rd, ..., 5th and 6th harmonic of one voice?"""
    return any(abs(high / low - (n + 1) / n) < 0.01 for n in range(2, 6))


def fits(shape: Shape, rule: Steadiness) -> bool:
    return (
        shape.jitter_hz <= rule.jitter_hz
        and abs(shape.slope_hz_per_s) <= rule.slope_hz_per_s
        and shape.purity >= rule.purity
        and shape.wobble_db <= rule.wobble_db
    )


def straighten(at: list[float], values: list[float]) -> tuple[float, float]:
    """Slope of the best line through the points, and the largest distance from it, the worst left out.

    The line is fitted twice, the second time without the worst quarter, and a quarter of the rest does not
    count: lost packets and edges bend only a few hops.
    """
    slope, distances = _about_line(at, values)
    ranked = sorted(zip(distances, at, values, strict=True))[: _kept(len(at))]
    slope, distances = _about_line([t for _, t, _ in ranked], [v for _, _, v in ranked])
    distances.sort()
    return slope, distances[_kept(len(distances)) - 1]


def _kept(n: int) -> int:
    """All but the worst quarter, but never fewer than three (or all, if there are fewer)."""
    return min(n, max(3, n - n // 4))


def _about_line(at: list[float], values: list[float]) -> tuple[float, list[float]]:
    """Slope of the least squares line, and how far each point is from it."""
    n = len(at)
    mean_at, mean = sum(at) / n, sum(values) / n
    since = [t - mean_at for t in at]
    spread = sum(map(mul, since, since))
    slope = sum(map(mul, since, values)) / spread if spread else 0.0
    return slope, [abs(v - mean - slope * t) for t, v in zip(since, values, strict=True)]


def stray_beginning(at: list[float], hz: list[float]) -> int:
    """How many of a tone's first hops are off the line of the rest: another sound's."""
    n = len(hz)
    if n < _TRIM_HOPS:
        return 0
    first = int(n * _TRIM_SHARE)
    slope, jitter = straighten(at[first:], hz[first:])
    middle_at, middle_hz = median(at[first:]), median(hz[first:])
    most = max(_TRIM_HZ, 2 * jitter)
    cut = strays = 0
    for k in range(first):
        strays += abs(hz[k] - middle_hz - slope * (at[k] - middle_at)) > most
        if strays > _TRIM_STRAYS * (k + 1):
            cut = k + 1
    return cut
