"""What was heard in the seconds before a tone: a beep comes after words and quiet, a tune's note among others."""

import math
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from dsp.rows import Floats, Numbers, Rows
from dsp.spectrum import HOP_MS, Hop

_BACK_HOPS: Final = 200
"""Two seconds: longer than the pauses of a greeting, shorter than a tune."""
_MOST_HOPS: Final = 400
"""The longest beep, its hold, and what is looked at before it."""
_EDGE_MS: Final = 10.0
"""The window of a hop that ends so shortly before a tone's measured onset may reach into it: the measure's error."""
_TONAL: Final = 0.85
"""Two peaks and harmonics hold this share of the power in tones, of voices only now and then."""
_TONAL_DBFS: Final = -45.0
"""As faint as followed tones are (`ToneSettings.weakest_dbfs`)."""
_WORDS_DBFS: Final = -52.0
_WORDS_MARGIN_DB: Final = 10.0
"""Louder than both is what `SpeechFinder` would take for a voice's beginning."""
_QUIET_DB: Final = 12.0
"""Quiet is so far below the tone."""
_MOST_TONES: Final = 64
_RECENT_MS: Final = 2000.0
_LONG_AGO_MS: Final = 8000.0
"""Tones fade from memory with these time constants: within a greeting, and within a call."""
_OVERLAP_MS: Final = 20.0
"""A tone may end so long after the next one's onset and still be before it: two errors of the edges."""
CLEAR_HOPS: Final = 8
CLEAR_PURITY: Final = 0.8
"""A tone so long and pure is a note or a signal; those of voices seldom are."""
LONG_S: Final = 20.0
"""So long ago, or never."""


class Before(NamedTuple):
    """The figures of `Evidence` that come from here."""

    quiet_hops: float
    """How long nothing before it came near its level, at most two seconds."""
    tonal: float
    words: float
    """Shares of the hops of those two seconds that were loud: tones, and not tones."""
    tones: float
    """How many tones of at least four hops ended before it, fading with 8 s."""
    tones_s: float
    """Their lengths, likewise."""
    clear_now: float
    clear: float
    """The clear ones among them, fading with 2 and 8 s."""
    since_clear_s: float
    """From the end of the last clear one."""


class _Over(NamedTuple):
    end_ms: float
    length_ms: float
    clear: bool


class PastHops:
    """Levels and tonalities of the last four seconds of many streams, a row each."""

    def __init__(self) -> None:
        self._rows = Rows(
            [("hops", np.intp), ("dbfs", np.float64, (_MOST_HOPS,)), ("tonality", np.float64, (_MOST_HOPS,))]
        )

    def renew(self, row: int) -> None:
        """A stream of which nothing has been heard."""
        self._rows.renew(row)

    def feed(self, rows: Numbers, dbfs: Floats, tonality: Floats) -> None:
        """Take the next hop of each of some streams."""
        state = self._rows
        hops = state["hops"][rows]
        at = hops % _MOST_HOPS
        state["dbfs"][rows, at] = dbfs
        state["tonality"][rows, at] = tonality
        state["hops"][rows] = hops + 1

    def feed_many(self, row: int, hops: Sequence[tuple[float, float]]) -> None:
        """Take the next hops of one stream, no more than are kept: level and tonality."""
        state, heard = self._rows, self.heard(row)
        at = np.arange(heard, heard + len(hops)) % _MOST_HOPS
        state["dbfs"][row, at], state["tonality"][row, at] = zip(*hops, strict=True)
        state["hops"][row] = heard + len(hops)

    def heard(self, row: int) -> int:
        """How many hops there have been of a stream."""
        return int(self._rows["hops"][row])

    def newest(self, row: int, hops: int, newer: int) -> tuple[Floats, Floats]:
        """Levels and tonalities, the newest first, of so many hops before the ``newer`` ones; fewer, if there are."""
        heard = self.heard(row)
        at = np.arange(heard - 1 - newer, max(heard - _MOST_HOPS, heard - newer - hops, 0) - 1, -1) % _MOST_HOPS
        return self._rows["dbfs"][row, at], self._rows["tonality"][row, at]

    def levels(self, row: int, first: int, stop: int) -> list[float]:
        """Of hops of a stream by their number, from 0 on, as far as they are there; oldest first."""
        heard = self.heard(row)
        at = np.arange(max(first, heard - _MOST_HOPS, 0), min(stop, heard)) % _MOST_HOPS
        levels: list[float] = self._rows["dbfs"][row, at].tolist()
        return levels


class Past:
    """Takes hops and finished tones; bounded. Work is done only for tones that are over.

    The hops may be kept and fed together with those of other streams: in a row of theirs.
    """

    def __init__(self, hops: PastHops | None = None, row: int = 0) -> None:
        self._kept, self._row = hops or PastHops(), row
        self._kept.renew(row)
        self._new: list[tuple[float, float]] = []
        self._tones: deque[_Over] = deque(maxlen=_MOST_TONES)

    def feed(self, hop: Hop) -> None:
        """Take the next hop, unless others feed the row."""
        self._new.append((hop.dbfs, hop.tonality))
        if len(self._new) == _MOST_HOPS:
            self._hops()

    def _hops(self) -> PastHops:
        """With what is new: it is seldom asked for, and putting hops into arrays one by one costs."""
        if self._new:
            self._kept.feed_many(self._row, self._new)
            self._new.clear()
        return self._kept

    def levels_before(self, end_ms: float, hops: int) -> list[float]:
        """Of so many hops before the one that ended then; oldest first."""
        number = round(end_ms / HOP_MS) - 1
        return self._hops().levels(self._row, number - hops, number)

    def levels_since(self, end_ms: float) -> list[float]:
        """Of the hops that ended then or later, oldest first."""
        hops = self._hops()
        return hops.levels(self._row, math.ceil(end_ms / HOP_MS) - 1, hops.heard(self._row))

    def tone_over(self, start_ms: float, end_ms: float, *, clear: bool) -> None:
        """A tone of at least four hops is over, beep or not."""
        self._tones.append(_Over(end_ms, max(0.0, end_ms - start_ms), clear))

    def before(self, onset_ms: float, dbfs: float, floor_dbfs: float) -> Before:
        """What was before a tone of this onset and level, over a noise floor of that."""
        hops = self._hops()
        before_ms = (hops.heard(self._row) - 1) * HOP_MS
        newer = 1 + max(0, round((before_ms - onset_ms + _EDGE_MS) / HOP_MS))
        levels, tonality = hops.newest(self._row, _BACK_HOPS, newer)
        loud = max(_WORDS_DBFS, floor_dbfs + _WORDS_MARGIN_DB)
        tonal = int(np.count_nonzero((tonality > _TONAL) & (levels > _TONAL_DBFS)))
        words = int(np.count_nonzero((tonality <= _TONAL) & (levels > loud)))
        near = np.flatnonzero(levels > dbfs - _QUIET_DB)
        quiet = near[0] if len(near) else _BACK_HOPS
        tones = tones_s = clear_now = clear = 0.0
        since_s = LONG_S
        for over in self._tones:
            ago_ms = onset_ms - over.end_ms
            if ago_ms <= -_OVERLAP_MS:
                continue
            faded = math.exp(-ago_ms / _LONG_AGO_MS)
            tones += faded
            tones_s += faded * over.length_ms / 1000
            if over.clear:
                clear += faded
                clear_now += math.exp(-ago_ms / _RECENT_MS)
                since_s = min(since_s, ago_ms / 1000)
        heard = max(1, len(levels))
        return Before(float(quiet), tonal / heard, words / heard, tones, tones_s, clear_now, clear, since_s)
