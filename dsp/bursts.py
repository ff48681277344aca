"""Bursts of steady tone at the network's frequencies: where each begins and ends, and what it is made of."""

from collections.abc import Callable
from enum import Enum, auto
from functools import lru_cache
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from dsp.indications import HIGHEST_HZ, LOWEST_HZ
from dsp.spectrum import HOP_MS, SAMPLE_RATE_HZ, WINDOW_CENTRE_MS, Hop

Samples = npt.NDArray[np.int16]
LastSamples = Callable[[float, int], Samples]
"""The last n samples up to a stream time in ms; fewer if there were no more."""

OPEN_TONALITY: Final = 0.7
_KEEP_TONALITY: Final = 0.6
"""Less is no tone's beginning, and not its going on: codecs, and noise 10 dB below it, take so much at worst."""
_WEAKEST_DBFS: Final = -46.0


class Zone(Enum):
    """Where the network's tones lie."""

    PROGRESS = auto()
    SIT_1 = auto()
    SIT_2 = auto()
    SIT_3 = auto()
    CNG = auto()
    ANSWER = auto()


_ZONES_HZ: Final = {
    Zone.PROGRESS: (LOWEST_HZ, HIGHEST_HZ),
    Zone.SIT_1: (890.0, 1010.0),  # the three special information tones: 50 Hz either way by E.180...
    Zone.SIT_2: (1340.0, 1460.0),
    Zone.SIT_3: (1740.0, 1860.0),  # ...and 10 Hz more
    Zone.CNG: (1060.0, 1140.0),  # a fax that calls: T.30 allows 38 Hz
    Zone.ANSWER: (2070.0, 2130.0),  # a fax or modem that answers: 15 Hz
}
_GRAIN_HZ: Final = 10.0
_ZONE_OF: Final = tuple(
    next((zone for zone, (low, high) in _ZONES_HZ.items() if low <= grain * _GRAIN_HZ < high), None)
    for grain in range(int(SAMPLE_RATE_HZ / 2 / _GRAIN_HZ) + 1)
)
"""For each 10 Hz its zone: one look-up for each hop."""
_STEP_HZ: Final = 25.0
"""From hop to hop a tone's peak moves no further..."""
_LOW_STEP_HZ: Final = 50.0
"""...but that of a pair that 32 ms cannot part does."""
_STEP_DOWN_DB: Final = 10.0
"""So far below the tone's own level it is over."""
_BRIDGE_MS: Final = 60.0
"""Missing for so long it is over: three lost packets are not its end, the 100 ms of a stuttering dial tone are."""
_YOUNG_HOPS: Final = 5
_YOUNG_BRIDGE_MS: Final = 20.0
"""Unless it was heard in fewer hops: most such are words."""
_RIVAL_HOPS: Final = 3
"""Another tone in its place, heard so often, ends it at once: special information tones touch."""
_EDGE_DB: Final = 6.0
"""A window half filled by the tone reads 6 dB less: its centre is at the tone's edge."""
_KEPT_HOPS: Final = 50
_LOOKS: Final = ((200.0, 1600), (80.0, 640))
"""A tone heard for so long, in ms, is looked at through its last so many samples; the longest window first."""
_LOOK_EVERY_MS: Final = 400.0
_MOST_LOOKS: Final = 16
"""A tone that has no name after 6 s gets none."""
_CALM_DB: Final = 9.0
_STRAYS: Final = 8
_EDGE_HOPS: Final = 3
"""Only a tone whose levels, but for its first hops and one in eight either way, stay within so much is worth a look."""
_LOWEST_TOTAL_HZ: Final = 125.0
_HIGHEST_TOTAL_HZ: Final = 3500.0
_LOBE: Final = 2
_PARTNER_DB: Final = 10.0
"""A second tone is no further below the first: Q.24's twist, and a filter's edge at 350 Hz."""
_PAIR_SHARE: Final = 0.013
"""The two of a pair come from one exchange: each is 0.5 % off at most, or both are off as much."""
PURITY: Final = 0.75
"""Least share of the power in one or two tones: noise 10 dB below them, or what G.729 makes of two."""


class Look(NamedTuple):
    """What a longer window says of a low tone."""

    frequencies_hz: tuple[float, ...]
    """One or two, ascending."""
    purity: float
    """Their share of the power between 125 and 3500 Hz."""
    samples: int


@lru_cache(maxsize=len(_LOOKS))
def _hann(n: int) -> npt.NDArray[np.float64]:
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n))


def look(samples: Samples) -> Look | None:
    """One or two tones between 330 and 650 Hz, in samples of shape (n,); None if there is no peak.

    A Hann window of 200 ms (bins 5 Hz apart) parts tones 25 Hz from each other, one of 80 ms those 60 Hz apart.
    """
    n = len(samples)
    spectrum = np.fft.rfft(samples * _hann(n))
    power = spectrum.real**2 + spectrum.imag**2
    bin_hz = SAMPLE_RATE_HZ / n
    total = float(power[round(_LOWEST_TOTAL_HZ / bin_hz) : round(_HIGHEST_TOTAL_HZ / bin_hz) + 1].sum())
    first_bin, last_bin = round(LOWEST_HZ / bin_hz), round(HIGHEST_HZ / bin_hz)
    here: list[float] = power[first_bin - _LOBE : last_bin + _LOBE + 1].tolist()
    peaks = []
    for _ in range(2):
        k = here.index(max(here[_LOBE:-_LOBE]), _LOBE)
        lobe = here[k - _LOBE : k + _LOBE + 1]
        if lobe[_LOBE] <= 0.0 or lobe[_LOBE] < max(lobe):
            break
        side = 1 if lobe[_LOBE + 1] >= lobe[_LOBE - 1] else -1
        ratio = (lobe[_LOBE + side] / lobe[_LOBE]) ** 0.5
        offset = side * max(0.0, (2 * ratio - 1) / (1 + ratio))
        peaks.append(((k - _LOBE + first_bin + offset) * bin_hz, sum(lobe)))
        here[k - _LOBE : k + _LOBE + 1] = [0.0] * (2 * _LOBE + 1)
    if not peaks or total <= 0.0:
        return None
    if len(peaks) == 2 and peaks[1][1] < peaks[0][1] * 10 ** (-_PARTNER_DB / 10):
        peaks.pop()
    return Look(tuple(sorted(hz for hz, _ in peaks)), min(1.0, sum(p for _, p in peaks) / total), n)


class Burst(NamedTuple):
    """A tone that is over."""

    zone: Zone
    start_ms: float
    end_ms: float
    frequencies_hz: tuple[float, ...]
    level_dbfs: float


class Sounding:
    """A tone that goes on, from the ``hop`` on in which it was first heard."""

    def __init__(self, zone: Zone, hop: Hop, before_dbfs: float) -> None:
        self.zone = zone
        self.first_ms = self.last_ms = hop.end_ms - WINDOW_CENTRE_MS
        """Centres of the first and the last window in which it was heard."""
        self.before_dbfs = before_dbfs
        """Level of the window before the first."""
        self.peak, self._second_hz = hop.first, hop.second_hz
        self.hops = 1
        self._hz, self._dbfs = [hop.first_hz], [hop.dbfs]  # of the first half second
        self._before_last = (self.first_ms, hop.dbfs)  # the last window but one: centre and level
        self._since: list[tuple[float, float]] = [self._before_last]  # the last, and all since
        self.looks: list[Look] = []
        self.look_ms = _LOOKS[-1][0]
        """The length at which it is to be looked at next."""

    def add(self, hop: Hop) -> None:
        """It is in this hop."""
        self.last_ms = hop.end_ms - WINDOW_CENTRE_MS
        self.peak, self._second_hz = hop.first, hop.second_hz
        self.hops += 1
        if self.hops <= _KEPT_HOPS:
            self._hz.append(hop.first_hz)
            self._dbfs.append(hop.dbfs)
        self._before_last = self._since[0]
        self._since = [(self.last_ms, hop.dbfs)]

    def miss(self, hop: Hop) -> float:
        """It is not in this hop; for how long has it been missing?"""
        centre_ms = hop.end_ms - WINDOW_CENTRE_MS
        self._since.append((centre_ms, hop.dbfs))
        return centre_ms - self.last_ms

    @property
    def missing(self) -> bool:
        """Not heard in the newest hop."""
        return len(self._since) > 1

    def has(self, hop: Hop) -> bool:
        """Is it in this hop, or in what a lost packet left of it?"""
        hz, dbfs = hop.first
        if hop.tonality < _KEEP_TONALITY or dbfs < self.peak[1] - _STEP_DOWN_DB:
            return False
        off = abs(hz - self.peak[0])
        if self.zone is not Zone.PROGRESS:
            return off <= _STEP_HZ
        return LOWEST_HZ <= hz < HIGHEST_HZ and (off <= _LOW_STEP_HZ or abs(hz - self._second_hz) <= _LOW_STEP_HZ)

    def level_dbfs(self) -> float:
        """Median of everything in its first half second."""
        return median(self._dbfs)

    def is_calm(self) -> bool:
        """Does its level stay?"""
        levels = sorted(self._dbfs[_EDGE_HOPS:])
        strays = len(levels) // _STRAYS
        return not levels or levels[-1 - strays] - levels[strays] <= _CALM_DB

    def hz(self) -> float:
        """Median of its peak in its first half second."""
        return median(self._hz)

    def start_ms(self) -> float:
        """Where it begins: half its amplitude, between hops."""
        edge = self.level_dbfs() - _EDGE_DB
        before, at_ms = self.before_dbfs, self.first_ms - HOP_MS
        if before >= edge:
            return max(0.0, at_ms + HOP_MS / 2)
        for level in self._dbfs[:_EDGE_HOPS]:
            if level >= edge:
                return max(0.0, at_ms + HOP_MS * (edge - before) / (level - before))
            before, at_ms = level, at_ms + HOP_MS
        return max(0.0, at_ms)

    def end_ms(self) -> float:
        """Where it ends, likewise."""
        edge = self.level_dbfs() - _EDGE_DB
        for (at_ms, level), (next_ms, below) in pairwise((self._before_last, *self._since)):
            if below < edge <= level:
                return at_ms + (next_ms - at_ms) * (level - edge) / (level - below)
        return self.last_ms + HOP_MS / 2

    def frequencies_hz(self) -> tuple[float, ...]:
        """One or two, ascending; empty if it is not steady enough to be the network's."""
        if self.zone is not Zone.PROGRESS:
            return (self.hz(),) if self.hops >= _YOUNG_HOPS else ()
        best = max(self.looks, key=lambda one: (one.samples, one.purity), default=None)
        return best.frequencies_hz if best is not None and best.purity >= PURITY else ()


class BurstFinder:
    """Hops in, bursts out. Delay: 60 ms after a burst's end, or 30 ms into the next one that touches it.

    A low tone (call progress) is looked at through longer windows, when it has been heard for 80 ms, 200 ms, and every
    400 ms for 6 s; that is all that costs. State: one tone that sounds, one that may be taking its place.
    """

    def __init__(self, recent: LastSamples) -> None:
        self._recent = recent
        self.sounding: Sounding | None = None
        self._rival: Sounding | None = None

    def feed(self, hop: Hop, before_dbfs: float) -> Burst | None:
        """Take the next hop, and the level of the one before; say which burst is over."""
        tone = self.sounding
        if tone is None:
            self.sounding = _begin(hop, before_dbfs)
            return None
        if not tone.has(hop):
            return self._miss(tone, hop, before_dbfs)
        tone.add(hop)
        self._rival = None
        length_ms = tone.last_ms - tone.first_ms
        if tone.zone is Zone.PROGRESS and length_ms >= tone.look_ms and hop.tonality >= PURITY:
            self._look(tone, hop.end_ms)
        return None

    def _miss(self, tone: Sounding, hop: Hop, before_dbfs: float) -> Burst | None:
        gone_ms = tone.miss(hop)
        rival = self._rival
        if rival is not None and rival.has(hop):
            rival.add(hop)
        else:
            self._rival = rival = _begin(hop, before_dbfs)
        if gone_ms <= (_BRIDGE_MS if tone.hops >= _YOUNG_HOPS else _YOUNG_BRIDGE_MS) and (
            rival is None or rival.hops < _RIVAL_HOPS
        ):
            return None
        self.sounding, self._rival = rival, None
        hz = tone.frequencies_hz()
        return Burst(tone.zone, tone.start_ms(), tone.end_ms(), hz, tone.level_dbfs()) if hz else None

    def _look(self, tone: Sounding, end_ms: float) -> None:
        samples = next(n for least_ms, n in _LOOKS if tone.look_ms >= least_ms)
        tone.look_ms = _LOOKS[0][0] if samples != _LOOKS[0][1] else tone.last_ms - tone.first_ms + _LOOK_EVERY_MS
        if len(tone.looks) >= _MOST_LOOKS or not tone.is_calm():
            return
        seen = look(self._recent(end_ms, samples))
        if seen is not None:
            tone.looks.append(seen)


def _begin(hop: Hop, before_dbfs: float) -> Sounding | None:
    hz, dbfs = hop.first
    zone = _ZONE_OF[int(hz / _GRAIN_HZ)]
    if zone is None or dbfs < _WEAKEST_DBFS or hop.tonality < OPEN_TONALITY:
        return None
    return Sounding(zone, hop, before_dbfs)


def same_hz(heard: tuple[float, ...], known: tuple[float, ...], share: float) -> bool:
    """As many, none further off than this share, and two of them off alike?"""
    if len(heard) != len(known):
        return False
    off = [one / other - 1 for one, other in zip(heard, known, strict=True)]
    return max(map(abs, off)) <= share and abs(off[-1] - off[0]) <= _PAIR_SHARE
