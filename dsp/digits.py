"""DTMF: which of the sixteen pairs sounds, and whether it is one."""

from dataclasses import dataclass, field
from statistics import median
from typing import Final

from dsp.events import ToneIdentified
from dsp.spectrum import HOP_MS, WINDOW_CENTRE_MS, Hop

ROWS_HZ: Final = (697.0, 770.0, 852.0, 941.0)
COLUMNS_HZ: Final = (1209.0, 1336.0, 1477.0, 1633.0)
KEYS: Final = ("123A", "456B", "789C", "*0#D")
TOLERANCE: Final = 0.019
"""Q.24: 1.5 % off is a digit, 3.5 % is none. For the median over its hops..."""
_HOP_TOLERANCE: Final = 0.03
"""...and a little more for one hop."""
_LOWEST_HZ: Final = ROWS_HZ[0] * (1 - _HOP_TOLERANCE)
_HIGHEST_ROW_HZ: Final = ROWS_HZ[-1] * (1 + _HOP_TOLERANCE)
_LOWEST_COLUMN_HZ: Final = COLUMNS_HZ[0] * (1 - _HOP_TOLERANCE)
_HIGHEST_HZ: Final = COLUMNS_HZ[-1] * (1 + _HOP_TOLERANCE)
_WEAKEST_DBFS: Final = -42.0
_TWIST_DB: Final = 12.0
"""Q.24's administrations take 4 to 8 dB one way and 8 to 10 the other; lines and codecs add to it."""
_PURITY: Final = 0.85
"""Least share of the power in the pair (median): 0.94 and more in all digits of the bench's tuning half, and less than
0.86 in 98 of 100 things that resembled them in speech and music..."""
_CONTRAST_DB: Final = 8.0
"""...of which none began and ended as a digit does, out of silence and into it: so much below the digit. Most digits
have 25 dB and more, next to 10 if the line is noisy."""
_EDGE_DB: Final = 6.0
_SHORTEST_MS: Final = 36.0
"""Q.24: 40 ms is a digit; less what codecs take from its edges."""
_FEWEST_HOPS: Final = 4
_MISSED_HOPS: Final = 2
"""Missing in so many it is over: a pause of 40 ms is seen as that, one of 10 ms, or a lost packet, is not."""
_FADED_HOPS: Final = 4
"""So long after it there is silence: G.729 lets it fade."""
_STEADY_HZ: Final = 12.0
"""Both tones stay within so much of their medians, but for the hops at the edges."""
_STRAY_SHARE: Final = 0.2
_RIM_HOPS: Final = 2
"""Up to so many hops at either end have windows that the pair does not fill."""
_LATEST_HOPS: Final = 100
"""One held for a second is said while it goes on."""


def key_of(low_hz: float, high_hz: float, tolerance: float = TOLERANCE) -> str | None:
    """The key of a pair, or None."""
    for row, keys in zip(ROWS_HZ, KEYS, strict=True):
        if abs(low_hz - row) <= tolerance * row:
            for column, key in zip(COLUMNS_HZ, keys, strict=True):
                if abs(high_hz - column) <= tolerance * column:
                    return key
    return None


@dataclass(slots=True)
class Held:
    """A pair that sounds, hop by hop."""

    key: str
    first_ms: float
    before_dbfs: float
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    purity: list[float] = field(default_factory=list)
    dbfs: list[float] = field(default_factory=list)
    missed: list[float] = field(default_factory=list)
    """Levels of the hops since it was last heard."""
    said: bool = False

    def digit(self, at_ms: float, *, over: bool) -> ToneIdentified | None:
        """What it was, if it was one."""
        low, high = median(self.low), median(self.high)
        if len(self.low) < _FEWEST_HOPS or key_of(low, high) != self.key or median(self.purity) < _PURITY:
            return None
        if min(self.before_dbfs, self.dbfs[0]) > self._quiet_dbfs() or (over and not self.faded()):
            return None
        rim = min(_RIM_HOPS, (len(self.low) - 1) // 3)
        inner = range(rim, len(self.low) - rim)
        strays = sum(abs(self.low[k] - low) > _STEADY_HZ or abs(self.high[k] - high) > _STEADY_HZ for k in inner)
        start_ms, end_ms = self._edges()
        if strays > _STRAY_SHARE * len(inner) or end_ms - start_ms < _SHORTEST_MS:
            return None
        return ToneIdentified(
            at_ms=at_ms,
            start_ms=start_ms,
            end_ms=end_ms if over else None,
            name="dtmf",
            digit=self.key,
            frequencies_hz=(low, high),
            level_dbfs=median(self.dbfs),
        )

    def faded(self) -> bool:
        """Has it ended in silence?"""
        return min(self.dbfs[-1:] + self.missed) <= self._quiet_dbfs()

    def _quiet_dbfs(self) -> float:
        return median(self.dbfs) - _CONTRAST_DB

    def _edges(self) -> tuple[float, float]:
        """Where it begins and ends: half its amplitude, between hops."""
        edge = median(self.dbfs) - _EDGE_DB
        levels = [self.before_dbfs, *self.dbfs, *self.missed[:1]]
        at_ms = self.first_ms - HOP_MS
        start, end = next(k for k, level in enumerate(levels) if level >= edge), len(levels) - 1
        while levels[end] < edge:
            end -= 1
        start_ms = at_ms + start * HOP_MS - _part(levels, start, start - 1, edge) * HOP_MS
        return max(0.0, start_ms), at_ms + end * HOP_MS + _part(levels, end, end + 1, edge) * HOP_MS


def _part(levels: list[float], inside: int, outside: int, edge: float) -> float:
    if not 0 <= outside < len(levels):
        return 0.5
    drop = levels[inside] - levels[outside]
    return (levels[inside] - edge) / drop if drop > 0 else 0.5


class DigitFinder:
    """Hops in, digits out. Delay: 20 to 50 ms after a digit's end; a second after its start if it is held."""

    def __init__(self) -> None:
        self.held: Held | None = None
        """The pair that sounds."""

    def feed(self, hop: Hop, before_dbfs: float) -> ToneIdentified | None:
        """Take the next hop, and the lower level of the two before it."""
        found = None
        held = self.held
        pair = _pair(hop)
        if held is None:
            if pair is None:
                return None
        elif pair is None or pair[0] != held.key or len(held.missed) >= _MISSED_HOPS:
            held.missed.append(hop.dbfs)
            missed = len(held.missed)
            if pair is not None or missed >= _FADED_HOPS or (missed >= _MISSED_HOPS and held.faded()):
                found = None if held.said else held.digit(hop.end_ms, over=True)
                self.held = held = None
        if pair is not None:
            if held is None:
                self.held = held = Held(pair[0], hop.end_ms - WINDOW_CENTRE_MS, before_dbfs)
            found = _take(held, hop, pair) or found
        return found


def _take(held: Held, hop: Hop, pair: tuple[str, float, float]) -> ToneIdentified | None:
    if held.said:
        held.missed.clear()
        return None
    # A hop that it was missing in counts: its edges are reckoned in hops.
    for dbfs in (*held.missed, hop.dbfs):
        held.low.append(pair[1])
        held.high.append(pair[2])
        held.purity.append(10 ** ((hop.first_dbfs - hop.dbfs) / 10) + 10 ** ((hop.second_dbfs - hop.dbfs) / 10))
        held.dbfs.append(dbfs)
    held.missed.clear()
    if len(held.low) < _LATEST_HOPS:
        return None
    held.said = True
    return held.digit(hop.end_ms, over=False)


def has_pair(hop: Hop) -> bool:
    """May the hop's two peaks be a key's? Costs little, and is false of most that is said and sung."""
    one, other = hop.first_hz, hop.second_hz
    return (
        _LOWEST_HZ < one < _HIGHEST_ROW_HZ and _LOWEST_COLUMN_HZ < other < _HIGHEST_HZ
        if one < other
        else _LOWEST_HZ < other < _HIGHEST_ROW_HZ and _LOWEST_COLUMN_HZ < one < _HIGHEST_HZ
    )


def _pair(hop: Hop) -> tuple[str, float, float] | None:
    """Key, low and high frequency, if the hop's two peaks are such a pair."""
    if not has_pair(hop):
        return None
    low, high = sorted((hop.first_hz, hop.second_hz))
    if hop.first_dbfs - hop.second_dbfs > _TWIST_DB or hop.first_dbfs < _WEAKEST_DBFS:
        return None
    key = key_of(low, high, _HOP_TOLERANCE)
    return None if key is None else (key, low, high)
