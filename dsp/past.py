"""What was heard in the seconds before a tone: a beep comes after words and quiet, a tune's note among others."""

import math
from collections import deque
from itertools import islice
from typing import Final, NamedTuple

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


class Past:
    """Takes hops and finished tones; bounded. Work is done only for tones that are over."""

    def __init__(self) -> None:
        self._dbfs: deque[float] = deque(maxlen=_MOST_HOPS)
        self._tonality: deque[float] = deque(maxlen=_MOST_HOPS)
        self._now_ms = 0.0
        self._tones: deque[_Over] = deque(maxlen=_MOST_TONES)

    def feed(self, hop: Hop) -> None:
        """Take the next hop."""
        self._dbfs.append(hop.dbfs)
        self._tonality.append(hop.tonality)
        self._now_ms = hop.end_ms

    def tone_over(self, start_ms: float, end_ms: float, *, clear: bool) -> None:
        """A tone of at least four hops is over, beep or not."""
        self._tones.append(_Over(end_ms, max(0.0, end_ms - start_ms), clear))

    def before(self, onset_ms: float, dbfs: float, floor_dbfs: float) -> Before:
        """What was before a tone of this onset and level, over a noise floor of that."""
        newer = max(0, round((self._now_ms - onset_ms + _EDGE_MS) / HOP_MS))
        levels = list(islice(reversed(self._dbfs), newer, newer + _BACK_HOPS))
        tonality = islice(reversed(self._tonality), newer, newer + _BACK_HOPS)
        loud = max(_WORDS_DBFS, floor_dbfs + _WORDS_MARGIN_DB)
        tonal = words = 0
        for level, share in zip(levels, tonality, strict=True):
            if share > _TONAL:
                tonal += level > _TONAL_DBFS
            else:
                words += level > loud
        quiet = next((k for k, level in enumerate(levels) if level > dbfs - _QUIET_DB), _BACK_HOPS)
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
